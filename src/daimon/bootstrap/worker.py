"""The worker role: shows accepted mail, and cleans up."""

import asyncio

from daimon.bootstrap.database import opened
from daimon.config import Settings
from daimon.kit.clock import utc_now
from daimon.worker import inbound, janitor

CONNECTIONS = 6


async def run(settings: Settings, _sock: None, stop: asyncio.Event) -> None:
    """Show accepted mail, and clean up, until `stop`; then finish what is in hand."""
    async with opened(settings, connections=CONNECTIONS) as db, asyncio.TaskGroup() as group:
        group.create_task(inbound.run(db, clock=utc_now, stop=stop))
        group.create_task(janitor.run(db, clock=utc_now, stop=stop))
