"""What one webhook is sent next: the next events of the sequence, retries that are due, and replays, each in turn."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from daimon.db.engine import OUTAGES
from daimon.db.scope import Scope
from daimon.feed.errors import CursorExpired
from daimon.feed.models import Told, Wanted
from daimon.feed.reach import Reach
from daimon.feed.tail import Subscriber
from daimon.kit.clock import Clock
from daimon.kit.errors import Unavailable
from daimon.webhooks.backlog import READ, Backlog, OpenReplay
from daimon.webhooks.leasing import Leased
from daimon.webhooks.models import Delivery
from daimon.webhooks.replays import Replays
from daimon.webhooks.retries import Retries
from daimon.webhooks.walk import Walk, first


@dataclass(frozen=True, slots=True)
class Job:
    """Something to send. `told` is missing where the event is not kept any more; a retry belongs to no walk."""

    told: Told | None
    delivery: Delivery
    walk: Walk | None = None
    replay: OpenReplay | None = None


class Picker:
    """What waits for one webhook. `main` is its walk along the sequence."""

    def __init__(self, hook: Leased, backlog: Backlog, clock: Clock) -> None:
        self.main = Walk(hook.cursor)
        self._hook_id = hook.id
        self._retries = Retries(backlog)
        self._replays = Replays(backlog)
        self._clock = clock
        self._turn = 0
        self.follow(hook)

    def follow(self, hook: Leased) -> None:
        """Go by the webhook as it is now, and look for retries and replays that somebody asked for."""
        self._reach = _reach(hook)
        self._look_again = True

    @property
    def retry_at(self) -> datetime | None:
        """Return when the next retry is due that is not read yet; None: there is none."""
        return self._retries.due_at

    @property
    def ready_at(self) -> datetime | None:
        """Return when something may begin, as far as is known; None: nothing waits."""
        if self.main.waiting or self._retries.is_waiting or self._replays.is_waiting:
            return self._clock()
        return self._retries.due_at

    async def pick(self, room: int, subscriber: Subscriber) -> list[Job]:
        """Return what is next, one of each kind in turn, `room` at most.

        Raises CursorExpired where the sequence is not kept any more; and what a database that is away raises: then it
        looks at everything again the next time.
        """
        try:
            if self._look_again:
                self._look_again = False
                await self._retries.look()
                await self._replays.look()
            return await self._pick(room, subscriber) if room > 0 else []
        except (Unavailable, *OUTAGES):
            self._look_again = True
            raise

    def pass_over(self, oldest: int, subscriber: Subscriber) -> None:
        """Go on with the oldest event that is kept."""
        subscriber.sequence = self.main.read_to = oldest - 1

    def expect_retry(self, at: datetime) -> None:
        """Note that a retry will be due at a moment."""
        self._retries.expect(at)

    def put_down(self, job: Job) -> None:
        """Note that a job is over, with all that came of it."""
        self._retries.put_down(job.delivery.id)

    async def _pick(self, room: int, subscriber: Subscriber) -> list[Job]:
        async def next_event() -> Job | None:
            return await self._next_event(subscriber)

        suppliers: deque[Callable[[], Awaitable[Job | None]]] = deque(
            [next_event, self._next_retry, self._next_of_replay]
        )
        suppliers.rotate(self._turn)
        self._turn += 1
        jobs: list[Job] = []
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

    async def _next_event(self, subscriber: Subscriber) -> Job | None:
        walk = self.main
        while not walk.waiting:
            found = await subscriber.look(self._reach, READ)
            if found is None:
                return None
            walk.waiting.extend(found)
            walk.read_to = subscriber.sequence
        told = walk.begin()
        return Job(told, first(told, self._hook_id, self._clock()), walk)

    async def _next_retry(self) -> Job | None:
        due = await self._retries.pick(self._clock())
        return None if due is None else Job(due.told, due.delivery)

    async def _next_of_replay(self) -> Job | None:
        again = await self._replays.pick(self._reach)
        if again is None:
            return None
        delivery = first(again.told, self._hook_id, self._clock(), replay_id=again.replay.id)
        return Job(again.told, delivery, again.walk, again.replay)


def _reach(hook: Leased) -> Reach:
    """Return what a webhook hears of: the account's, its pod's or its inbox's events, of the types it names."""
    scope = Scope(hook.account_id, None if hook.pod_id is None else (hook.pod_id,))
    wanted = Wanted(
        events=frozenset(hook.events) or None,
        inbox_ids=None if hook.inbox_id is None else frozenset((hook.inbox_id,)),
    )
    return Reach.within(scope, wanted)
