"""What the operator does with accounts, keys and organisations, by the real command over a real database."""

import json
import re
import time
import urllib.error
import urllib.request
from typing import Any

from admin import Operator, uuid_of

from daimon.kit import ids
from daimon.kit.ids import Kind
from serving import Serving, daimon


async def test_an_account_is_made_with_its_key(operator: Operator) -> None:
    """The key is of its tier and shown this once; the trail has no secret."""
    made = operator.gives("account", "create", "--tier", "growth")
    assert list(made) == ["account_id", "tier", "key_id", "account_api_key"]
    assert made["account_api_key"].startswith("dm_live_")
    shown = operator.gives("account", "show", made["account_id"])
    assert (shown["tier"], shown["status"], shown["current_inboxes"]) == ("growth", "active", 0)
    assert (shown["max_inboxes"], shown["max_sends_per_day"]) == (None, 10_000)
    [(action, target, before, after)] = await operator.trail(made["account_id"])
    assert (action, target, before, after["tier"]) == ("create_account", made["account_id"], None, "growth")
    said = operator.says("account", "create")
    assert re.search(r"^Account acc_\w{32} of the free tier.*\n\n  dm_free_\w+\n$", said), said
    assert not await operator.db.fetchval("select true from audit where after::text like '%dm_%_%key%'")


async def test_accounts_are_listed_page_by_page(operator: Operator) -> None:
    """The newest first; by status too; as a table for people."""
    made = [operator.gives("account", "create")["account_id"] for _ in range(3)]
    first = operator.gives("account", "list", "--limit", "2")
    assert [each["account_id"] for each in first["accounts"]] == [made[2], made[1]]
    assert (first["has_more"], first["after"]) == (True, made[1])
    second = operator.gives("account", "list", "--limit", "2", "--after", made[1])
    assert [each["account_id"] for each in second["accounts"]] == [made[0]]
    assert (second["has_more"], second["after"]) == (False, None)
    operator.says("account", "review", made[0], "--reason", "many bounces")
    [reviewed] = operator.gives("account", "list", "--status", "under_review")["accounts"]
    assert (reviewed["account_id"], reviewed["status_reason"]) == (made[0], "many bounces")
    lines = operator.says("account", "list", "--limit", "2").splitlines()
    assert lines[0].split()[:3] == ["account", "id", "tier"]
    assert lines[1].split()[:3] == [made[2], "free", "active"]
    assert lines[-1] == f"There are more: --after {made[1]}"
    assert operator.says("account", "list", "--status", "suspended") == "No accounts.\n"


async def test_an_account_is_shown_to_people(operator: Operator) -> None:
    """A field a line, and nothing that an account's owner wrote moves the cursor."""
    account = operator.gives("account", "create")["account_id"]
    await operator.db.execute("update accounts set operator_email = E'a\\x1b[2J@example.org'")
    await operator.db.execute("insert into quotas values ($1, default, 'inboxes', 7)", uuid_of(account))
    lines = dict(re.split(r"  +", line, maxsplit=1) for line in operator.says("account", "show", account).splitlines())
    assert lines["account id"] == account
    assert lines["current inboxes"] == "7"
    assert lines["operator email"] == "a�[2J@example.org"
    assert lines["organisation"] == "–"


async def test_a_tier_goes_up_and_down(operator: Operator) -> None:
    """Each way is an event of its own; the same tier again is a mistake that is told."""
    account = operator.gives("account", "create")["account_id"]
    assert operator.gives("account", "set-tier", account, "developer")["tier"] == "developer"
    assert operator.says("account", "set-tier", account, "free") == f"{account} is free now\n"
    assert operator.refuses("account", "set-tier", account, "free") == f"{account} is free already"
    assert await operator.events(account) == [
        ("account.upgraded", {"account": {"id": account, "tier": "developer", "previous_tier": "free"}}),
        ("account.downgraded", {"account": {"id": account, "tier": "free", "previous_tier": "developer"}}),
    ]
    assert (await operator.trail(account))[1:] == [
        ("set_account_tier", account, {"tier": "free"}, {"tier": "developer"}),
        ("set_account_tier", account, {"tier": "developer"}, {"tier": "free"}),
    ]


async def test_an_account_is_stopped_and_goes_on(operator: Operator) -> None:
    """With the reason, which goes with the status; a suspension is recorded."""
    account = operator.gives("account", "create")["account_id"]
    suspended = operator.gives("account", "suspend", account, "--reason", " phishing ")
    assert (suspended["status"], suspended["status_reason"]) == ("suspended", "phishing")
    assert operator.refuses("account", "suspend", account) == f"{account} is suspended already"
    assert operator.says("account", "resume", account) == f"{account} is active again\n"
    assert operator.says("account", "review", account) == f"{account} is under review\n"
    assert operator.refuses("account", "review", account) == f"{account} is under review already"
    resumed = operator.gives("account", "resume", account)
    assert (resumed["status"], resumed["status_reason"]) == ("active", None)
    assert operator.refuses("account", "resume", account) == f"{account} is active already"
    told = {"account": {"id": account, "status": "suspended", "reason": "phishing"}}
    looked_at = {"account": {"id": account, "status": "under_review", "reason": None}}
    assert await operator.events(account) == [("account.suspended", told), ("account.under_review", looked_at)]
    trail = await operator.trail(account)
    assert [action for action, *_ in trail[1:]] == [
        "suspend_account", "resume_account", "review_account", "resume_account",
    ]  # fmt: skip
    assert trail[1][2:] == (
        {"status": "active", "status_reason": None},
        {"status": "suspended", "status_reason": "phishing"},
    )


