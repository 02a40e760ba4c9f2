"""What waits for one webhook beside the sequence itself: retries that are due, and replays."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from daimon.db.engine import Database
from daimon.db.scope import Scope
from daimon.feed.models import Told, Wanted
from daimon.feed.reach import Reach
from daimon.feed.repository import FeedRepository
from daimon.feed.whole import with_messages
from daimon.webhooks.leasing import Leased
from daimon.webhooks.models import Delivery
from daimon.webhooks.repository import DELIVERY_COLUMNS, delivery_of

READ = 16  # events at a time: each may be 256 KiB


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is to be tried again, with its event if that is still kept."""

    delivery: Delivery
    told: Told | None


@dataclass(frozen=True, slots=True)
class OpenReplay:
    """A replay that is not finished: the events behind `cursor` up to `until`, of some types or all."""

    id: UUID
    cursor: int
    until: int
    events: frozenset[str]


class Backlog:
    """What waits for one webhook."""

    def __init__(self, db: Database, hook: Leased, public_url: str) -> None:
        self._db = db
        self._name = hook.name
        self._scope = Scope(hook.account_id)
        self._public_url = public_url

    async def next_due(self, busy: list[UUID]) -> datetime | None:
        """Return when the next retry is due, those in hand aside."""
        async with self._db.read() as db:
            due: datetime | None = await db.fetchval(
                """
                select min(next_attempt_at) from webhook_deliveries
                where account_id = $1 and webhook_id = $2 and next_attempt_at is not null and id <> all($3)
                """,
                *self._name, busy,
            )  # fmt: skip
        return due

    async def due(self, now: datetime, busy: list[UUID]) -> list[Due]:
        """Return some retries that are due, the longest first."""
        async with self._db.read() as db:
            rows = await db.fetch(
                f"""
                select {DELIVERY_COLUMNS} from webhook_deliveries d
                where d.account_id = $1 and d.webhook_id = $2 and d.next_attempt_at <= $3 and d.id <> all($4)
                order by d.account_id, d.webhook_id, d.next_attempt_at limit $5
                """,
                *self._name, now, busy, READ,
            )  # fmt: skip
            deliveries = [delivery_of(row) for row in rows]
            found = await FeedRepository(db, self._scope).at([each.sequence for each in deliveries])
            told = await with_messages(db, self._scope, found, public_url=self._public_url)
        by_sequence = {each.sequence: each for each in told}
        return [Due(each, by_sequence.get(each.sequence)) for each in deliveries]

    async def replay(self) -> OpenReplay | None:
        """Return the oldest replay that is not finished."""
        async with self._db.read() as db:
            row = await db.fetchrow(
                """
                select id, cursor, until, events from webhook_replays
                where account_id = $1 and webhook_id = $2 and finished_at is null
                order by account_id, webhook_id, id limit 1
                """,
                *self._name,
            )
        return OpenReplay(row["id"], row["cursor"], row["until"], frozenset(row["events"])) if row else None

    async def range(self, replay: OpenReplay, after: int, reach: Reach) -> tuple[list[Told], int]:
        """Return the next events of a replay, and up to which number was looked. Raises CursorExpired."""
        narrowed = Reach(reach.account_id, reach.rules, _both(reach.wanted, replay.events))
        async with self._db.read() as db:
            looked = await FeedRepository(db, self._scope).after(after, narrowed, READ)
            told = [each for each in looked.told if each.sequence <= replay.until]
            whole = await with_messages(db, self._scope, told, public_url=self._public_url)
        return whole, min(looked.to, replay.until)

    async def finish(self, replay_id: UUID) -> None:
        """Write down that a replay has nothing more to send."""
        async with self._db.transaction() as db:
            await db.execute(
                "update webhook_replays set finished_at = now(), cursor = until where account_id = $1 and id = $2"
                " and finished_at is null",
                self._name[0], replay_id,
            )  # fmt: skip


def _both(wanted: Wanted, events: frozenset[str]) -> Wanted:
    """Return what both the webhook and the replay want; no types means all."""
    if not events:
        return wanted
    types = events if wanted.events is None else events & wanted.events
    return Wanted(types, wanted.inbox_ids, wanted.pod_ids)
