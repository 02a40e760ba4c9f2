"""The worker's billing: ends of grace, deleted accounts, meters, and a comparison with Stripe each night."""

import asyncio
from collections.abc import Collection

from daimon.billing import due, meters, reconcile
from daimon.billing.mirror import Mirror
from daimon.db.engine import Database
from daimon.kit.log import Log
from daimon.worker.loops import every

LOOK_SECONDS = 15.0
DELETIONS_SECONDS = 60.0
NIGHT_SECONDS = 600.0  # how often it is asked whether the night's comparison is done

METER_SECONDS = 300.0

_log = Log(__name__)


async def run(db: Database, mirror: Mirror, *, metered: Collection[str], stop: asyncio.Event) -> None:
    """Do so until `stop`. `metered` is which kinds of use Stripe's meters are told of."""

    async def look() -> None:
        while not stop.is_set() and await due.look(db, mirror) == due.AT_ONCE:
            pass

    async def follow_deletions() -> None:
        while not stop.is_set() and await due.follow_deletions(db, mirror) >= due.AT_ONCE:
            pass

    async def compare() -> None:
        report = await reconcile.nightly(db, mirror)
        if report is not None:
            _log.info(
                "billing.reconciled", accounts=report.accounts, drift=len(report.drift), unknown=len(report.unknown)
            )

            if metered:  # corrections of days long ago
                await meters.write_down(db, metered, days=meters.ALL_DAYS, now=mirror.clock())

    async def meter() -> None:
        await meters.write_down(db, metered, days=meters.DAYS, now=mirror.clock())
        while not stop.is_set() and await meters.tell(db, mirror.stripe, now=mirror.clock()):
            pass

    await asyncio.gather(
        every(LOOK_SECONDS, look, stop),
        every(DELETIONS_SECONDS, follow_deletions, stop),
        every(NIGHT_SECONDS, compare, stop),
        *([every(METER_SECONDS, meter, stop)] if metered else []),
    )
