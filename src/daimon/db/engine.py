"""One pool a process, and the two ways to use it: a read, and a transaction that commits when its block ends.

The pool that answers requests is of another kind, in `walls`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Self, TypeAlias
from uuid import UUID

import asyncpg

from daimon.kit.errors import Unavailable

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Record: TypeAlias = asyncpg.Record
_Pooled: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

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


class Pool:
    """Connections to one PostgreSQL, in one role."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", url: str) -> None:
        self.pool = pool
        self.url = url
        self._idle: list[tuple[_Pooled, UUID | None]] = []  # with the account each is set to, None for unknown
        self._waiting = 0

    @classmethod
    async def open(cls, url: str, *, connections: int, role: str | None = None) -> Self:
        """Connect to `url`, in a role of its own if one is given. Raises what asyncpg raises if there is no server."""
        settings = {"application_name": "daimon", "timezone": "UTC", "jit": "off"}
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=connections,
            command_timeout=60,
            max_inactive_connection_lifetime=300,
            reset=_nothing_to_reset,
            server_settings=settings | ({"role": role} if role else {}),
        )
        return cls(pool, url)

    async def close(self) -> None:
        """Wait for running work, then close every connection."""
        try:
            async with asyncio.timeout(10):
                while self._idle:
                    await self.pool.release(self._idle.pop()[0])
                await self.pool.close()
        except TimeoutError:
            self.pool.terminate()

    @contextlib.asynccontextmanager
    async def _lent(self, account_id: UUID | None = None) -> AsyncIterator[Connection]:
        """Lend a connection, set to an account if one is given. Raises Unavailable when the server is away."""
        try:
            connection, seat = await self._take(account_id)
            try:
                if account_id is not None and account_id != seat:
                    await connection.execute(f"set daimon.account = '{account_id}'")
                    seat = account_id
                yield connection
            except BaseException:
                await self.pool.release(connection)  # in whatever state it is: the pool mends or closes it
                raise
            await self._give_back(connection, seat)
        except OUTAGES as error:
            raise Unavailable(retry_after=1) from error

    async def _take(self, account_id: UUID | None) -> tuple[_Pooled, UUID | None]:
        """Return a connection that was given back, best one that is set to the account, or one of the pool.

        The pool's own lending takes two turns of the event loop each time, as much as all the rest of a GET.
        """
        while self._idle:
            place = next((at for at, (_, seat) in enumerate(self._idle) if seat == account_id), -1)
            connection, seat = self._idle.pop(place)
            if not connection.is_closed():
                return connection, seat
            await self.pool.release(connection)
        self._waiting += 1
        try:
            return await self.pool.acquire(timeout=10), None
        finally:
            self._waiting -= 1

    async def _give_back(self, connection: _Pooled, seat: UUID | None) -> None:
        if self._waiting or self.pool.is_closing():
            await self.pool.release(connection)
        else:
            self._idle.append((connection, seat))


class Database(Pool):
    """A pool for work on many accounts, or on none."""

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """Lend a connection for single statements. Raises Unavailable when the server is away."""
        async with self._lent() as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction; leaving the block commits, an exception rolls back."""
        async with self._lent() as connection, connection.transaction():
            yield connection
