"""Several requests of one inbox in one transaction: each as if alone, all with one commit.

Requests that change the same rows stand in line for them, each until the one before is on disk. Those that wait at the
same moment here share a transaction instead: one after the other, each behind a savepoint, so that one that is refused
leaves nothing behind, and all are answered after the commit.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.walls import TenantDatabase
from daimon.kit.errors import DaimonError

MOST = 16  # in one transaction

T = TypeVar("T")
Work = Callable[[Connection], Awaitable[Any]]
Place = tuple[UUID, object]  # an account, and what the requests have in common: they lock its rows in the same order


@dataclass(slots=True)
class _Waiting:
    work: Work
    done: "asyncio.Future[Any]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    outcome: Any = None
    failure: Exception | None = None


class Together:
    """Runs requests in shared transactions. Make one for each process."""

    def __init__(self, db: TenantDatabase) -> None:
        self._db = db
        self._waiting: dict[Place, list[_Waiting]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, place: Place, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Return what the work returns, once it is committed. Raises what the work raises, and what the commit does.

        A caller that goes away leaves the work to be done.
        """
        waiting = _Waiting(work)
        if place in self._waiting:
            self._waiting[place].append(waiting)
        else:
            self._waiting[place] = [waiting]
            self._running.add(task := asyncio.create_task(self._serve(place)))
            task.add_done_callback(self._running.discard)
        result: T = await asyncio.shield(waiting.done)
        return result

    async def _serve(self, place: Place) -> None:
        """Commit what waits, so many at a time, until nothing does."""
        while waiting := self._waiting[place]:
            batch, self._waiting[place] = waiting[:MOST], waiting[MOST:]
            await self._commit(place[0], batch)
        del self._waiting[place]

    async def _commit(self, account_id: UUID, batch: list[_Waiting]) -> None:
        """Commit a batch. If it fails as a whole nothing of it was kept, and each is done again alone.

        So it can: requests with one client_id in two processes wait for each other where each has more in hand.
        """
        try:
            async with self._db.transaction(account_id) as connection:
                if len(batch) == 1:
                    batch[0].outcome = await batch[0].work(connection)
                else:
                    await _attempt_each(connection, batch)
        except Exception as error:
            if len(batch) == 1:
                _fail(batch[0], error)
            else:
                for each in batch:
                    await self._commit(account_id, [each])
            return
        for each in batch:
            if each.failure is not None:
                _fail(each, each.failure)
            elif not each.done.done():
                each.done.set_result(each.outcome)


async def _attempt_each(connection: Connection, batch: list[_Waiting]) -> None:
    """Do one request's work after the other. Raises what leaves the connection of no use."""
    for each in batch:
        each.failure = None
        await connection.execute("savepoint request")
        try:
            each.outcome = await each.work(connection)
        except DaimonError as error:
            each.failure = error
            await connection.execute("rollback to savepoint request")
        await connection.execute("release savepoint request")


def _fail(each: _Waiting, error: Exception) -> None:
    if not each.done.done():
        each.done.set_exception(error)
