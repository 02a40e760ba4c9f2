"""`daimon audit verify`: an operator asks whether somebody tampered with the audit trail."""

import json
import urllib.request

import asyncpg

from daimon.audit.models import OPERATOR, Change, Entry
from daimon.audit.service import Trail
from daimon.kit import ids
from daimon.kit.clock import utc_now
from serving import Serving, daimon, refusal

SECRET = "k" * 32


async def test_tells_what_was_tampered_with(database_url: str) -> None:
    """A line an account, or an object an account; the exit code tells whether all is right."""
    given = {"DAIMON_DATABASE_URL": database_url, "DAIMON_SECRET_KEY": SECRET}
    assert (daimon("audit", "verify", **given).stdout, daimon("audit", "verify", "--json", **given).stdout) == (
        "",
        "[]\n",
    )
    good, bad = sorted((ids.new(), ids.new()))
    connection = await asyncpg.connect(database_url)
    try:
        for account in (good, bad):
            await connection.execute(
                "insert into accounts (account_id, tier, status, created_at) values ($1, 'free', 'active', now())",
                account,
            )
            entries = [Entry(account, OPERATOR, "set_tier", Change(f"t{n}"), utc_now()) for n in range(3)]
            async with connection.transaction():
                await Trail(SECRET.encode()).record(connection, entries)
        right = daimon("audit", "verify", **given)
        assert (right.returncode, right.stdout.count("3 rows checked  ok")) == (0, 2)
        await connection.execute("update audit set target = 'x' where account_id = $1 and number = 2", bad)
    finally:
        await connection.close()
    shown = [ids.show(ids.Kind.ACCOUNT, account) for account in (good, bad)]
    wrong = daimon("audit", "verify", **given)
    assert wrong.returncode == 1
    assert wrong.stdout.splitlines() == [
        f"{shown[0]}  3 rows checked  ok",
        f"{shown[1]}  1 rows checked  BROKEN: row 2 is not as it was written",
    ]
    told = daimon("audit", "verify", "--json", **given)
    fine, broken = json.loads(told.stdout)
    assert told.returncode == 1
    assert (fine["account_id"], fine["ok"], fine["last_number"], fine["fault"]) == (shown[0], True, 3, None)
    assert (broken["account_id"], broken["ok"], broken["fault"], broken["fault_at"]) == (shown[1], False, "edited", 2)
    assert daimon("audit", "verify", shown[0], **given).returncode == 0
    assert daimon("audit", "verify", shown[1], "--json", **given).returncode == 1


def test_says_what_is_missing(database_url: str, empty_database_url: str) -> None:
    """One line for an account that is not there, a secret key that is not set, a database without tables."""
    given = {"DAIMON_DATABASE_URL": database_url, "DAIMON_SECRET_KEY": SECRET}
    unknown = "acc_" + "0" * 32
    assert refusal("audit", "verify", unknown, **given) == f"no account {unknown}"
    assert refusal("audit", "verify", "x", **given) == "no account x"
    assert "DAIMON_SECRET_KEY" in refusal("audit", "verify", DAIMON_DATABASE_URL=database_url)
    without = refusal("audit", "verify", DAIMON_DATABASE_URL=empty_database_url, DAIMON_SECRET_KEY=SECRET)
    assert "no audit trail yet" in without


def test_finds_key_and_database_of_the_server_that_runs(running: Serving) -> None:
    """The data directory is enough, and what the server wrote verifies."""
    request = urllib.request.Request(f"{running.api}/v1/inboxes", b"{}", {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        account = json.load(answer)["result"]["account_id"]
    told = daimon("audit", "verify", account, f"--data-dir={running.data_dir}")
    assert (told.returncode, told.stdout) == (0, f"{account}  1 rows checked  ok\n")
    assert daimon("operator", "key", f"--data-dir={running.data_dir}").returncode == 0
    everything = daimon("audit", "verify", "--json", f"--data-dir={running.data_dir}")
    assert everything.returncode == 0
    rows = [each["rows"] for each in json.loads(everything.stdout)]
    assert max(rows) >= 2  # the server made postmaster@, and its key was just renewed
