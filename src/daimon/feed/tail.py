"""The newest events of accounts that somebody follows, in memory, so that an event is read once and told to many.

A subscriber has a place in the sequence. While the tail reaches back to it, it reads from memory; one that fell behind,
or begins far back, reads from the database until it has caught up. Either way it sees each number once and in order.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from time import monotonic
from uuid import UUID

from daimon.db.engine import OUTAGES, Connection, Database
from daimon.db.scope import Scope
from daimon.events.rings import accounts_of
from daimon.feed.memory import Memory
from daimon.feed.models import Told
from daimon.feed.reach import Reach
from daimon.feed.repository import FeedRepository
from daimon.feed.whole import with_messages
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log

LOOK_SECONDS = 5.0  # a ring can be lost
MOST_EVENTS, MOST_BYTES = 1_000, 8 << 20  # of one account in memory
_LOADED = 100  # at a time
_OVERHEAD = 512  # octets that an event takes beside its data
_PLACES_SECONDS = 0.9

Reading = Callable[[UUID], AbstractAsyncContextManager[Connection]]

_log = Log(__name__)


class Tails:
    """The tails of one process, one for each account that is followed here."""

    def __init__(self, reading: Reading, *, public_url: str, memory: Memory | None = None) -> None:
        self._memory = memory or Memory()
        self._rung = asyncio.Event()
        self._reading = reading
        self._public_url = public_url
        self._tails: dict[UUID, _Tail] = {}

    @contextmanager
    def subscribe(self, account_id: UUID, after: int) -> "Iterator[Subscriber]":
        """Follow an account's events from behind a number on; the number must be one that was, or 0."""
        tail = self._tails.get(account_id)
        if tail is None:
            tail = self._tails[account_id] = _Tail(account_id, self._reading, self._public_url, self._memory)
        subscriber = Subscriber(tail, after)
        tail.subscribers.add(subscriber)
        try:
            yield subscriber
        finally:
            tail.subscribers.discard(subscriber)
            if not tail.subscribers and self._tails.get(account_id) is tail:
                del self._tails[account_id]
                tail.close()

    def ring(self, payload: str) -> None:
        """Look for new events of the accounts in a payload of `events.rings`."""
        for account_id in accounts_of(payload):
            if tail := self._tails.get(account_id):
                tail.poke()

    def ring_all(self) -> None:
        """Let `run` look for new events of all accounts: rings may have been missed."""
        self._rung.set()

    def wake_all(self) -> None:
        """Let every `next` return: the server stops."""
        for tail in self._tails.values():
            tail.wake()

    async def run(self, jobs: Database, stop: asyncio.Event) -> None:
        """Look for events whose ring was lost, until `stop`: one query for all accounts."""
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._rung.set())
        try:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._rung.wait(), LOOK_SECONDS)
                self._rung.clear()
                try:
                    await self._look(jobs)
                except (Unavailable, *OUTAGES) as error:
                    _log.warning("tails.not_looked", error=repr(error))
        finally:
            stopping.cancel()
        self.wake_all()

    async def _look(self, jobs: Database) -> None:
        if not self._tails:
            return
        async with jobs.read() as db:
            rows = await db.fetch(
                "select account_id, last from event_sequences where account_id = any($1)", list(self._tails)
            )
        for row in rows:
            tail = self._tails.get(row["account_id"])
            if tail and row["last"] != tail.last:
                tail.poke()


