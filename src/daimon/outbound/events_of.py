"""What sent mail has to tell: the events of a message, and of each of its recipients."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from daimon.events.models import EventType, NewEvent
from daimon.inboxes.arrival import Arrival
from daimon.kit.clock import rfc3339_or_none
from daimon.kit.ids import Kind, show
from daimon.outbound.models import Attempt


def rejected(message: Arrival, delivery_id: UUID, recipient: str, why: str, now: datetime) -> NewEvent:
    """Return that a recipient gets nothing, and that this is not his server's doing."""
    where = (message.account_id, message.pod_id, message.inbox_id, message.id)
    return of_recipient(EventType.MESSAGE_REJECTED, where, delivery_id, recipient, now, status=why)


def of_message(event: EventType, where: tuple[UUID, UUID | None, UUID, UUID], now: datetime, **more: Any) -> NewEvent:
    """Return an event of a message, given by account, pod, inbox and id."""
    account_id, pod_id, inbox_id, message_id = where
    message = {"id": show(Kind.MESSAGE, message_id), "inbox_id": show(Kind.INBOX, inbox_id)}
    data = msgspec.json.encode({"message": message, **more}).decode()
    return NewEvent(account_id=account_id, event=event, data=data, pod_id=pod_id, inbox_id=inbox_id, at=now)


def of_recipient(
    event: EventType,
    where: tuple[UUID, UUID | None, UUID, UUID],
    delivery_id: UUID,
    recipient: str,
    now: datetime,
    **more: Any,
) -> NewEvent:
    """Return an event of one recipient of a message."""
    delivery = {"id": show(Kind.DELIVERY, delivery_id), "recipient": recipient, **more}
    return of_message(event, where, now, delivery=delivery)


def of_attempt(
    event: EventType,
    where: tuple[UUID, UUID | None, UUID, UUID],
    delivery_id: UUID,
    recipient: str,
    attempt: Attempt,
) -> NewEvent:
    """Return an event of one recipient, with what an attempt, or a report on it, came to."""
    return of_recipient(
        event,
        where,
        delivery_id,
        recipient,
        attempt.at,
        status=attempt.outcome,
        host=attempt.host,
        code=attempt.code,
        enhanced_status=attempt.enhanced_status,
        reply=attempt.reply,
        scope=attempt.scope,
        next_attempt_at=rfc3339_or_none(attempt.next_attempt_at),
    )
