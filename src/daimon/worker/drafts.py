"""The worker's drafts: those whose moment has come are sent, one after the other."""

import asyncio
import contextlib

from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.drafts import repository, sending
from daimon.events import rings
from daimon.kit.clock import Clock
from daimon.outbound import queue
from daimon.outbound.road import Road
from daimon.worker.loops import every

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
        while not stop.is_set() and await step(db, told, departures, road=road, clock=clock):
            pass

    await every(LOOK_SECONDS, look, stop)


async def step(db: Database, told: Ringer, departures: Ringer, *, road: Road, clock: Clock) -> bool:
    """Send the draft whose moment came first; False if none is due."""
    with rings.noticing() as recorded:
        async with db.transaction() as connection:
            done = await sending.send_due(connection, road=road, now=clock())
    told.ring(*recorded)
    if done:
        departures.ring(queue.READY)
    return done
