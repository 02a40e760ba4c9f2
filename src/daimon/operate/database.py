"""The database of the server that runs, as a command reaches it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from daimon.config import Settings
from daimon.db.embedded import running_url
from daimon.db.engine import Connection
from daimon.supervisor.outages import readable_outages


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Connection]:
    """Lend a connection to the configured database, or to the one of the server that runs over the data directory."""
    url = settings.database_url or running_url(settings.data_dir)
    with readable_outages(url):
        connection = await asyncpg.connect(url, timeout=30)
        try:
            yield connection
        finally:
            await connection.close(timeout=10)
