"""What the operator does with accounts, keys and organisations, by the real command over a real database."""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from daimon.kit import ids
from daimon.kit.ids import Kind
from daimon.notices import sealing
from serving import Serving, daimon, refusal

SECRET = "s" * 32
UNKNOWN = "acc_0192f3a0000070008000000000000001"
UNKNOWN_KEY = "key_0192f3a0000070008000000000000001"


@dataclass
class Operator:
    """The command line over one database."""

    url: str
    db: "asyncpg.Connection[asyncpg.Record]"

    @property
    def settings(self) -> dict[str, str]:
        return {"DAIMON_DATABASE_URL": self.url, "DAIMON_SECRET_KEY": SECRET}

    def says(self, *arguments: str) -> str:
        """Run a command of `daimon admin` that succeeds, and return what it prints."""
        done = daimon("admin", *arguments, **self.settings)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def gives(self, *arguments: str) -> Any:
        """Do the same with --json."""
        return json.loads(self.says(*arguments, "--json"))

    def refuses(self, *arguments: str) -> str:
        """Run a command that fails with code 1 and one line, and return that."""
        done = daimon("admin", *arguments, **self.settings)
        assert (done.returncode, done.stdout) == (1, ""), done
        [line] = done.stderr.splitlines()
        return line.removeprefix("daimon: ")

    async def trail(self, account: str) -> list[tuple[str, str, Any, Any]]:
        """Return what the audit trail of an account says the operator did."""
        rows = await self.db.fetch(
            "select actor, action, target, before, after from audit where account_id = $1 order by number",
            ids.read(Kind.ACCOUNT, account),
        )
        assert {row["actor"] for row in rows} <= {"operator"}
        return [(row["action"], row["target"], _read(row["before"]), _read(row["after"])) for row in rows]

    async def events(self, account: str) -> list[tuple[str, Any]]:
        """Return what was recorded in an account."""
        rows = await self.db.fetch(
            "select event, data from events where account_id = $1 order by sequence", ids.read(Kind.ACCOUNT, account)
        )
        return [(row["event"], json.loads(row["data"])) for row in rows]


def _read(text: str | None) -> Any:
    return None if text is None else json.loads(text)


@pytest.fixture
async def operator(database_url: str) -> AsyncIterator[Operator]:
    """The operator of a database with nothing in it."""
    connection = await asyncpg.connect(database_url)
    yield Operator(database_url, connection)
    await connection.close()


def uuid_of(account: str) -> UUID:
    found = ids.read(Kind.ACCOUNT, account)
    assert found
    return found


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
    assert await operator.events(account) == [("account.suspended", told)]
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


async def test_organisations_group_accounts(operator: Operator) -> None:
    """By id or name; an account is in one at most, and its membership is in its trail."""
    corp = operator.gives("org", "create", "Example Corp")
    assert operator.says("org", "create", "Other").endswith(" is Other\n")
    assert operator.refuses("org", "create", "Other") == "there is an organisation 'Other' already"
    account = operator.gives("account", "create")["account_id"]
    assert operator.gives("org", "add", corp["organisation_id"], account) == {"account_id": account, **corp}
    assert operator.refuses("org", "add", "Example Corp", account) == f"{account} is in this organisation already"
    assert operator.refuses("org", "add", "Other", account) == f"{account} is in {corp['organisation_id']} already"
    assert operator.refuses("org", "remove", "Other", account) == f"{account} is not in Other"
    assert operator.gives("account", "show", account)["organisation"] == "Example Corp"
    assert operator.says("org", "remove", "Example Corp", account) == f"{account} is not in Example Corp any more\n"
    assert operator.says("org", "add", "Other", account) == f"{account} is in Other\n"
    assert operator.gives("org", "remove", "Other", account) == {"account_id": account, "organisation_id": None}
    assert (await operator.trail(account))[1:3] == [
        ("join_organisation", account, None, {"organisation": "Example Corp"}),
        ("leave_organisation", account, {"organisation": "Example Corp"}, None),
    ]
    first = operator.gives("org", "list", "--limit", "1")
    assert ([each["name"] for each in first["organisations"]], first["has_more"]) == (["Example Corp"], True)
    [second] = operator.gives("org", "list", "--after", first["after"])["organisations"]
    assert second["name"] == "Other"
    assert [line.split()[-2] for line in operator.says("org", "list").splitlines()[1:]] == ["Corp", "Other"]


async def test_a_report_adds_up_what_accounts_use(operator: Operator) -> None:
    """Each account of the organisation and all together, in the days that were asked for; nobody else's."""
    operator.says("org", "create", "Corp")
    inside = [operator.gives("account", "create", "--org", "Corp", "--tier", "enterprise") for _ in range(2)]
    outside = operator.gives("account", "create")
    for number, made in enumerate([*inside, outside], start=1):
        account_id = uuid_of(made["account_id"])
        await operator.db.execute("insert into quotas values ($1, default, 'inboxes', $2)", account_id, number)
        for day in ("2026-02-28", "2026-03-01", "2026-03-31", "2026-04-01"):
            await operator.db.execute(
                "insert into usage_account_days values ($1, $2::text::date, $3, 2, 1, 100)", account_id, day, number
            )
    told = operator.gives("org", "report", "Corp", "--from", "2026-03-01", "--to", "2026-03-31")
    assert (told["name"], told["from"], told["to"]) == ("Corp", "2026-03-01", "2026-03-31")
    assert told["accounts"] == [
        {
            "account_id": made["account_id"], "tier": "enterprise", "status": "active",
            "inboxes": number, "received": 2 * number, "sent": 4, "bounced": 2, "stored_bytes": 200,
        }
        for number, made in enumerate(inside, start=1)
    ]  # fmt: skip
    assert told["total"] == {"inboxes": 3, "received": 6, "sent": 8, "bounced": 4, "stored_bytes": 400}
    lines = operator.says("org", "report", "Corp", "--from", "2026-03-01", "--to", "2026-03-31").splitlines()
    assert lines[0] == "Corp, 2026-03-01 to 2026-03-31 (UTC)"
    assert lines[-1].split() == ["total", "3", "6", "8", "4", "400"]
    until = operator.gives("org", "report", "Corp", "--to", "2026-02-28")
    assert (until["from"], until["total"]["received"]) == ("2026-02-01", 3)
    assert operator.gives("org", "report", "Corp")["total"]["inboxes"] == 3


