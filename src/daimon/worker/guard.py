"""The worker's abuse guard: accounts that crossed a bound are put under review."""

import asyncio

from daimon.audit.service import Trail
from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.events import rings
from daimon.kit.clock import Clock
from daimon.outbound import guard
from daimon.worker.loops import every

LOOK_SECONDS = 0.5


async def run(db: Database, *, trail: Trail, clock: Clock, stop: asyncio.Event) -> None:
    """Look for such accounts until `stop`."""
    ringer = Ringer(db, rings.CHANNEL)

    async def look() -> None:
        more = True
        while more and not stop.is_set():
            with rings.noticing() as told:
                async with db.transaction() as connection:
                    more = await guard.review(connection, trail, now=clock())
            ringer.ring(*told)

    await every(LOOK_SECONDS, look, stop)