async def test_a_lost_key_is_replaced(operator: Operator) -> None:
    """The new key is shown this once, and the account keys before it are void."""
    made = operator.gives("account", "create")
    account = made["account_id"]
    given = operator.gives("account", "recover", account)
    assert given["account_api_key"] not in (made["account_api_key"], None)
    said = operator.says("account", "recover", account)
    assert re.search(rf"^New key of {account}, shown this once.*\n\n  dm_free_\w+\n$", said), said
    rows = await operator.db.fetch("select id, status from keys order by created_at, id")
    assert [row["status"] for row in rows] == ["revoked", "revoked", "active"]
    assert ids.show(Kind.KEY, rows[0]["id"]) == made["key_id"]
    assert (await operator.trail(account))[1] == ("recover_account", account, None, {"key_id": given["key_id"]})


async def test_an_account_is_deleted_and_restored(operator: Operator) -> None:
    """Within thirty days it can be taken back; doing either twice is told."""
    account = operator.gives("account", "create")["account_id"]
    assert operator.refuses("account", "restore", account) == f"{account} is not deleted"
    deleted = operator.gives("account", "delete", account)
    assert deleted["deleted_at"]
    assert deleted["erased_at"] > deleted["deleted_at"]
    assert operator.refuses("account", "delete", account) == f"{account} is deleted already"
    assert operator.gives("account", "restore", account)["deleted_at"] is None
    assert operator.says("account", "delete", account).startswith(f"{account} is deleted, and erased after 20")
    assert operator.says("account", "restore", account) == f"{account} is restored\n"
    await operator.db.execute("update accounts set deleted_at = now() - interval '31 days'")
    assert "30 days are over" in operator.refuses("account", "restore", account)
    assert [action for action, *_ in await operator.trail(account)] == [
        "create_account", "delete_account", "restore_account", "delete_account", "restore_account",
    ]  # fmt: skip


async def test_a_key_is_revoked(operator: Operator) -> None:
    """Whoever's it is; the owner is told by an event."""
    made = operator.gives("account", "create")
    revoked = operator.gives("key", "revoke", made["key_id"])
    assert (revoked["account_id"], revoked["scope"], revoked["status"]) == (made["account_id"], "account", "revoked")
    assert revoked["prefix"] == made["account_api_key"][:14]
    assert operator.refuses("key", "revoke", made["key_id"]) == f"{made['key_id']} was revoked before"
    [(event, data)] = await operator.events(made["account_id"])
    assert (event, data["key"]["id"], data["reason"]) == (
        "key.revoked", made["key_id"], "revoked by the operator of the server",
    )  # fmt: skip
    assert (await operator.trail(made["account_id"]))[-1][:2] == ("revoke_key", made["key_id"])
    other = operator.gives("account", "create")
    assert operator.says("key", "revoke", other["key_id"]) == f"{other['key_id']} of {other['account_id']} is revoked\n"


def test_a_server_that_runs_sees_it_within_a_second(running: Serving) -> None:
    """Over its data directory alone: an account is made, suspended, resumed, recovered, and its key revoked."""
    flag = f"--data-dir={running.data_dir}"

    def gives(*arguments: str) -> Any:
        done = daimon("admin", *arguments, "--json", flag)
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    made = gives("account", "create", "--tier", "developer")
    account, key = made["account_id"], made["account_api_key"]
    assert create_inbox(running, key) == 201
    assert gives("account", "show", account)["current_inboxes"] == 1
    gives("account", "suspend", account)
    within_a_second(lambda: create_inbox(running, key) == 403)
    gives("account", "resume", account)
    within_a_second(lambda: create_inbox(running, key) == 201)
    fresh = gives("account", "recover", account)
    within_a_second(lambda: create_inbox(running, key) == 401)
    assert create_inbox(running, fresh["account_api_key"]) == 201
    gives("key", "revoke", fresh["key_id"])
    within_a_second(lambda: create_inbox(running, fresh["account_api_key"]) == 401)
    assert daimon("audit", "verify", account, flag).returncode == 0


def within_a_second(holds: Any) -> None:
    """Ask until it holds; what is asked after a second must."""
    deadline = time.monotonic() + 1
    asked = time.monotonic()
    while not holds():
        assert asked < deadline
        asked = time.monotonic()


def create_inbox(server: Serving, key: str) -> int:
    request = urllib.request.Request(
        f"{server.api}/v1/inboxes", b"{}", {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
