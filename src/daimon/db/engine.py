"""One pool a process, and the two ways to use it: a read, and a transaction that commits when its block ends.

The pool that answers requests is of another kind, in `walls`.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from typing import ClassVar, Self, TypeAlias
from uuid import UUID

import asyncpg

from daimon.kit.errors import Unavailable

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Record: TypeAlias = asyncpg.Record
_Pooled: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
_Lent: TypeAlias = tuple[_Pooled, UUID | None]  # with the account that it is set to, None for unknown

_PATIENCE_SECONDS = 10.0  # for a connection, when all are out

# What a lost, full or restarting server raises, or one that ends a circle of transactions which wait for each other:
# nothing was committed, so the caller may be told to retry.
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
    asyncpg.exceptions.DeadlockDetectedError,
    asyncpg.exceptions.PostgresIOError,
)


async def _nothing_to_reset(_: object) -> None:
    """Save a round trip a release: no code here leaves anything in a session, and transactions end themselves."""


class Pool:
    """Connections to one PostgreSQL, in one role."""

    SETTINGS: ClassVar = {"application_name": "daimon", "timezone": "UTC", "jit": "off"}

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", url: str, connections: int) -> None:
        self.pool = pool
        self.url = url
        self._idle: list[_Lent] = []
        self._free = connections  # how many more the pool may lend us
        self._waiting: deque[asyncio.Future[_Lent | None]] = deque()  # None: look again, one more is free

    @classmethod
    async def open(cls, url: str, *, connections: int, role: str | None = None) -> Self:
        """Connect to `url`, in a role of its own if one is given. Raises what asyncpg raises if there is no server."""
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=connections,
            command_timeout=60,
            max_inactive_connection_lifetime=300,
            reset=_nothing_to_reset,
            server_settings=cls.SETTINGS | ({"role": role} if role else {}),
        )
        return cls(pool, url, connections)

    async def close(self) -> None:
        """Wait for running work, then close every connection."""
        try:
            async with asyncio.timeout(10):
                while self._idle:
                    await self.drop(self._idle.pop()[0])
                await self.pool.close()
        except TimeoutError:
            self.pool.terminate()

    async def take(self, account_id: UUID | None) -> _Lent:
        """Return a connection that was given back, best one that is set to the account, or one of the pool.

        The pool's own lending takes two turns of the event loop each time, as much as all the rest of a GET. So what it
        lends us we keep, and who comes when all are out is handed the next one, in the order of coming.
        """
        while self._idle:
            lent = self._idle.pop(self._best_for(account_id))
            if not _is_gone(lent[0]):
                return lent
            await self.drop(lent[0])
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not self._free:
                if handed := await self._handed():
                    return handed
            return await self._borrow(), None

    async def give_back(self, connection: _Pooled, seat: UUID | None) -> None:
        """Take back a connection that is as good as new, and set to an account."""
        if self.pool.is_closing() or _is_gone(connection):
            await self.drop(connection)
        elif not self._hand((connection, seat)):
            self._idle.append((connection, seat))

    async def drop(self, connection: _Pooled) -> None:
        """Give a connection, in whatever state it is, to the pool, which mends or closes it."""
        try:
            await self.pool.release(connection)
        finally:
            self._free += 1
            self._hand(None)

    def _best_for(self, account_id: UUID | None) -> int:
        """Return the place of the idle connection to lend.

        Of those that suit it is the one used last, whose caches are warm; if none does, the one used first, so that
        those of busy accounts stay as they are.
        """
        if account_id is None:
            return -1
        for place in range(len(self._idle) - 1, -1, -1):
            if self._idle[place][1] == account_id:
                return place
        return 0

    async def _borrow(self) -> _Pooled:
        self._free -= 1
        try:
            return await self.pool.acquire()
        except BaseException:
            self._free += 1
            self._hand(None)
            raise

    async def _handed(self) -> _Lent | None:
        """Wait for what is given back next; None if the pool may lend one more."""
        waiting: asyncio.Future[_Lent | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            return await waiting
        except BaseException:
            if waiting.done() and not waiting.cancelled():  # handed in the moment in which we gave up
                if lent := waiting.result():
                    await self.give_back(*lent)
                else:
                    self._hand(None)
            raise

    def _hand(self, lent: _Lent | None) -> bool:
        """Hand a connection to who waits longest; return whether anybody waits."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(lent)
                return True
        return False


def _is_gone(connection: _Pooled) -> bool:
    """Whether a connection is closed. One that the server closed was taken back by asyncpg, and says nothing more."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True


class Loan:
    """A connection lent for a block, set to an account if one is given. Raises Unavailable when the server is away.

    Every request takes one: as a generator it would cost three times as much. `seat` is the account that the connection
    is set to, None for unknown; a block that sets it to another says so here.
    """

    __slots__ = ("_account_id", "_connection", "_pool", "seat")

    seat: UUID | None

    def __init__(self, pool: Pool, account_id: UUID | None = None) -> None:
        self._pool = pool
        self._account_id = account_id

    async def __aenter__(self) -> Connection:
        try:
            self._connection, self.seat = await self._pool.take(self._account_id)
            if self._account_id is not None and self._account_id != self.seat:
                await self._sit_down(self._account_id)
        except OUTAGES as error:
            raise Unavailable(retry_after=1) from error
        return self._connection

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        try:
            if error is None:
                await self._pool.give_back(self._connection, self.seat)
            else:
                await self._pool.drop(self._connection)
        except OUTAGES as lost:
            raise Unavailable(retry_after=1) from lost
        if isinstance(error, OUTAGES):
            raise Unavailable(retry_after=1) from error

    async def _sit_down(self, account_id: UUID) -> None:
        try:
            await self._connection.execute(f"set daimon.account = '{account_id}'")
            self.seat = account_id
        except BaseException:
            await self._pool.drop(self._connection)
            raise


class Database(Pool):
    """A pool for work on many accounts, or on none."""

    def read(self) -> Loan:
        """Lend a connection for single statements. Raises Unavailable when the server is away."""
        return Loan(self)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction; leaving the block commits, an exception rolls back."""
        async with Loan(self) as connection, connection.transaction():
            yield connection
