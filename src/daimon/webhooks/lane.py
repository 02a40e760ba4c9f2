"""The lane of one webhook: sends it what it wants to hear, first attempts in order, as fast as it answers.

What is next is the picker's part, how much at a time the pace's. A lane waits for nobody but its own endpoint.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

import msgspec

from daimon.db.engine import OUTAGES, Database
from daimon.feed.errors import CursorExpired
from daimon.feed.tail import Subscriber, Tails
from daimon.kit import ids
from daimon.kit.clock import Clock
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log
from daimon.kit.safe_http import SafeHttp
from daimon.webhooks import metrics
from daimon.webhooks.attempting import Outcome, attempt
from daimon.webhooks.backlog import Backlog
from daimon.webhooks.leasing import Leased
from daimon.webhooks.models import Attempt, WebhookStatus
from daimon.webhooks.pace import Pace
from daimon.webhooks.picking import Job, Picker
from daimon.webhooks.recording import Recorder, Result, Standing, Step
from daimon.webhooks.secret import Vault
from daimon.webhooks.walk import after

IDLE_SECONDS = 20.0  # with nothing to do, or nothing before so long: then the lane ends
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


class Lane:
    """What one worker sends to one webhook, while it holds its lease."""

    def __init__(self, hook: Leased, tools: Tools) -> None:
        self.hook = hook
        self._tools = tools
        self._picker = Picker(hook, Backlog(tools.db, hook, tools.public_url), tools.clock)
        self._pace = Pace(failing=hook.failure_count > 0, not_before=hook.not_before)
        self._open: set[asyncio.Task[None]] = set()
        self._over = False
        self.is_broken = False
        self._idle_since = monotonic()
        self._bell = asyncio.Event()

    @property
    def cursor(self) -> int:
        """Return how far its webhook has come, all of it written."""
        return self._picker.main.settled

    @property
    def not_before(self) -> datetime | None:
        """Return until when its endpoint is left alone; None: it is not."""
        return self._pace.pause(self._tools.clock())

    @property
    def wake_at(self) -> datetime | None:
        """Return when somebody is to look again though nothing happens; None: never."""
        if self.hook.status is WebhookStatus.DISABLED:
            return None
        ready, pause = self._picker.ready_at, self.not_before
        if ready and pause:
            return max(ready, pause)
        return ready or pause  # after a pause too: events may have come that nobody was told of

    def refresh(self, hook: Leased) -> None:
        """Go by the webhook as it is now, and look for retries and replays that somebody asked for."""
        was_healed = self.hook.status is WebhookStatus.UNHEALTHY and hook.status is WebhookStatus.ACTIVE
        if hook.url != self.hook.url or was_healed:
            self._pace.begin_anew()
        self.hook = hook
        self._picker.follow(hook)
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
                    if not await self._begin_some(subscriber):
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

    async def _begin_some(self, subscriber: Subscriber) -> bool:
        """Begin what may begin; return whether there may be more to begin at once."""
        room = self._pace.room(len(self._open), self.hook.status, self._tools.clock())
        try:
            jobs = await self._picker.pick(room, subscriber)
        except CursorExpired as expired:
            shown = ids.show(ids.Kind.WEBHOOK, self.hook.id)
            _log.warning("webhook.events_expired", webhook=shown, oldest=expired.oldest)
            self._picker.pass_over(expired.oldest, subscriber)
            return True
        except (Unavailable, *OUTAGES) as error:
            _log.warning("webhook.not_looked", error=repr(error))
            await asyncio.sleep(_OUTAGE_SECONDS)
            return True
        for job in jobs:
            task = asyncio.create_task(self._do(job))
            self._open.add(task)
            task.add_done_callback(self._ended)
        return bool(jobs)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        self._idle_since = monotonic()
        self._bell.set()

    async def _do(self, job: Job) -> None:
        """Send one thing and write down what came of it."""
        try:
            outcome = await self._outcome(job)
            result = self._result(job, outcome)
            self._pace.heed(outcome)
            standing = await self._tools.recorder.record(result)
            if standing and job.walk and job.told:
                job.walk.settle(job.told.sequence)
            self._stand(standing, result)
        except Exception as error:
            _log.error("webhook.attempt_broken", exc_info=error)
            self.is_broken = self._over = True  # the next lane begins where this one wrote its last result
        finally:
            self._picker.put_down(job)

    async def _outcome(self, job: Job) -> Outcome:
        tools = self._tools
        if job.told is None:
            error = "The event is not kept any more, so it cannot be sent again."
            return Outcome(Attempt(tools.clock(), self.hook.url, {}, 0, error=error), succeeded=False)
        if job.walk is self._picker.main and self.hook.status is WebhookStatus.ACTIVE:
            metrics.begun(max(0.0, (tools.clock() - job.told.at).total_seconds()))
        async with tools.doubtful if self.hook.failure_count else contextlib.nullcontext():
            return await attempt(tools.http, tools.vault, self.hook, job.told, tools.clock)

    def _result(self, job: Job, outcome: Outcome) -> Result:
        main, step = self._picker.main, None
        if job.walk is not None:
            assert job.told is not None
            job.walk.end(job.told.sequence)
            if job.replay is not None:
                step = Step(job.replay.id, job.walk.cursor, job.walk.cursor >= job.replay.until)
        return Result(
            self.hook.name,
            after(job.delivery, outcome, self._tools.clock(), may_repeat=job.told is not None),
            outcome.succeeded,
            main.settled if self.is_broken else main.cursor,
            outcome.gone,
            outcome.not_before,
            step,
        )

    def _stand(self, standing: Standing | None, result: Result) -> None:
        """Go on as the webhook stands now; without a standing, the lease is lost."""
        if standing is None:
            self._over = True
            return
        self._pace.stand(self.hook.status, standing, self._tools.clock())
        self.hook = msgspec.structs.replace(self.hook, status=standing.status, failure_count=standing.failure_count)
        if again := result.delivery.next_attempt_at:
            self._picker.expect_retry(again)

    async def _rest(self) -> None:
        """Wait until something happens, or until it is time for something."""
        until = self._picker.retry_at if self._open else self.wake_at
        seconds = IDLE_SECONDS
        if until:
            seconds = min(seconds, max(0.01, (until - self._tools.clock()).total_seconds()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._bell.wait()
