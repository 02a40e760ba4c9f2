"""The worker's books: months that are over are closed, and the ledger gets places for those to come."""

import asyncio
from datetime import timedelta

from daimon.billing.splits import books, service
from daimon.db.engine import Database
from daimon.kit.clock import Clock
from daimon.quotas import ledger
from daimon.worker.loops import every

LOOK_SECONDS = 60.0
AT_ONCE = 100  # accounts
MONTHS_EVERY = timedelta(hours=1)


async def run(db: Database, *, clock: Clock, stop: asyncio.Event) -> None:
    """Close months until `stop`."""
    kept_at = clock() - MONTHS_EVERY

    async def look() -> None:
        nonlocal kept_at
        await close(db, clock=clock, stop=stop)
        if clock() >= kept_at + MONTHS_EVERY:
            async with db.transaction() as connection:
                await ledger.keep_months(connection, now=clock())
            kept_at = clock()

    await every(LOOK_SECONDS, look, stop)


async def close(db: Database, *, clock: Clock, stop: asyncio.Event) -> int:
    """Take every month a step further that can be closed, and return how many reports were written down."""
    for step in (books.open_for_customers, books.begin):
        more = AT_ONCE
        while more >= AT_ONCE and not stop.is_set():
            async with db.transaction() as connection:
                more = await step(connection, now=clock(), limit=AT_ONCE)
    written, more_reports = 0, True
    while more_reports and not stop.is_set():
        async with db.transaction() as connection:
            more_reports = await service.close(connection, now=clock())
        written += more_reports
    return written