async def test_an_empty_organisation_has_a_report(operator: Operator) -> None:
    """Of zeros."""
    operator.says("org", "create", "Corp")
    told = operator.gives("org", "report", "Corp")
    assert (told["accounts"], set(told["total"].values())) == ([], {0})
    assert operator.says("org", "report", "Corp").splitlines()[-1].split() == ["total", *"00000"]


async def test_mail_that_waits_is_printed(operator: Operator) -> None:
    """As the mail that it is, the oldest first."""
    sealing.configure(SECRET.encode())
    assert operator.says("notices") == "No mail waits.\n"
    account = operator.gives("account", "create")["account_id"]
    for number in range(2):
        await operator.db.execute(
            "insert into notices (account_id, id, recipient, subject, body, created_at, due_at)"
            " values ($1, $2, 'a@example.org', $3, $4, now(), now())",
            uuid_of(account), ids.new(), f"Number {number}", sealing.seal_body("Follow:\n\nhttps://x/y\n"),
        )  # fmt: skip
    told = operator.gives("notices", "--limit", "1")
    assert told["has_more"]
    [notice] = told["notices"]
    assert (notice["account_id"], notice["subject"], notice["recipient"]) == (account, "Number 0", "a@example.org")
    said = operator.says("notices")
    assert "    To: a@example.org\n    Subject: Number 1\n\n    Follow:\n\n    https://x/y" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        *(
            (["account", name, account, *rest], f"no account {account}")
            for name, *rest in (["show"], ["set-tier", "free"], ["suspend"], ["review"], ["resume"], ["recover"],
                                ["delete"], ["restore"])
            for account in ("acc_1",)
        ),
        (["account", "list", "--after", "x"], "no account x"),
        (["account", "create", "--org", "Nobody"], "no organisation Nobody"),
        (["key", "revoke", UNKNOWN_KEY], f"no key {UNKNOWN_KEY}"),
        (["key", "revoke", UNKNOWN], f"no key {UNKNOWN}"),
        (["org", "add", "Nobody", UNKNOWN], "no organisation Nobody"),
        (["org", "remove", "Nobody", UNKNOWN], "no organisation Nobody"),
        (["org", "report", "Nobody"], "no organisation Nobody"),
        (["org", "list", "--after", UNKNOWN], f"no organisation {UNKNOWN}"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
async def test_what_is_not_there(operator: Operator, arguments: list[str], says: str) -> None:
    """One line and exit code 1."""
    assert operator.refuses(*arguments) == says


async def test_an_account_that_was_never_there(operator: Operator) -> None:
    """An id of the right shape is told of in the same way, by every command; nothing is written."""
    operator.says("org", "create", "Corp")
    for arguments in (
        ["account", "show", UNKNOWN], ["account", "set-tier", UNKNOWN, "free"], ["account", "suspend", UNKNOWN],
        ["account", "recover", UNKNOWN], ["account", "delete", UNKNOWN], ["account", "restore", UNKNOWN],
        ["org", "add", "Corp", UNKNOWN],
    ):  # fmt: skip
        assert operator.refuses(*arguments) == f"no account {UNKNOWN}", arguments
    assert await operator.db.fetchval("select count(*) from audit") == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["account", "create", "--tier", "gold"],
        ["account", "set-tier", UNKNOWN, "gold"],
        ["account", "list", "--limit", "0"],
        ["account", "list", "--limit", "1001"],
        ["account", "list", "--limit", "²"],
        ["account", "list", "--status", "open"],
        ["account", "suspend", UNKNOWN, "--reason", ""],
        ["account", "suspend", UNKNOWN, "--reason", "two\nlines"],
        ["account", "suspend", UNKNOWN, "--reason", "x" * 201],
        ["account", "suspend"],
        ["account"],
        ["org", "create", " "],
        ["org", "create", "\udcff"],
        ["org", "report", "\udcff"],
        ["org", "report", "Corp", "--from", "yesterday"],
        ["org", "report", "Corp", "--from", "2026-03-02", "--to", "2026-03-01"],
        ["notices", "--limit", "-1"],
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str]) -> None:
    """Exit code 2, before anything is connected to."""
    done = daimon("admin", *arguments, DAIMON_DATABASE_URL="postgresql://127.0.0.1:1/x", DAIMON_SECRET_KEY=SECRET)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert "Traceback" not in done.stderr


def test_a_database_without_tables_and_a_missing_secret(empty_database_url: str, database_url: str) -> None:
    """One line says what is missing."""
    line = refusal("admin", "account", "list", DAIMON_DATABASE_URL=empty_database_url)
    assert line == "this database has no accounts yet: the next start of the server makes its tables"
    line = refusal("admin", "account", "create", DAIMON_DATABASE_URL=database_url)
    assert line == "DAIMON_SECRET_KEY is not set; with DAIMON_DATABASE_URL it must be, as for the server"


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
