"""What every role begins with: its log and its connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from daimon.config import Settings
from daimon.db.engine import Database
from daimon.kit import log


@asynccontextmanager
async def opened(settings: Settings, *, connections: int) -> AsyncIterator[Database]:
    """Log as configured, and lend a pool of connections."""
    log.configure(settings.log_level)
    db = await Database.open(settings.database, connections=connections)
    try:
        yield db
    finally:
        await db.close()
