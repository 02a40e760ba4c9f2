"""Charges by hand, corrections of use, and the check of the ledger, as the operator runs them."""

import json
from datetime import UTC, date, datetime
from uuid import UUID

import asyncpg
import pytest
from admin import SECRET, UNKNOWN, Operator, uuid_of

from daimon.kit import ids
from daimon.kit.ids import Kind
from daimon.quotas import usage
from daimon.quotas.usage import Used
from serving import daimon

TODAY = datetime.now(UTC).date()


async def _inbox(operator: Operator, account: str, mails: int) -> str:
    """Put an inbox that received mail today into an account."""
    inbox_id, account_id = ids.new(), uuid_of(account)
    await operator.db.execute(
        "insert into inbox_placements (account_id, inbox_id, first, pod_id) values ($1, $2, $3, $4)",
        account_id, inbox_id, TODAY, UUID(int=0),
    )  # fmt: skip
    await usage.meter(operator.db, [Used(account_id, None, inbox_id, TODAY, received=mails)])
    return ids.show(Kind.INBOX, inbox_id)


async def test_a_charge_by_hand(operator: Operator) -> None:
    """It is the cost of the days that it is for, in the account's audit trail, and splits are told of it."""
    account = operator.gives("account", "create", "--tier", "enterprise")["account_id"]
    days = ("--from", "2026-11-01", "--to", "2026-11-30")
    made = operator.gives("billing", "charge", account, "49.5", *days, "--description", "Growth")
    assert made == {
        "account_id": account, "charge_id": made["charge_id"], "amount_cents": 4950, "currency": "usd",
        "from": "2026-11-01", "to": "2026-11-30", "description": "Growth",
    }  # fmt: skip
    said = operator.says("billing", "charge", account, "-3", "--currency", "JPY", *days)
    assert said.startswith(f"{account} is charged JPY -3 for 2026-11-01 to 2026-11-30: chg_")
    kept = await operator.db.fetch("select amount, currency, first, last from billing_charges order by amount")
    november = (date(2026, 11, 1), date(2026, 11, 30))
    assert [tuple(row) for row in kept] == [(-3, "jpy", *november), (4950, "usd", *november)]
    assert await operator.db.fetchval("select count(*) from split_books where account_id = $1", uuid_of(account)) == 1
    trail = await operator.trail(account)
    assert [(action, after["amount_cents"]) for action, _, _, after in trail[1:]] == [("charge", 4950), ("charge", -3)]


@pytest.mark.parametrize(
    ("amount", "more", "said"),
    [
        ("0", (), "must not be 0"),
        ("1.005", (), "2 digits behind the point"),
        ("1.5", ("--currency", "jpy"), "0 digits behind the point"),
        ("5", ("--to", "2026-10-31"), "not before it"),
        ("5", ("--to", "2028-10-31"), "within 366 days"),
    ],
)
async def test_what_cannot_be_charged(operator: Operator, amount: str, more: tuple[str, ...], said: str) -> None:
    """One line says why, and nothing is kept."""
    account = operator.gives("account", "create")["account_id"]
    days = ("--from", "2026-11-01", "--to", "2026-11-30")
    assert said in operator.refuses("billing", "charge", account, amount, *days, *more)
    assert await operator.db.fetchval("select count(*) from billing_charges") == 0


async def test_nobodys_account_is_charged(operator: Operator) -> None:
    """Nor corrected, nor verified."""
    days = ("--from", "2026-11-01", "--to", "2026-11-30")
    assert operator.refuses("billing", "charge", UNKNOWN, "5", *days) == f"no account {UNKNOWN}"
    never = "inbox_0192f3a0000070008000000000000001"
    correct = ("billing", "correct", UNKNOWN, never, "sent", "1", "--day", "2026-11-01", "--reason", "x")
    assert operator.refuses(*correct) == f"no account {UNKNOWN}"
    assert operator.refuses("billing", "verify", UNKNOWN) == f"no account {UNKNOWN}"


async def test_a_correction(operator: Operator) -> None:
    """A line of its own, in the sums and in the audit trail; nothing is taken back that was not there."""
    account = operator.gives("account", "create")["account_id"]
    inbox = await _inbox(operator, account, 10)
    day = ("--day", TODAY.isoformat(), "--reason", "a loop of ours")
    corrected = operator.gives("billing", "correct", account, inbox, "received", "-4", *day)
    assert (corrected["received"], corrected["inbox_id"], corrected["pod_id"]) == (-4, inbox, None)
    assert operator.says("billing", "correct", account, inbox, "sent", "2", *day) == f"{inbox}, {TODAY}: +2 sent\n"
    assert tuple(await operator.db.fetchrow("select received, sent from usage_account_days")) == (6, 2)
    reasons = await operator.db.fetch("select reason from usage_lines where reason is not null")
    assert [row["reason"] for row in reasons] == ["a loop of ours"] * 2
    refused = operator.refuses("billing", "correct", account, inbox, "received", "-7", *day)
    assert refused == "quantity: must not be 0, nor take back more than the 6 of that day"
    never = "inbox_0192f3a0000070008000000000000001"
    assert "no such inbox on that day" in operator.refuses("billing", "correct", account, never, "sent", "1", *day)
    assert "no such inbox on that day" in operator.refuses(
        "billing", "correct", account, inbox, "sent", "1", "--day", "2020-01-01", "--reason", "x"
    )
    assert [action for action, *_ in await operator.trail(account)][1:] == ["correct_usage"] * 2


async def test_the_ledger_is_verified(operator: Operator) -> None:
    """Each account in a line; what does not agree is named, and the exit code is 1."""
    accounts = [operator.gives("account", "create")["account_id"] for _ in range(2)]
    inboxes = [await _inbox(operator, account, 3) for account in accounts]
    assert operator.gives("billing", "verify") == [
        {"account_id": account, "ok": True, "differences": []} for account in accounts
    ]
    assert operator.says("billing", "verify", accounts[0]) == f"{accounts[0]}  ok\n"
    await operator.db.execute("update usage_days set received = 4 where account_id = $1", uuid_of(accounts[1]))
    found = daimon("admin", "billing", "verify", "--json", **operator.settings)
    assert found.returncode == 1
    assert json.loads(found.stdout)[1]["differences"][0] == {
        "table": "usage_days", "day": TODAY.isoformat(), "pod_id": None, "inbox_id": inboxes[1], "kind": "received",
        "expected": 3, "found": 4,
    }  # fmt: skip
    said = daimon("admin", "billing", "verify", **operator.settings)
    assert said.returncode == 1
    assert f"usage_days {TODAY} {inboxes[1]}: 4 received, should be 3" in said.stdout


async def test_a_database_without_a_ledger(empty_database_url: str) -> None:
    """An older one says what to do."""
    db = await asyncpg.connect(empty_database_url)
    await db.close()
    settings = {"DAIMON_DATABASE_URL": empty_database_url, "DAIMON_SECRET_KEY": SECRET}
    done = daimon("admin", "billing", "verify", **settings)
    assert done.returncode == 1
    assert "the next start of the server makes it" in done.stderr
