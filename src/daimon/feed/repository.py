"""Rows of `events`, read in their order and within a reach. What one call costs is bounded."""

from dataclasses import dataclass
from uuid import UUID

from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.db.where import Where, rows_for
from daimon.feed.errors import CursorExpired
from daimon.feed.models import Told
from daimon.feed.reach import Reach

_WINDOW = 20_000  # numbers that one call walks at most, where no index finds the wanted ones


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found, up to which number was looked, and the account's last number at that moment."""

    told: list[Told]
    to: int
    last: int


class FeedRepository:
    """The events of one account."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def bounds(self) -> tuple[int, int]:
        """Return the number of the oldest event that is there, or that will be, and of the last one that was."""
        row = await self._db.fetchrow(
            """
            select last, (
                select e.sequence from events e where e.account_id = $1 order by e.account_id, e.sequence limit 1
            ) as oldest from event_sequences where account_id = $1
            """,
            self._account_id,
        )
        if row is None:
            return 1, 0
        return row["last"] + 1 if row["oldest"] is None else row["oldest"], row["last"]

    async def after(self, sequence: int, reach: Reach, most: int) -> Looked:
        """Return the next events behind a number, at most `most` (up to 100 are cheapest).

        Raises CursorExpired when events behind it are not kept any more.
        """
        oldest, last = await self.bounds()
        if sequence < oldest - 1:
            raise CursorExpired.at(oldest)
        if sequence >= last:
            return Looked([], max(sequence, last), last)
        to = last if reach.is_indexed else min(last, sequence + max(_WINDOW, most))
        where = reach.add_to(Where(self._account_id, sequence, to))
        rows = await self._db.fetch(
            f"""
            select e.account_id, e.sequence, e.id, e.event, e.pod_id, e.inbox_id, e.data, e.created_at from events e
            where e.account_id = $1 and e.sequence > $2 and e.sequence <= $3{where}
            order by e.account_id, e.sequence limit {rows_for(most)}
            """,
            *where.parameters,
        )
        told = [told_of(row) for row in rows[:most]]
        return Looked(told, told[-1].sequence if len(rows) > most else to, last)

    async def at(self, sequences: list[int]) -> list[Told]:
        """Return the events with these numbers that are there, in order."""
        rows = await self._db.fetch(
            """
            select e.account_id, e.sequence, e.id, e.event, e.pod_id, e.inbox_id, e.data, e.created_at from events e
            where e.account_id = $1 and e.sequence = any($2) order by e.sequence
            """,
            self._account_id, sequences,
        )  # fmt: skip
        return [told_of(row) for row in rows]

    async def is_there(self, event_id: UUID, sequence: int) -> bool:
        """Tell whether an event has this id and this number."""
        found = await self._db.fetchval(
            "select true from events where account_id = $1 and sequence = $2 and id = $3",
            self._account_id, sequence, event_id,
        )  # fmt: skip
        return found is True

    async def places(self, inbox_ids: list[UUID]) -> dict[UUID, UUID | None]:
        """Return in which pods inboxes are now."""
        rows = await self._db.fetch(
            "select id, pod_id from inboxes where account_id = $1 and id = any($2)", self._account_id, inbox_ids
        )
        return {row["id"]: row["pod_id"] for row in rows}


def told_of(row: Record) -> Told:
    """Return the event in a row of `events`."""
    return Told(
        row["account_id"],
        row["sequence"],
        row["id"],
        row["event"],
        row["pod_id"],
        row["inbox_id"],
        row["created_at"],
        row["data"].encode(),
    )
