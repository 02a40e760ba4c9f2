"""The sequence of events over a fresh database, without the edges."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import pytest_asyncio

from daimon.db.engine import Connection, Database
from daimon.db.scope import Scope
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.feed.reach import Reach
from daimon.feed.repository import FeedRepository
from daimon.feed.tail import Subscriber, Tails
from daimon.kit import ids
from daimon.kit.clock import utc_now


@dataclass
class Feed:
    """One account, its events, and tails that count how often they read."""

    db: Database
    account_id: UUID = field(default_factory=ids.new)
    reads: int = 0

    def __post_init__(self) -> None:
        self.tails = Tails(self.reading, public_url="http://daimon.test")

    @property
    def everything(self) -> Reach:
        return Reach.within(Scope(self.account_id))

    def repository(self, db: Connection) -> FeedRepository:
        return FeedRepository(db, Scope(self.account_id))

    def new(
        self, event: EventType = EventType.POD_CREATED, *, pod_id: UUID | None = None, at: datetime | None = None
    ) -> NewEvent:
        return NewEvent(self.account_id, event, "{}", pod_id, None, at or utc_now())

    async def record(self, *new: NewEvent) -> None:
        async with self.db.transaction() as db:
            await events.record(db, new)

    async def many(self, count: int) -> None:
        await self.record(*(self.new() for _ in range(count)))

    def ring(self) -> None:
        self.tails.ring(self.account_id.hex)

    async def numbers(self) -> list[int]:
        async with self.db.read() as db:
            rows = await db.fetch(
                "select sequence from events where account_id = $1 order by sequence", self.account_id
            )
        return [row["sequence"] for row in rows]

    def reading(self, _: UUID) -> AbstractAsyncContextManager[Connection]:
        self.reads += 1
        return self.db.read()


async def follow(subscriber: Subscriber, reach: Reach, to: int, *, most: int = 100) -> list[int]:
    """Return the numbers that a subscriber is told until it has come to one."""
    seen: list[int] = []
    while subscriber.sequence < to:
        seen += [told.sequence for told in await subscriber.next(reach, most=most)]
    return seen


@pytest_asyncio.fixture
async def feed(database_url: str) -> AsyncIterator[Feed]:
    db = await Database.open(database_url, connections=10)
    yield Feed(db)
    await db.close()