class _Tail:
    """The last events of one account, without a gap: those with the numbers behind `floor` up to `last`."""

    def __init__(self, account_id: UUID, reading: Reading, public_url: str, memory: Memory) -> None:
        self.account_id = account_id
        self.scope = Scope(account_id)
        self.reading = reading
        self.public_url = public_url
        self._memory = memory
        self.subscribers: set[Subscriber] = set()
        self.floor = 0
        self.last: int | None = None  # None: nothing is known yet
        self._events: list[Told] = []
        self._bytes = 0
        self._places: dict[UUID, tuple[float, UUID | None]] = {}
        self._loading: asyncio.Task[None] | None = None
        self._poked = False

    def poke(self) -> None:
        """Load what is new, unless that is done already; then once more."""
        self._poked = True
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())

    def wake(self) -> None:
        """Let every subscriber look."""
        for subscriber in self.subscribers:
            subscriber.bell.set()

    def close(self) -> None:
        """Load no more, and hold nothing."""
        self._memory.hold(self, 0)
        if self._loading is not None:
            self._loading.cancel()

    def shed(self) -> None:
        """Hold nothing any more; who has not seen it yet reads it from the database."""
        self._events.clear()
        self._bytes = 0
        if self.last is not None:
            self.floor = self.last
        self._memory.hold(self, 0)

    def behind(self, sequence: int, most: int) -> list[Told] | None:
        """Return the next events behind a number; None if the tail does not reach back to it."""
        if self.last is None or sequence < self.floor:
            return None
        start = sequence - self.floor
        return self._events[start : start + most]

    async def places(self, told: Iterable[Told]) -> dict[UUID, UUID | None]:
        """Return in which pods the inboxes of events are now, or were less than a second ago."""
        now = monotonic()
        inboxes = {each.inbox_id for each in told if each.inbox_id is not None}
        old = [inbox for inbox in inboxes if self._places.get(inbox, (0.0, None))[0] < now - _PLACES_SECONDS]
        if old:
            async with self.reading(self.account_id) as db:
                found = await FeedRepository(db, self.scope).places(old)
            if len(self._places) > MOST_EVENTS:
                self._places.clear()
            self._places |= {inbox: (now, pod) for inbox, pod in found.items()}
        return {inbox: self._places[inbox][1] for inbox in inboxes if inbox in self._places}

    async def _load(self) -> None:
        try:
            while self._poked:
                self._poked = False
                while await self._load_some():
                    pass
        except (Unavailable, *OUTAGES) as error:
            _log.warning("tail.not_loaded", error=repr(error))
        except Exception as error:
            _log.error("tail.broken", exc_info=error)
            self._forget()
        finally:
            self._loading = None

    async def _load_some(self) -> bool:
        """Load the next events; return whether there may be more."""
        async with self.reading(self.account_id) as db:
            repository = FeedRepository(db, self.scope)
            oldest, last = await repository.bounds()
            if self.last is None or self.last < oldest - 1:
                self._forget()
                self.floor = self.last = last
                self.wake()
                return False
            looked = await repository.after(self.last, Reach.within(self.scope), _LOADED)
            told = await with_messages(db, self.scope, looked.told, public_url=self.public_url)
        self._append(told)
        return bool(told) and looked.to < looked.last

    def _append(self, told: list[Told]) -> None:
        if not told:
            return
        self._events += told
        self._bytes += sum(len(each.data) + _OVERHEAD for each in told)
        self.last = told[-1].sequence
        drop = 0
        while len(self._events) - drop > MOST_EVENTS or self._bytes > MOST_BYTES:
            self._bytes -= len(self._events[drop].data) + _OVERHEAD
            drop += 1
        del self._events[:drop]
        self.floor += drop
        self._memory.hold(self, self._bytes)
        self.wake()

    def _forget(self) -> None:
        self.shed()
        self.last = None


class Subscriber:
    """Somebody who follows an account. `sequence` is the number up to which everything was looked at."""

    def __init__(self, tail: _Tail, after: int) -> None:
        self._tail = tail
        self.sequence = after
        self.bell = asyncio.Event()

    async def next(self, reach: Reach, *, most: int = 100, patience: float | None = None) -> list[Told]:
        """Return the next events within the reach, in order, as soon as any were passed.

        The list is empty where none of them is within the reach, and, with the place unmoved, when nothing happened
        for `patience` seconds (None: waits for ever) or the server stops. A call that is cancelled moves nothing.
        Raises CursorExpired for a place that is not kept any more, Unavailable without a database: try again.
        """
        self.bell.clear()
        if (found := await self.look(reach, most)) is not None:
            return found
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self.bell.wait()
        return await self.look(reach, most) or []

    async def look(self, reach: Reach, most: int) -> list[Told] | None:
        """Return what is within the reach among the next events; None if there are no next ones.

        Raises as `next` does. Whoever waits for `bell` clears it before he looks.
        """
        if self._tail.last is None:
            self._tail.poke()
        passed = self._tail.behind(self.sequence, most)
        if passed is None:
            return await self._catch_up(reach, most)
        if not passed:
            return None
        places = await self._tail.places(passed) if reach.needs_places else {}
        self.sequence = passed[-1].sequence
        return [told for told in passed if reach.sees(told, places)]

    async def _catch_up(self, reach: Reach, most: int) -> list[Told] | None:
        tail = self._tail
        async with tail.reading(tail.account_id) as db:
            looked = await FeedRepository(db, tail.scope).after(self.sequence, reach, most)
            told = await with_messages(db, tail.scope, looked.told, public_url=tail.public_url)
        if looked.to == self.sequence:
            return None
        self.sequence = looked.to
        return told
