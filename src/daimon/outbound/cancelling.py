"""Taking back a message that was sent: for every recipient who still waits and is in no worker's hands.

The promise is kept by the row in the queue: a worker sends only what it has leased there, and what is taken back is
gone from there in the same commit that says so. Whoever has a row leased may be sending it; he is not waited for.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.events import service as events
from daimon.events.models import EventType
from daimon.messages import service as messages
from daimon.outbound import events_of, history, queue, repository
from daimon.outbound.errors import BeingSent, NothingWaits, NotSentMail
from daimon.outbound.history import Written
from daimon.outbound.models import UNDECIDED, Attempt, Delivery, DeliveryStatus, Submitted
from daimon.outbound.return_path import Sent

_OUTBOUND = "outbound"
_AGAIN_SECONDS = 5
_IN_TIME = "taken back before it was sent"
_DOUBTFUL = "taken back after an attempt of which nobody knows how it ended: the recipient may have the mail"


class Cancelled(NamedTuple):
    """A message as it is now, and who will not get it since this very call."""

    message: Submitted
    before: DeliveryStatus
    recipients: list[Delivery]


async def cancel(db: Connection, scope: Scope, inbox: UUID | str, message_id: UUID, *, now: datetime) -> Cancelled:
    """Take back what waits of a message, in the caller's transaction: once it is committed, nobody sends that.

    Raises InboxNotFound, MessageNotFound, NotSentMail; BeingSent or NothingWaits if no recipient is cancelled.
    """
    if (await messages.get(db, scope, inbox, message_id)).direction != _OUTBOUND:
        raise NotSentMail
    pods = await history.hold(db, [Sent(scope.account_id, message_id)])
    before = await repository.submitted(db, scope, message_id)
    doubtful = await queue.take_back(db, scope.account_id, message_id)
    taken = [
        (each, _attempt(now, doubtful=doubtful[each.id] or any(attempt.ambiguous for attempt in each.attempts)))
        for each in before.recipients
        if each.id in doubtful
    ]
    if not taken:
        _check_was_cancelled(before)
        return Cancelled(before, before.status, [])
    await history.write(db, [Written(scope.account_id, each.id, attempt) for each, attempt in taken])
    await history.show(db, [Sent(scope.account_id, message_id)])
    where = (scope.account_id, pods.get(before.inbox_id), before.inbox_id, message_id)
    told = [
        events_of.of_attempt(EventType.MESSAGE_REJECTED, where, each.id, each.recipient, attempt)
        for each, attempt in taken
    ]
    await events.record(db, told)
    after = await repository.submitted(db, scope, message_id)
    return Cancelled(after, before.status, [each for each in after.recipients if each.id in doubtful])


def may_have_it(delivery: Delivery) -> bool:
    """Tell whether a recipient may have a mail that was taken back."""
    return delivery.status is DeliveryStatus.CANCELLED and any(each.ambiguous for each in delivery.attempts)


def _attempt(now: datetime, *, doubtful: bool) -> Attempt:
    reply = _DOUBTFUL if doubtful else _IN_TIME
    return Attempt(now, 0, DeliveryStatus.CANCELLED, reply=reply, ambiguous=doubtful)


def _check_was_cancelled(message: Submitted) -> None:
    """Raise BeingSent or NothingWaits unless an earlier call took something of a message back."""
    statuses = {each.status for each in message.recipients}
    if DeliveryStatus.CANCELLED in statuses:
        return
    if statuses & UNDECIDED:
        raise BeingSent(retry_after=_AGAIN_SECONDS)
    raise NothingWaits
