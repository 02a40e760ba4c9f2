"""Throws away what has been kept long enough: a little at a time, so that nobody waits for it."""

import asyncio
from functools import partial

from daimon.accounts import retention as responses
from daimon.audit import retention as audit
from daimon.audit.service import Trail
from daimon.db.engine import Database
from daimon.events import retention as events
from daimon.inboxes import retention as inboxes
from daimon.kit.clock import Clock
from daimon.lifecycle import retention as links
from daimon.messages import retention as messages
from daimon.notices import retention as notices
from daimon.quotas import retention as quotas
from daimon.threads import retention as threads
from daimon.worker.loops import every

# Messages before the threads and inboxes that hold them: those go when they are empty.
_FORGETTING = (
    responses.forget_responses,
    quotas.forget_free_creates,
    quotas.forget_rates,
    quotas.forget_leases,
    events.forget,
    links.forget_links,
    notices.forget,
    notices.forget_rates,
    messages.erase,
    threads.erase,
    inboxes.erase,
)
INTERVAL_SECONDS = 30.0
ROWS = 1000


async def run(db: Database, *, trail: Trail, clock: Clock, stop: asyncio.Event) -> None:
    """Clean up until `stop`."""
    forgetting = (*_FORGETTING, partial(audit.forget, chain=trail.chain))

    async def clean() -> None:
        for forget in forgetting:
            async with db.transaction() as connection:
                await forget(connection, now=clock(), limit=ROWS)

    await every(INTERVAL_SECONDS, clean, stop)
