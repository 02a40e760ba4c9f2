"""Rows of sent messages: all of a submission in one statement, and the history of each recipient."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.inboxes.arrival import Arrival
from daimon.messages.errors import MessageNotFound
from daimon.outbound.models import Attempt, Delivery, DeliveryStatus, RecipientKind, Submitted

_attempts = msgspec.json.Decoder(list[Attempt]).decode


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """One recipient of a submission."""

    id: UUID
    recipient: str
    domain: str
    kind: RecipientKind
    status: DeliveryStatus


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A submission, placed in its thread."""

    mail: Arrival
    thread_id: UUID
    octets: bytes
    deliveries: Sequence[NewDelivery]
    labels: Sequence[str]
    status: DeliveryStatus
    smtputf8: bool


async def insert(db: Connection, new: NewMessage, *, new_threads: int) -> None:
    """Write a message with its octets, contents and recipients, count it, and queue what is to be sent.

    It is one statement, so one round trip.
    """
    message, content, at = new.mail, new.mail.content, new.mail.received_at
    await db.execute(
        """
        with raw as (
            insert into raw_mails (account_id, id, octets) values ($1, $2, $3)
        ), contents as (
            insert into mail_contents (account_id, id, summary, detail) values ($1, $2, $4::json, $5::json)
        ), message as (
            insert into messages (account_id, id, inbox_id, pod_id, thread_id, direction, status, raw_id, mail_from,
                                  rcpt_to, from_address, from_name, subject, message_id, labels, read, preview, size,
                                  sent_at, received_at)
            values ($1, $6, $7, $8, $9, 'outbound', $10, $2, $11, $12, $13, $14, $15, $16, $17, true, $18, $19, $20,
                    $20)
        ), counted as (
            update inboxes set message_count = message_count + 1, thread_count = thread_count + $27
            where account_id = $1 and id = $7
        ), recipients as (
            select * from unnest($21::uuid[], $22::text[], $23::text[], $24::text[], $25::text[])
                as n (id, recipient, domain, kind, status)
        ), deliveries as (
            insert into deliveries (account_id, id, message_id, recipient, kind, status, created_at, updated_at)
            select $1, id, $6, recipient, kind, status, $20, $20 from recipients
        )
        insert into outbound_queue (account_id, id, message_id, inbox_id, raw_id, mail_from, recipient, destination,
                                    smtputf8, size, queued_at, due_at)
        select $1, id, $6, $7, $2, $11, recipient, domain, $26, $19, $20, $20 from recipients where status = 'queued'
        """,
        message.account_id, message.raw_id, new.octets, content.summary, content.detail, message.id, message.inbox_id,
        message.pod_id, new.thread_id, new.status, message.mail_from, message.rcpt_to, content.from_address,
        content.from_name,
        content.subject, content.message_id, list(new.labels), content.preview, message.size, at,
        [each.id for each in new.deliveries], [each.recipient for each in new.deliveries],
        [each.domain for each in new.deliveries], [each.kind for each in new.deliveries],
        [each.status for each in new.deliveries], new.smtputf8, new_threads,
    )  # fmt: skip


async def submitted(db: Connection, scope: Scope, message_id: UUID) -> Submitted:
    """Return a message that was submitted earlier, as it is now. Raises MessageNotFound if it was erased since."""
    row = await db.fetchrow(
        """
        select id, inbox_id, pod_id, thread_id, message_id, status, size from messages
        where account_id = $1 and id = $2 and direction = 'outbound'
        """,
        scope.account_id,
        message_id,
    )
    if row is None:
        raise MessageNotFound
    recipients = await deliveries_of(db, scope, message_id)
    return Submitted(**dict(row), recipients=recipients, fresh=False)


async def deliveries_of(db: Connection, scope: Scope, message_id: UUID) -> list[Delivery]:
    """Return a message's recipients with their histories. The caller knows that the scope reaches the message."""
    rows = await db.fetch(
        """
        select id, recipient, kind, status, attempts, next_attempt_at, created_at, updated_at from deliveries
        where account_id = $1 and message_id = $2 order by id
        """,
        scope.account_id,
        message_id,
    )
    return [_delivery_of(row) for row in rows]


def _delivery_of(row: Record) -> Delivery:
    return Delivery(
        id=row["id"],
        recipient=row["recipient"],
        kind=RecipientKind(row["kind"]),
        status=DeliveryStatus(row["status"]),
        attempts=_attempts(row["attempts"]),
        next_attempt_at=row["next_attempt_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
