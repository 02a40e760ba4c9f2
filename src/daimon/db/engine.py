"""One pool a process, and the two ways to use it: a read, and a transaction that commits when its block ends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TypeAlias

import asyncpg

from daimon.kit.errors import Unavailable

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Record: TypeAlias = asyncpg.Record

# What a lost, full or restarting server raises: nothing was committed, so the caller may be told to retry.
OUTAGES = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.ReadOnlySQLTransactionError,
    asyncpg.exceptions.LockNotAvailableError,
    asyncpg.exceptions.QueryCanceledError,
    asyncpg.exceptions.PostgresIOError,
)


async def _nothing_to_reset(_: object) -> None:
    """Save a round trip a release: no code here leaves anything in a session, and transactions end themselves."""


class Database:
    """A pool of connections to one PostgreSQL."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", url: str) -> None:
        self.pool = pool
        self.url = url

    @classmethod
    async def open(cls, url: str, *, connections: int) -> "Database":
        """Connect to `url`. Raises what asyncpg raises if there is no server."""
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=connections,
            command_timeout=60,
            max_inactive_connection_lifetime=300,
            reset=_nothing_to_reset,
            server_settings={"application_name": "daimon", "timezone": "UTC", "jit": "off"},
        )
        return cls(pool, url)

    async def close(self) -> None:
        """Wait for running work, then close every connection."""
        try:
            await asyncio.wait_for(self.pool.close(), 10)
        except TimeoutError:
            self.pool.terminate()

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """Lend a connection for single statements. Raises Unavailable when the server is away."""
        async with self._lend() as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction; leaving the block commits, an exception rolls back."""
        async with self._lend() as connection, connection.transaction():
            yield connection

    @contextlib.asynccontextmanager
    async def _lend(self) -> AsyncIterator[Connection]:
        try:
            async with self.pool.acquire(timeout=10) as connection:
                yield connection
        except OUTAGES as error:
            raise Unavailable(retry_after=1) from error
