"""The worker's domains: claims and verified domains are checked again when their time has come."""

import asyncio

from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.domains import rechecks, service_keys
from daimon.events import rings
from daimon.kit.clock import Clock
from daimon.kit.dns import Dns
from daimon.worker.loops import every, work

AT_ONCE = 10
OWN_SECONDS = 60.0


async def run(db: Database, *, dns: Dns, service_domain: str, clock: Clock, stop: asyncio.Event) -> None:
    """Check domains until `stop`, then finish those in hand."""
    ringer = Ringer(db, rings.CHANNEL)

    async def check() -> int:
        return await step(db, dns, ringer, clock)

    async def check_own() -> None:
        await service_keys.look_for_next(db, dns, service_domain, clock())

    async with asyncio.TaskGroup() as group:
        group.create_task(work(check, asyncio.Event(), stop))
        group.create_task(every(OWN_SECONDS, check_own, stop))


async def step(db: Database, dns: Dns, ringer: Ringer, clock: Clock) -> int:
    """Check the domains that are due, a few side by side; return how many. One that fails costs the others nothing."""
    async with db.transaction() as connection:
        due = await rechecks.take(connection, now=clock(), limit=AT_ONCE)
    with rings.noticing() as told:
        done = await asyncio.gather(*(rechecks.check(db, dns, each, clock) for each in due), return_exceptions=True)
    ringer.ring(*told)
    for outcome in done:
        if outcome is not None:
            raise outcome
    return len(due)
