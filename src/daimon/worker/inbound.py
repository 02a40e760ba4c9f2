"""The worker's inbound side: quick lanes and a slow one over one queue, woken by the acceptor's commits."""

import asyncio

from daimon.db import listener
from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.inbound import parked, understanding
from daimon.inbound.accept import CHANNEL
from daimon.inbound.isolation import Reader
from daimon.inbound.lane import (
    PARTIAL_CPU_SECONDS,
    QUICK_CPU_SECONDS,
    SLOW_CPU_SECONDS,
    QuickLane,
    SlowLane,
)
from daimon.inbound.pipeline import CHANNEL as NEW_MESSAGES
from daimon.kit.clock import Clock
from daimon.worker.loops import every, work

QUICK_LANES = 2  # while one waits for the database, the other reads
RELEASE_SECONDS = 5.0
RELEASE_MAILS = 100


async def run(db: Database, *, clock: Clock, stop: asyncio.Event) -> None:
    """Show accepted mails until `stop`, then finish the batches in hand."""
    quick = Reader(understanding.fully, cpu_seconds=QUICK_CPU_SECONDS)
    slow = Reader(understanding.fully, cpu_seconds=SLOW_CPU_SECONDS)
    partial = Reader(understanding.barely, cpu_seconds=PARTIAL_CPU_SECONDS)

    async def release() -> None:
        async with db.transaction() as connection:
            await parked.release_due(connection, now=clock(), limit=RELEASE_MAILS)

    ringer = Ringer(db, NEW_MESSAGES)
    lanes = [QuickLane(db, quick, ringer).process for _ in range(QUICK_LANES)]
    lanes.append(SlowLane(db, slow, partial, ringer, clock).process)
    bells = [asyncio.Event() for _ in lanes]
    try:
        await quick.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(_ring(db, bells, stop))
            group.create_task(every(RELEASE_SECONDS, release, stop))
            for lane, bell in zip(lanes, bells, strict=True):
                group.create_task(work(lane, bell, stop))
    finally:
        for reader in (quick, slow, partial):
            reader.close()


async def _ring(db: Database, bells: list[asyncio.Event], stop: asyncio.Event) -> None:
    def ring(_payload: str = "") -> None:
        for bell in bells:
            bell.set()

    await listener.listen(db.url, CHANNEL, ring, stop, connected=ring)
