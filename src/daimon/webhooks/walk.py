"""What a lane has in hand: how far it came along the sequence, and how a delivery goes on after an attempt."""

from collections import deque
from datetime import datetime
from uuid import UUID

import msgspec

from daimon.feed.models import Told
from daimon.kit import ids
from daimon.webhooks import ladder
from daimon.webhooks.attempting import Outcome
from daimon.webhooks.models import ATTEMPTS_KEPT, Delivery, DeliveryStatus


class Walk:
    """A walk along the sequence: events are begun in order, tried in any, and settled once that is written down."""

    def __init__(self, at: int) -> None:
        self.read_to = at
        self.waiting: deque[Told] = deque()
        self._under_way: dict[int, None] = {}
        self._unsettled: dict[int, None] = {}

    @property
    def cursor(self) -> int:
        """Return how far everything was tried, or passed over as not wanted: true once all of that is written."""
        return self._before(self._under_way)

    @property
    def settled(self) -> int:
        """Return how far nothing is missing, whatever is lost now."""
        return self._before(self._unsettled)

    def begin(self) -> Told:
        """Take the next event, which is now under way."""
        told = self.waiting.popleft()
        self._under_way[told.sequence] = self._unsettled[told.sequence] = None
        return told

    def end(self, sequence: int) -> None:
        """Count an event as tried."""
        del self._under_way[sequence]

    def settle(self, sequence: int) -> None:
        """Count an event as tried and written."""
        del self._unsettled[sequence]

    def _before(self, events: dict[int, None]) -> int:
        earliest = next(iter(events), None)
        if earliest is None and self.waiting:
            earliest = self.waiting[0].sequence
        return self.read_to if earliest is None else earliest - 1


def first(told: Told, webhook_id: UUID, now: datetime, *, replay_id: UUID | None = None) -> Delivery:
    """Return the delivery of an event that was not tried yet."""
    return Delivery(
        id=ids.new(),
        account_id=told.account_id,
        webhook_id=webhook_id,
        sequence=told.sequence,
        event_id=told.id,
        event=told.event,
        replay_id=replay_id,
        status=DeliveryStatus.PENDING,
        attempt_count=0,
        attempts=(),
        next_attempt_at=None,
        created_at=now,
        updated_at=now,
    )


def after(delivery: Delivery, outcome: Outcome, now: datetime, *, may_repeat: bool) -> Delivery:
    """Return a delivery as one more attempt leaves it: done, to be tried again by the ladder, or given up."""
    count, again = delivery.attempt_count + 1, None
    if may_repeat and not outcome.succeeded and not outcome.gone:
        again = ladder.next_attempt(count, now)
        if again and outcome.not_before:
            again = max(again, outcome.not_before)
    failed = DeliveryStatus.PENDING if again else DeliveryStatus.FAILED
    return msgspec.structs.replace(
        delivery,
        status=DeliveryStatus.SUCCEEDED if outcome.succeeded else failed,
        attempt_count=count,
        attempts=(*delivery.attempts, outcome.attempt)[-ATTEMPTS_KEPT:],
        next_attempt_at=again,
        updated_at=now,
    )
