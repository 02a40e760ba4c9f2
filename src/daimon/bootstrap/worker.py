"""The worker role: shows accepted mail, tells people what they are to know, and cleans up."""

import asyncio

from daimon.audit.service import Trail
from daimon.bootstrap.database import opened
from daimon.config import Settings
from daimon.db.engine import Database
from daimon.kit.clock import utc_now
from daimon.worker import erasure, inbound, janitor, notices

CONNECTIONS = 6


async def run(settings: Settings, _sock: None, stop: asyncio.Event) -> None:
    """Show accepted mail, send notices, and clean up, until `stop`; then finish what is in hand."""
    async with opened(settings, Database, connections=CONNECTIONS) as db, asyncio.TaskGroup() as group:
        group.create_task(inbound.run(db, clock=utc_now, stop=stop))
        group.create_task(janitor.run(db, trail=Trail(settings.secret), clock=utc_now, stop=stop))
        group.create_task(erasure.run(db, clock=utc_now, stop=stop))
        group.create_task(
            notices.run(db, public_url=settings.public_url, domain=settings.service_domain, clock=utc_now, stop=stop)
        )
