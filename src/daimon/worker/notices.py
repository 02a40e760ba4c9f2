"""The worker's post: answers requests for recovery, and sends what waits to be told to people."""

import asyncio

from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.inbound import accept, notices
from daimon.kit.clock import Clock
from daimon.lifecycle import recovery
from daimon.worker.loops import work

REQUESTS = 20  # in one step
NOTICES = 100


async def run(db: Database, *, public_url: str, domain: str, clock: Clock, stop: asyncio.Event) -> None:
    """Write and send notices until `stop`. Nobody rings: a person's mail may wait for a second."""
    ringer = Ringer(db, accept.CHANNEL)

    async def answer() -> int:
        async with db.transaction() as connection:
            return await recovery.answer(connection, public_url=public_url, now=clock(), limit=REQUESTS)

    async def deliver() -> int:
        async with db.transaction() as connection:
            due, accepted = await notices.deliver(connection, domain=domain, now=clock(), limit=NOTICES)
        if accepted:
            ringer.ring(accept.QUICK)
        return due

    async with asyncio.TaskGroup() as group:
        group.create_task(work(answer, asyncio.Event(), stop))
        group.create_task(work(deliver, asyncio.Event(), stop))
