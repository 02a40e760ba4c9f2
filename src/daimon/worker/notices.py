"""The worker's post: answers requests for recovery, and sends what waits to be told to people."""

import asyncio

from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.domains.signing import SigningKeys
from daimon.inbound import accept, notices
from daimon.kit.clock import Clock
from daimon.lifecycle import recovery
from daimon.outbound import queue
from daimon.worker.loops import work

REQUESTS = 20  # in one step
NOTICES = 100


async def run(
    db: Database, *, signing: SigningKeys, public_url: str, domain: str, clock: Clock, stop: asyncio.Event
) -> None:
    """Write and send notices until `stop`. Nobody rings: a person's mail may wait for a second."""
    arrivals, departures = Ringer(db, accept.CHANNEL), Ringer(db, queue.CHANNEL)

    async def answer() -> int:
        async with db.transaction() as connection:
            return await recovery.answer(connection, public_url=public_url, now=clock(), limit=REQUESTS)

    async def deliver() -> int:
        async with db.read() as connection:
            keys = await signing.for_domain(connection, domain)
        async with db.transaction() as connection:
            done = await notices.deliver(connection, domain=domain, keys=keys, now=clock(), limit=NOTICES)
        if done.arrived:
            arrivals.ring(accept.QUICK)
        if done.queued:
            departures.ring(queue.READY)
        return done.due

    async with asyncio.TaskGroup() as group:
        group.create_task(work(answer, asyncio.Event(), stop))
        group.create_task(work(deliver, asyncio.Event(), stop))
