"""The worker's billing: ends of grace, subscriptions of deleted accounts, and each night a comparison with Stripe."""

import asyncio

from daimon.billing import due, reconcile
from daimon.billing.mirror import Mirror
from daimon.db.engine import Database
from daimon.kit.log import Log
from daimon.worker.loops import every

LOOK_SECONDS = 15.0
DELETIONS_SECONDS = 60.0
NIGHT_SECONDS = 600.0  # how often it is asked whether the night's comparison is done

_log = Log(__name__)


async def run(db: Database, mirror: Mirror, *, stop: asyncio.Event) -> None:
    """Do so until `stop`."""

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

    await asyncio.gather(
        every(LOOK_SECONDS, look, stop),
        every(DELETIONS_SECONDS, follow_deletions, stop),
        every(NIGHT_SECONDS, compare, stop),
    )
