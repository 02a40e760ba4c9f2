"""The worker's last duty to an account: to leave nothing of it."""

import asyncio

from daimon.db.engine import Database
from daimon.kit.clock import Clock
from daimon.lifecycle import erasure
from daimon.worker.loops import every

INTERVAL_SECONDS = 30.0
ROWS = 200  # in one transaction: each may be a mail of many megabytes


async def run(db: Database, *, clock: Clock, stop: asyncio.Event) -> None:
    """Erase accounts whose time is over, until `stop`."""

    async def erase() -> None:
        while not stop.is_set():
            async with db.transaction() as connection:
                if not await erasure.erase(connection, now=clock(), limit=ROWS):
                    return

    await every(INTERVAL_SECONDS, erase, stop)
