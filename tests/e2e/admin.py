"""`daimon admin` as the operator runs it, and what it leaves in the database."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from daimon.kit import ids
from daimon.kit.ids import Kind
from serving import daimon

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


def uuid_of(account: str) -> UUID:
    found = ids.read(Kind.ACCOUNT, account)
    assert found
    return found
