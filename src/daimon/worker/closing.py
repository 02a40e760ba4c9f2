"""The worker's books: months that are over are closed, and the ledger gets places for those to come."""

import asyncio
from datetime import date, timedelta
from uuid import UUID

from daimon.billing.splits import books, service
from daimon.db.engine import OUTAGES, Database
from daimon.db.scope import Scope
from daimon.kit.clock import Clock
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log
from daimon.quotas import ledger
from daimon.worker.loops import every

LOOK_SECONDS = 60.0
AT_ONCE = 100  # accounts
MONTHS_EVERY = timedelta(hours=1)

_log = Log(__name__)


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
    return await _write(db, clock=clock, stop=stop)


async def _write(db: Database, *, clock: Clock, stop: asyncio.Event) -> int:
    """Write reports down until none is left but those that failed: each of these waits behind the others."""
    written, failed = 0, set[UUID]()
    while not stop.is_set():
        due: tuple[UUID, date] | None = None
        try:
            async with db.transaction() as connection:
                due = await books.next_to_write(connection, now=clock())
                if due is None or due[0] in failed:
                    break
                await service.close(connection, Scope(due[0]), due[1], now=clock())
            written += 1
        except (Unavailable, *OUTAGES):
            raise
        except Exception as error:
            if due is None:
                raise
            _log.error("billing.month_not_closed", account=due[0].hex, month=str(due[1]), exc_info=error)
            failed.add(due[0])
            async with db.transaction() as connection:
                await books.put_off(connection, Scope(due[0]), now=clock())
    return written
