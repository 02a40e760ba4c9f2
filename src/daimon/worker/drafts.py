"""The worker's drafts: those whose moment has come are sent, those of one account after those of another."""

import asyncio
import contextlib
from uuid import UUID

from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.drafts import repository, sending
from daimon.events import rings
from daimon.kit.clock import Clock
from daimon.outbound import queue
from daimon.outbound.road import Road
from daimon.worker.loops import every

_NOBODY = UUID(int=0)
LOOK_SECONDS = 0.5  # at the latest: one may have been scheduled for a moment before the next that is known


async def run(db: Database, *, road: Road, clock: Clock, stop: asyncio.Event) -> None:
    """Send drafts at their moments until `stop`."""
    told, departures = Ringer(db, rings.CHANNEL), Ringer(db, queue.CHANNEL)

    async def look() -> None:
        async with db.read() as connection:
            due = await repository.next_due(connection)
        left = LOOK_SECONDS if due is None else (due - clock()).total_seconds()
        if 0 < left < LOOK_SECONDS:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), left)
        served: UUID | None = _NOBODY
        while served and not stop.is_set():
            served = await step(db, told, departures, after=served, road=road, clock=clock)

    await every(LOOK_SECONDS, look, stop)


async def step(db: Database, told: Ringer, departures: Ringer, *, after: UUID, road: Road, clock: Clock) -> UUID | None:
    """Send the drafts of the account whose turn is behind `after`, and return it; None if nothing is due."""
    with rings.noticing() as recorded:
        async with db.transaction() as connection:
            served = await sending.send_due(connection, after=after, road=road, now=clock())
    told.ring(*recorded)
    if served:
        departures.ring(queue.READY)
    return served
