"""What `daimon admin` refuses: one line that says why, and nothing changed."""

import pytest
from admin import SECRET, UNKNOWN, UNKNOWN_KEY, Operator

from serving import daimon, refusal


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
