"""The lane of one webhook: sends it what it wants to hear, first attempts in order, as fast as it answers.

Three things wait to be sent: the next events of the sequence, retries that are due, and replays. Each has its turn, and
no more than `MOST_OPEN` are under way; an endpoint that fails is sent less at a time, an unhealthy one is only probed.
A lane waits for nobody but its own endpoint.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

import msgspec

from daimon.db.engine import OUTAGES, Database
from daimon.db.scope import Scope
from daimon.feed.errors import CursorExpired
from daimon.feed.models import Told, Wanted
from daimon.feed.reach import Reach
from daimon.feed.tail import Subscriber, Tails
from daimon.kit import ids
from daimon.kit.clock import Clock
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log
from daimon.kit.safe_http import SafeHttp
from daimon.webhooks import ladder, metrics
from daimon.webhooks.attempting import Outcome, attempt
from daimon.webhooks.backlog import Backlog, Due, OpenReplay
from daimon.webhooks.leasing import Leased
from daimon.webhooks.models import UNHEALTHY_AFTER, Attempt, Delivery, WebhookStatus
from daimon.webhooks.recording import Recorder, Result, Standing, Step
from daimon.webhooks.secret import Vault
from daimon.webhooks.walk import Walk, after, first

FIRST_OPEN, MOST_OPEN = 2, 8  # attempts under way at one endpoint: at first, and once it has answered well
IDLE_SECONDS = 20.0  # with nothing to do, or nothing before so long: then the lane ends
_READ = 16  # events at a time: each may be 256 KiB
_OUTAGE_SECONDS = 0.5

_log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """What all lanes of a process work with."""

    db: Database
    tails: Tails
    http: SafeHttp
    vault: Vault
    recorder: Recorder
    clock: Clock
    public_url: str
    doubtful: asyncio.Semaphore  # what all endpoints that failed last may have under way together


@dataclass(frozen=True, slots=True)
class _Job:
    """Something to send. `told` is missing where the event is not kept any more."""

    told: Told | None
    delivery: Delivery
    walk: Walk | None = None
    replay: OpenReplay | None = None


class Lane:
    """What one worker sends to one webhook, while it holds its lease."""

    def __init__(self, hook: Leased, tools: Tools) -> None:
        self.hook = hook
        self._tools = tools
        self._reach = _reach(hook)
        self._main = Walk(hook.cursor)
        self._backlog = Backlog(tools.db, hook, tools.public_url)
        self._retries: deque[Due] = deque()
        self._replay: tuple[OpenReplay, Walk] | None = None
        self._due_at: datetime | None = None
        self._look_again = True
        self._open: set[asyncio.Task[None]] = set()
        self._in_hand: set[UUID] = set()  # deliveries that are picked or under way: none is begun twice
        self._limit = 1 if hook.failure_count else FIRST_OPEN
        self._not_before = hook.not_before
        self._turn = 0
        self._over = False
        self.is_broken = False
        self._idle_since = monotonic()
        self._bell = asyncio.Event()

    @property
    def cursor(self) -> int:
        """Return how far its webhook has come, all of it written."""
        return self._main.settled

    @property
    def not_before(self) -> datetime | None:
        """Return until when its endpoint is left alone; None: it is not."""
        return self._not_before if self._not_before and self._not_before > self._tools.clock() else None

    @property
    def wake_at(self) -> datetime | None:
        """Return when somebody is to look again though nothing happens; None: never."""
        if self.hook.status is WebhookStatus.DISABLED:
            return None
        moments = [self._due_at] if self._due_at else []
        if self._main.waiting or self._replay or self._retries:
            moments.append(self._tools.clock())
        pause = self.not_before
        if pause is None or not moments:
            return min(moments, default=pause)  # after a pause too: events may have come that nobody was told of
        return max(min(moments), pause)

    def refresh(self, hook: Leased) -> None:
        """Go by the webhook as it is now, and look for retries and replays that somebody asked for."""
        if hook.url != self.hook.url or (hook.status, self.hook.status) == (
            WebhookStatus.ACTIVE,
            WebhookStatus.UNHEALTHY,
        ):
            self._not_before, self._limit = None, FIRST_OPEN
        self.hook = hook
        self._reach = _reach(hook)
        self._look_again = True
        self._bell.set()

    def prolong(self, hook: Leased) -> None:
        """Go by the webhook as it is now; whoever changed it has rung as well, if that was not lost."""
        if hook.wake_at != self.hook.wake_at:
            self.refresh(hook)

    def end(self) -> None:
        """Begin nothing more, and return once what is under way has ended."""
        self._over = True
        self._bell.set()

    async def run(self) -> None:
        """Send until there is nothing to do for a while, or `end`."""
        try:
            with self._tools.tails.subscribe(self.hook.account_id, self.hook.cursor) as subscriber:
                self._bell = subscriber.bell
                while not self._is_over():
                    self._bell.clear()
                    if not await self._start_some(subscriber):
                        await self._rest()
        finally:
            if self._open:
                await asyncio.wait(self._open)

    def _is_over(self) -> bool:
        if self._over or self.hook.status is WebhookStatus.DISABLED:
            return True
        if self._open or monotonic() - self._idle_since < IDLE_SECONDS:
            return False
        wake_at = self.wake_at
        return wake_at is None or wake_at > self._tools.clock() + timedelta(seconds=IDLE_SECONDS)

    async def _start_some(self, subscriber: Subscriber) -> bool:
        """Begin what may begin; return whether there may be more to begin at once."""
        try:
            if self._look_again:
                await self._look_at_backlog()
            room = self._room()
            jobs = await self._pick(room, subscriber) if room > 0 else []
        except CursorExpired as expired:
            _log.warning(
                "webhook.events_expired", webhook=ids.show(ids.Kind.WEBHOOK, self.hook.id), oldest=expired.oldest
            )
            subscriber.sequence = self._main.read_to = expired.oldest - 1
            return True
        except (Unavailable, *OUTAGES) as error:
            _log.warning("webhook.not_looked", error=repr(error))
            self._look_again = True
            await asyncio.sleep(_OUTAGE_SECONDS)
            return True
        for job in jobs:
            task = asyncio.create_task(self._do(job))
            self._open.add(task)
            task.add_done_callback(self._ended)
        return bool(jobs)

    def _room(self) -> int:
        if self.not_before:
            return 0
        return (1 if self.hook.status is WebhookStatus.UNHEALTHY else self._limit) - len(self._open)

    async def _look_at_backlog(self) -> None:
        self._look_again = False
        self._due_at = await self._backlog.next_due(self._busy())
        if self._replay is None and (found := await self._backlog.replay()):
            self._replay = found, Walk(found.cursor)

    async def _pick(self, room: int, subscriber: Subscriber) -> list[_Job]:
        """Return what is next, one of each kind in turn."""

        async def next_event() -> _Job | None:
            return await self._next_event(subscriber)

        suppliers: deque[Callable[[], Awaitable[_Job | None]]] = deque(
            [next_event, self._next_retry, self._next_of_replay]
        )
        suppliers.rotate(self._turn)
        self._turn += 1
        jobs: list[_Job] = []
        while suppliers and len(jobs) < room:
            try:
                job = await suppliers[0]()
            except (CursorExpired, Unavailable, *OUTAGES):
                if jobs:
                    return jobs  # what is in hand goes out; the next look meets the same
                raise
            if job is None:
                suppliers.popleft()
            else:
                jobs.append(job)
                suppliers.rotate(-1)
        return jobs

    async def _next_event(self, subscriber: Subscriber) -> _Job | None:
        walk = self._main
        while not walk.waiting:
            found = await subscriber.look(self._reach, _READ)
            if found is None:
                return None
            walk.waiting.extend(found)
            walk.read_to = subscriber.sequence
        told = walk.begin()
        return _Job(told, first(told, self.hook.id, self._tools.clock()), walk)

    async def _next_retry(self) -> _Job | None:
        now = self._tools.clock()
        if not self._retries and self._due_at and self._due_at <= now:
            self._retries.extend(await self._backlog.due(now, self._busy(), _READ))
            self._due_at = await self._backlog.next_due(self._busy())
        if not self._retries:
            return None
        due = self._retries.popleft()
        self._in_hand.add(due.delivery.id)
        return _Job(due.told, due.delivery)

    async def _next_of_replay(self) -> _Job | None:
        while self._replay:
            replay, walk = self._replay
            if walk.waiting:
                told = walk.begin()
                return _Job(told, first(told, self.hook.id, self._tools.clock(), replay_id=replay.id), walk, replay)
            if walk.read_to >= replay.until:
                if walk.settled < replay.until:
                    return None  # its last ones are under way
                await self._backlog.finish(replay.id)
                self._replay, self._look_again = None, True
                await self._look_at_backlog()
                continue
            try:
                found, walk.read_to = await self._backlog.range(replay, walk.read_to, self._reach, _READ)
            except CursorExpired as expired:
                found, walk.read_to = [], min(expired.oldest - 1, replay.until)
            walk.waiting.extend(found)
        return None

    def _busy(self) -> list[UUID]:
        """Return the deliveries that are in hand, or wait in memory to be."""
        return [*self._in_hand, *(due.delivery.id for due in self._retries)]

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        self._idle_since = monotonic()
        self._bell.set()

    async def _do(self, job: _Job) -> None:
        """Send one thing and write down what came of it."""
        try:
            outcome = await self._outcome(job)
            result = self._result(job, outcome)
            self._heed(outcome)
            standing = await self._tools.recorder.record(result)
            if standing and job.walk and job.told:
                job.walk.settle(job.told.sequence)
            self._stand(standing, result)
        except Exception as error:
            _log.error("webhook.attempt_broken", exc_info=error)
            self.is_broken = self._over = True  # the next lane begins where this one wrote its last result
        finally:
            self._in_hand.discard(job.delivery.id)

    async def _outcome(self, job: _Job) -> Outcome:
        tools = self._tools
        if job.told is None:
            error = "The event is not kept any more, so it cannot be sent again."
            return Outcome(Attempt(tools.clock(), self.hook.url, {}, 0, error=error), succeeded=False)
        if job.walk is self._main and self.hook.status is WebhookStatus.ACTIVE:
            metrics.begun(max(0.0, (tools.clock() - job.told.at).total_seconds()))
        async with tools.doubtful if self.hook.failure_count else contextlib.nullcontext():
            return await attempt(tools.http, tools.vault, self.hook, job.told, tools.clock)

    def _result(self, job: _Job, outcome: Outcome) -> Result:
        step = None
        if job.walk is not None:
            assert job.told is not None
            job.walk.end(job.told.sequence)
            if job.replay is not None:
                step = Step(job.replay.id, job.walk.cursor, job.walk.cursor >= job.replay.until)
        return Result(
            self.hook.name,
            after(job.delivery, outcome, self._tools.clock(), may_repeat=job.told is not None),
            outcome.succeeded,
            self._main.settled if self.is_broken else self._main.cursor,
            outcome.gone,
            outcome.not_before,
            step,
        )

    def _heed(self, outcome: Outcome) -> None:
        """Send more at a time to an endpoint that does well, half as much to one that fails."""
        if outcome.succeeded:
            self._limit = min(MOST_OPEN, self._limit + 1)
        else:
            self._limit = max(1, self._limit // 2)
        if outcome.not_before:
            self._not_before = outcome.not_before

    def _stand(self, standing: Standing | None, result: Result) -> None:
        """Go on as the webhook stands now; without a standing, the lease is lost."""
        if standing is None:
            self._over = True
            return
        was, now = self.hook, self._tools.clock()
        self.hook = msgspec.structs.replace(was, status=standing.status, failure_count=standing.failure_count)
        if standing.status is WebhookStatus.UNHEALTHY:
            self._not_before = ladder.next_probe(standing.failure_count - UNHEALTHY_AFTER, now)
        elif was.status is WebhookStatus.UNHEALTHY:
            self._not_before = None
        if again := result.delivery.next_attempt_at:
            self._due_at = min(self._due_at, again) if self._due_at else again

    async def _rest(self) -> None:
        """Wait until something happens, or until it is time for something."""
        seconds = IDLE_SECONDS
        if not self._open and (wake_at := self.wake_at):
            seconds = min(seconds, max(0.01, (wake_at - self._tools.clock()).total_seconds()))
        elif self._due_at:
            seconds = min(seconds, max(0.01, (self._due_at - self._tools.clock()).total_seconds()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._bell.wait()


def _reach(hook: Leased) -> Reach:
    """Return what a webhook hears of: the account's, its pod's or its inbox's events, of the types it names."""
    scope = Scope(hook.account_id, None if hook.pod_id is None else (hook.pod_id,))
    wanted = Wanted(
        events=frozenset(hook.events) or None,
        inbox_ids=None if hook.inbox_id is None else frozenset((hook.inbox_id,)),
    )
    return Reach.within(scope, wanted)
