"""What every role begins with: its log and its connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from daimon.config import Settings
from daimon.db.engine import Pool
from daimon.db.walls import API, JOBS, TenantDatabase
from daimon.kit import log
from daimon.notices import sealing

P = TypeVar("P", bound=Pool)


@asynccontextmanager
async def opened(settings: Settings, kind: type[P], *, connections: int) -> AsyncIterator[P]:
    """Log as configured, and lend a pool of connections: of the kind that serves tenants, or of the one for all."""
    log.configure(settings.log_level)
    sealing.configure(settings.secret)
    role = API if issubclass(kind, TenantDatabase) else JOBS
    db = await kind.open(settings.database, connections=connections, role=role)
    try:
        yield db
    finally:
        await db.close()
