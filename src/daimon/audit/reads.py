"""Recording reads of mail before the answer leaves. One commit serves all reads that are waiting at that moment."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from daimon.audit.models import Entry
from daimon.audit.service import Trail
from daimon.db.engine import OUTAGES, Database
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log

MAX_ENTRIES = 256  # in one commit

_log = Log(__name__)


@dataclass(slots=True)
class _Waiting:
    entry: Entry
    done: "asyncio.Future[None]"


class ReadLog:
    """Writes entries to the trail, all that wait at once. For reads alone: a change is recorded in its transaction."""

    def __init__(self, db: Database, trail: Trail) -> None:
        self._db = db
        self._trail = trail
        self._waiting: deque[_Waiting] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def record(self, entry: Entry) -> None:
        """Return when the entry is committed. Raises Unavailable if it is not.

        Call it with no connection in hand: the writer needs one, and all could be in hands that wait for it.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(entry, loop.create_future())
        self._waiting.append(waiting)
        if self._writer is None:
            self._writer = loop.create_task(self._write())
        await waiting.done

    async def _write(self) -> None:
        """Commit what waits, batch by batch. One writer: two would share the same reads out into smaller commits."""
        await asyncio.sleep(0)  # let every request that is ready in this turn of the loop join the commit
        while self._waiting:
            await self._store([self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_ENTRIES))])
        self._writer = None  # in the same turn of the loop as the last look, so that no entry waits unseen

    async def _store(self, batch: Sequence[_Waiting]) -> None:
        try:
            async with self._db.transaction() as db:
                await self._trail.record(db, [waiting.entry for waiting in batch])
        except (Unavailable, *OUTAGES) as error:
            _refuse(batch, error)
        except Exception as error:
            if len(batch) > 1:  # one of them cannot be stored; the others shall not suffer for it
                for waiting in batch:
                    await self._store([waiting])
            else:
                _log.error("audit.read_not_recorded", exc_info=error)
                _refuse(batch, error)
        else:
            for waiting in batch:
                if not waiting.done.done():  # its client may be gone
                    waiting.done.set_result(None)


def _refuse(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.done.done():
            refused = Unavailable(retry_after=1)
            refused.__cause__ = error
            waiting.done.set_exception(refused)
