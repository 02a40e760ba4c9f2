"""Buries and throws away what has been kept long enough: a little at a time, so that nobody waits for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial

from daimon.accounts import retention as responses
from daimon.audit import retention as audit
from daimon.audit.service import Trail
from daimon.billing import retention as billing
from daimon.db.engine import OUTAGES, Database
from daimon.domains import retention as domains
from daimon.drafts import retention as drafts
from daimon.events import retention as events
from daimon.inboxes import placements
from daimon.inboxes import retention as inboxes
from daimon.kit.clock import Clock
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log
from daimon.lifecycle import retention as links
from daimon.messages import dead_letters
from daimon.messages import retention as messages
from daimon.notices import retention as notices
from daimon.outbound import guard, mta_sts
from daimon.pods import retention as pods
from daimon.quotas import retention as quotas
from daimon.threads import retention as threads
from daimon.webhooks import retention as webhooks
from daimon.worker.loops import every

# Messages before the threads and inboxes that hold them: those go when they are empty.
_FORGETTING = (
    responses.forget_responses,
    quotas.forget_free_creates,
    quotas.forget_rates,
    quotas.forget_leases,
    events.forget,
    webhooks.forget,
    domains.forget,
    mta_sts.forget,
    guard.forget,
    drafts.forget,
    links.forget_links,
    notices.forget,
    notices.forget_rates,
    billing.forget_events,
    billing.forget_links,
    billing.forget_reports,
    billing.forget_meter_events,
    dead_letters.sweep,
    messages.erase,
    threads.erase,
    inboxes.erase,
    placements.forget,
    pods.forget_names,
)
INTERVAL_SECONDS = 30.0
ROUND_SECONDS = 10.0  # of work at most, then a pause: a third of the time is for others alone
ROWS = 1000  # in one transaction

Forget = Callable[..., Awaitable[int]]  # returns how many rows it took, `limit` where there may be more

_log = Log(__name__)


async def run(db: Database, *, trail: Trail, clock: Clock, stop: asyncio.Event) -> None:
    """Clean up until `stop`."""
    forgetting = (*_FORGETTING, partial(audit.forget, chain=trail.chain))

    async def clean() -> None:
        await sweep(db, forgetting, clock=clock, stop=stop)

    await every(INTERVAL_SECONDS, clean, stop)


async def sweep(
    db: Database,
    forgetting: Sequence[Forget],
    *,
    clock: Clock,
    stop: asyncio.Event,
    limit: int = ROWS,
    elapsed: Callable[[], float] = time.monotonic,
) -> None:
    """Let each take a batch in turn, and those that found a full one again, for ROUND_SECONDS or until `stop`.

    One that fails is left for the next sweep, and costs the others nothing. Raises Unavailable without a database.
    """
    end = elapsed() + ROUND_SECONDS
    left = list(forgetting)
    while left:
        left = [forget for forget in left if not stop.is_set() and await _batch(db, forget, clock(), limit) >= limit]
        if elapsed() >= end:
            return


async def _batch(db: Database, forget: Forget, now: datetime, limit: int) -> int:
    try:
        async with db.transaction() as connection:
            return await forget(connection, now=now, limit=limit)
    except (Unavailable, *OUTAGES):
        raise
    except Exception as error:
        _log.error("janitor.failed", exc_info=error)
        return 0
