"""Releasing a blocked mail: from then on it is as if it had just been received."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.events import service as events
from daimon.inbound.pipeline import metered, received
from daimon.inboxes import arrival as counters
from daimon.inboxes import service as inboxes
from daimon.inboxes.arrival import Arrival, Understood
from daimon.mail.threading import is_reply_subject, ref_key, subject_key
from daimon.messages.content import participants_of, refs_of
from daimon.messages.models import BLOCKED, Message
from daimon.messages.repository import MessageRepository
from daimon.quotas import usage
from daimon.threads import placing as threads


async def release(
    db: Connection, scope: Scope, inbox: UUID | str, message_id: UUID, *, now: datetime
) -> tuple[Message, Message]:
    """Show a blocked message, and return it as it was and as it is; one that is not blocked stays as it is.

    Raises InboxNotFound, MessageNotFound.
    """
    held = await inboxes.get(db, scope, inbox, lock=True)
    messages = MessageRepository(db, scope, held.id)
    message = await messages.get(message_id)
    if not message.is_blocked:
        return message, message
    labels = [label for label in message.labels if label != BLOCKED]
    arrival = _arrival(message, labels, now)
    placed = await threads.place(db, [arrival])
    [thread] = placed.threads
    await messages.release(message, thread, labels)
    await counters.count(db, [arrival], Counter(placed.begun_in))
    await usage.meter(db, [metered(arrival)])
    await events.record(db, [received(arrival, thread)])
    return message, await messages.get(message_id)


def _arrival(message: Message, labels: list[str], now: datetime) -> Arrival:
    return Arrival(
        id=message.id,
        account_id=message.account_id,
        pod_id=message.pod_id,
        inbox_id=message.inbox_id,
        raw_id=message.raw_id,
        mail_from=None,  # the envelope is in the message's row, and stays
        rcpt_to="",
        label=next(iter(labels), None),
        size=message.size,
        received_at=now,
        content=_understood(message),
    )


def _understood(message: Message) -> Understood:
    """Return what was once read out of the mail, as far as it says which thread it belongs to."""
    summary, own = message.summary, message.message_id
    return Understood(
        subject=message.subject,
        subject_key=subject_key(message.subject),
        is_reply=is_reply_subject(message.subject),
        from_address=message.from_address,
        from_name=message.from_name,
        participants=participants_of(message.from_address, summary.to, summary.cc),
        message_id=own,
        own_ref=ref_key(own) if own else None,
        refs=refs_of(own, summary.in_reply_to, summary.references),
        preview=message.preview,
        has_code=bool(summary.codes),
        sent_at=message.sent_at,
        summary="",
        detail="",
    )
