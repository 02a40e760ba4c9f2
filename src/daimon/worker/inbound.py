"""The worker's inbound side: quick lanes and a slow one over one queue, woken by the acceptor's commits."""

import asyncio
from dataclasses import dataclass

from daimon.db import listener
from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.events import rings
from daimon.inbound import parked, understanding
from daimon.inbound.accept import CHANNEL, QUICK, SLOW
from daimon.inbound.authentication import Authenticator
from daimon.inbound.isolation import Reader
from daimon.inbound.lane import (
    PARTIAL_CPU_SECONDS,
    QUICK_CPU_SECONDS,
    SLOW_CPU_SECONDS,
    QuickLane,
    SlowLane,
)
from daimon.inbound.waiting import Waiting
from daimon.kit.clock import Clock
from daimon.kit.dns import Dns
from daimon.kit.dns_memory import RememberingDns
from daimon.mail import dmarc
from daimon.worker.loops import every, work

QUICK_LANES = 2  # while one waits for the database, the other reads
RELEASE_SECONDS = 5.0
RELEASE_MAILS = 100


async def run(db: Database, *, dns: Dns | None, clock: Clock, stop: asyncio.Event) -> None:
    """Show accepted mails until `stop`, then finish the batches in hand. Without `dns` they are not authenticated."""
    reading = understanding.fully if dns else understanding.without_signatures
    quick = Reader(reading, cpu_seconds=QUICK_CPU_SECONDS)
    slow = Reader(reading, cpu_seconds=SLOW_CPU_SECONDS)
    partial = Reader(understanding.barely, cpu_seconds=PARTIAL_CPU_SECONDS)

    async def release() -> None:
        async with db.transaction() as connection:
            await parked.release_due(connection, now=clock(), limit=RELEASE_MAILS)

    ringer = Ringer(db, rings.CHANNEL)
    bells = Bells([asyncio.Event() for _ in range(QUICK_LANES)], asyncio.Event())
    asker = RememberingDns(dns) if dns else None
    waiting = Waiting(Authenticator(asker), bells.ring) if asker else None
    try:
        await quick.start()
        async with asyncio.TaskGroup() as group:
            if waiting:
                group.create_task(asyncio.to_thread(dmarc.warm))
            group.create_task(listener.listen(db.url, CHANNEL, bells.ring, stop, connected=bells.ring_all))
            group.create_task(every(RELEASE_SECONDS, release, stop))
            for bell in bells.quick:
                group.create_task(work(QuickLane(db, quick, ringer, waiting).process, bell, stop))
            group.create_task(work(SlowLane(db, slow, partial, ringer, clock, waiting).process, bells.slow, stop))
    finally:
        if waiting and asker:
            waiting.close()
            asker.close()
        for reader in (quick, slow, partial):
            reader.close()


@dataclass(frozen=True, slots=True)
class Bells:
    """One bell for each lane."""

    quick: list[asyncio.Event]
    slow: asyncio.Event

    def ring(self, payload: str) -> None:
        """Wake the lanes that have something to do: one quick lane a ring, as the second would find nothing left."""
        words = payload.split()
        if SLOW in words:
            self.slow.set()
        if QUICK in words and (silent := [bell for bell in self.quick if not bell.is_set()]):
            silent[0].set()

    def ring_all(self) -> None:
        """Wake every lane: a ring may have been missed."""
        for bell in (*self.quick, self.slow):
            bell.set()
