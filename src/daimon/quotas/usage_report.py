"""What was used, read back: lines of days, and their sum.

Days of an account or a pod are added up where they are metered, so a report costs the same however many inboxes it
tells of.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

import msgspec

from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.db.where import Where, rows_for
from daimon.kit.paging import Page, read_cursor, write_cursor
from daimon.quotas.usage import NO_POD


class By(StrEnum):
    """What one line of a report is of, besides its day."""

    ACCOUNT = "account"
    POD = "pod"
    INBOX = "inbox"


# Where the lines are, and what tells them apart besides the account.
_TABLES: dict[By, tuple[str, tuple[str, ...]]] = {
    By.ACCOUNT: ("usage_account_days", ("day",)),
    By.POD: ("usage_pod_days", ("day", "pod_id")),
    By.INBOX: ("usage_days", ("day", "pod_id", "inbox_id")),
}
_COUNTERS = ("received", "sent", "bounced", "stored_bytes")


class Used(msgspec.Struct, frozen=True):
    """What was used."""

    received: int = 0
    sent: int = 0
    bounced: int = 0
    stored_bytes: int = 0


class UsageLine(msgspec.Struct, frozen=True):
    """What was used on one day, by the account, a pod (None: by inboxes in none) or an inbox."""

    day: date
    pod_id: UUID | None
    inbox_id: UUID | None
    used: Used


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Which days a report tells of, both ends among them. `pod_id` and `inbox_id` narrow it."""

    first: date
    last: date
    by: By
    limit: int
    cursor: str | None = None
    pod_id: UUID | None = None
    inbox_id: UUID | None = None


class UsageRepository:
    """The usage of one account."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def page(self, query: UsageQuery) -> Page[UsageLine]:
        """Return lines, the oldest day first. Raises InvalidCursor."""
        table, keys = _TABLES[query.by]
        where = self._matching(query)
        if query.cursor:
            after = read_cursor(query.cursor, tuple[date, UUID, UUID])
            values = [where.parameter(value) for value in after[: len(keys) - 1]]
            where.add(f"({', '.join(keys)}) > ({', '.join([*values, '$?'])})", after[len(keys) - 1])
        rows = await self._db.fetch(
            f"""
            select {", ".join((*keys, *_COUNTERS))} from {table} where account_id = $1{where}
            order by {", ".join(keys)} limit {rows_for(query.limit)}
            """,
            *where.parameters,
        )
        lines = [_line_of(row, keys) for row in rows[: query.limit]]
        return Page(lines, _cursor_of(lines[-1]) if len(rows) > query.limit else None)

    async def total(self, query: UsageQuery) -> Used:
        """Return the sum over all the days of a report."""
        by = By.INBOX if query.inbox_id else By.POD if query.pod_id else By.ACCOUNT
        where = self._matching(query)
        sums = ", ".join(f"coalesce(sum({name}), 0)::bigint as {name}" for name in _COUNTERS)
        row = await self._db.fetchrow(
            f"select {sums} from {_TABLES[by][0]} where account_id = $1{where}", *where.parameters
        )
        assert row is not None
        return Used(**dict(row))

    async def knows_inbox(self, inbox_id: UUID, pod_id: UUID | None) -> bool:
        """Tell whether an inbox, deleted or not, is or ever was metered in the account, or in a pod of it."""
        in_pod = Where(self._account_id, inbox_id).add("pod_id = $?", pod_id)
        found = await self._db.fetchval(
            f"""
            select exists (select from inboxes where account_id = $1 and id = $2{in_pod})
                or exists (select from usage_days where account_id = $1 and inbox_id = $2{in_pod})
            """,
            *in_pod.parameters,
        )
        return found is True

    def _matching(self, query: UsageQuery) -> Where:
        where = Where(self._account_id).add("day >= $?", query.first).add("day <= $?", query.last)
        return where.add("pod_id = $?", query.pod_id).add("inbox_id = $?", query.inbox_id)


def _line_of(row: Record, keys: tuple[str, ...]) -> UsageLine:
    pod_id = row["pod_id"] if "pod_id" in keys else NO_POD
    return UsageLine(
        day=row["day"],
        pod_id=None if pod_id == NO_POD else pod_id,
        inbox_id=row["inbox_id"] if "inbox_id" in keys else None,
        used=Used(*(row[name] for name in _COUNTERS)),
    )


def _cursor_of(line: UsageLine) -> str:
    return write_cursor(line.day, line.pod_id or NO_POD, line.inbox_id or NO_POD)
