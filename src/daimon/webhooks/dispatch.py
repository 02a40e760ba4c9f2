"""All lanes of one worker: opened for webhooks that have something to hear, ended when they have not.

A webhook is found in three ways: a ring tells of an account's new events; its time has come; or the walk over all
webhooks, which ends in time whatever ring was lost, finds it behind.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from uuid import UUID

from daimon.db.engine import OUTAGES, Database
from daimon.events.rings import accounts_of
from daimon.feed.tail import Tails
from daimon.kit import ids
from daimon.kit.clock import Clock
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log
from daimon.kit.safe_http import SafeHttp
from daimon.webhooks import leasing, metrics, wake
from daimon.webhooks.lane import Lane, Tools
from daimon.webhooks.leasing import Leased, Left, Name
from daimon.webhooks.recording import Recorder
from daimon.webhooks.secret import Vault

MOST_LANES = 5_000  # of one worker; what finds no place waits for the walk
MOST_DOUBTFUL = 500  # requests to endpoints that failed last, half of what a worker may have open: they may all hang
_MOST_KNOWN = 50_000  # accounts of which we know how far we looked
_BATCH = 500
_MENDED_SECONDS = 60  # until something that went wrong in us is tried again
_FIRST: Name = (UUID(int=0), UUID(int=0))

_log = Log(__name__)


class Dispatcher:
    """Sends to the webhooks that this worker holds the leases of."""

    def __init__(self, db: Database, *, http: SafeHttp, vault: Vault, clock: Clock, public_url: str) -> None:
        self._db = db
        self._worker = ids.new()
        self.tails = Tails(lambda _: db.read(), public_url=public_url)
        doubtful = asyncio.Semaphore(MOST_DOUBTFUL)
        self._tools = Tools(db, self.tails, http, vault, Recorder(db, self._worker, clock), clock, public_url, doubtful)
        self._lanes: dict[Name, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._rung: dict[UUID, None] = {}
        self._changed: dict[Name, None] = {}
        self._looked: dict[UUID, int] = {}
        self._walked = _FIRST
        self._stopping = False
        self.bell = asyncio.Event()

    def heard(self, payload: str) -> None:
        """Note that accounts have new events."""
        self.tails.ring(payload)
        self._rung.update(dict.fromkeys(accounts_of(payload)))
        self.bell.set()

    def changed(self, payload: str) -> None:
        """Note that webhooks were changed, or have something to be sent."""
        self._changed.update(dict.fromkeys(wake.read(payload)))
        self.bell.set()

    async def look(self) -> int:
        """Open lanes for the webhooks that new events and changes concern; return how many accounts were looked at."""
        changed, self._changed = list(self._changed)[:_BATCH], dict(list(self._changed.items())[_BATCH:])
        rung, self._rung = list(self._rung)[:_BATCH], dict(list(self._rung.items())[_BATCH:])
        try:
            await self._look_at_changes(changed)
            await self._look_at_events(rung)
        except BaseException:
            self._changed.update(dict.fromkeys(changed))
            self._rung.update(dict.fromkeys(rung))
            raise
        return len(changed) + len(rung)

    async def wake_due(self) -> None:
        """Open lanes for the webhooks whose time has come."""
        async with self._db.read() as db:
            names = await leasing.to_wake(db, limit=_BATCH)
        await self._open(names)

    async def walk(self, limit: int = 1000) -> bool:
        """Look at the next webhooks of all, whoever told of them or not; return whether these were the last."""
        async with self._db.read() as db:
            names, end = await leasing.behind(db, self._walked, limit=limit)
        self._walked = end or _FIRST
        await self._open(names)
        return end is None

    def walk_anew(self) -> None:
        """Begin the walk from the start: rings may have been missed."""
        self.tails.ring_all()
        self._walked = _FIRST

    async def renew(self) -> None:
        """Prolong all leases; lanes that lost theirs end."""
        lanes = dict(self._lanes)
        if lanes:
            await self._renew(lanes)

    async def stop(self) -> None:
        """End all lanes: begin nothing more, finish what is under way, give the leases back."""
        self._stopping = True
        for lane in self._lanes.values():
            lane.end()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _look_at_changes(self, changed: list[Name]) -> None:
        if not changed:
            return
        ours = {name: self._lanes[name] for name in changed if name in self._lanes}
        if ours:
            for name, hook in (await self._renew(ours)).items():
                ours[name].refresh(hook)
        await self._open([name for name in changed if name not in ours])

    async def _look_at_events(self, rung: list[UUID]) -> None:
        if not rung:
            return
        async with self._db.read() as db:
            places = await leasing.places(db, {account_id: self._looked.get(account_id) for account_id in rung})
            names = await leasing.concerned(db, places) if places else []
        if len(self._looked) > _MOST_KNOWN:
            self._looked.clear()
        self._looked |= {place.account_id: place.last for place in places}
        await self._open(names)

    async def _renew(self, lanes: Mapping[Name, Lane]) -> dict[Name, Leased]:
        cursors = {name: lane.cursor for name, lane in lanes.items()}
        async with self._db.transaction() as db:
            held = await leasing.renew(db, self._worker, cursors)
        for name, lane in lanes.items():
            if hook := held.get(name):
                lane.prolong(hook)
            else:
                lane.end()
        return held

    async def _open(self, names: Iterable[Name]) -> None:
        free = [name for name in names if name not in self._lanes][: MOST_LANES - len(self._lanes)]
        if not free or self._stopping:
            return
        async with self._db.transaction() as db:
            leased = await leasing.lease(db, self._worker, free)
        for hook in leased:
            lane = self._lanes[hook.name] = Lane(hook, self._tools)
            task = asyncio.create_task(self._run(lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        metrics.lanes(len(self._lanes))

    async def _run(self, lane: Lane) -> None:
        name = lane.hook.name
        try:
            await lane.run()
        except Exception as error:
            _log.error("webhook.lane_broken", exc_info=error)
            lane.is_broken = True
        finally:
            del self._lanes[name]
            metrics.lanes(len(self._lanes))
        left = Left(name, lane.cursor, lane.not_before, lane.wake_at, lane.hook.wake_at)
        if lane.is_broken:
            later = self._tools.clock() + timedelta(seconds=_MENDED_SECONDS)
            left = Left(name, lane.cursor, later, later, lane.hook.wake_at)
        try:
            async with self._db.transaction() as db:
                behind = await leasing.release(db, self._worker, [left])
            await self._open(behind)
        except (Unavailable, *OUTAGES) as error:  # then the lease ends by itself
            _log.warning("webhook.not_released", error=repr(error))


async def settle(dispatcher: Dispatcher, seconds: float) -> None:
    """Stop a dispatcher, with a limit to its patience."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await dispatcher.stop()
