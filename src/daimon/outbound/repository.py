"""Rows of sent messages: all of a batch of submissions in one statement, and the history of each recipient."""

from collections import Counter
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


async def insert(db: Connection, new: Sequence[NewMessage], *, new_threads: Counter[UUID]) -> None:
    """Write messages of one account with octets, contents and recipients, count them, and queue what is to be sent.

    `new_threads` are those that began with them, by inbox. It is one statement, so one round trip.
    """
    mails = [each.mail for each in new]
    inboxes = Counter(mail.inbox_id for mail in mails)
    recipients = [(each, recipient) for each in new for recipient in each.deliveries]
    await db.execute(
        """
        with mails as materialized (
            select * from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[],
                                 $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::json[],
                                 $15::text[], $16::bigint[], $17::timestamptz[], $18::bytea[], $19::json[],
                                 $20::json[], $21::bool[])
                as n (id, raw_id, inbox_id, pod_id, thread_id, status, mail_from, rcpt_to, from_address, from_name,
                      subject, message_id, labels, preview, size, at, octets, summary, detail, smtputf8)
        ), raw as (
            insert into raw_mails (account_id, id, octets) select $1, raw_id, octets from mails
        ), contents as (
            insert into mail_contents (account_id, id, summary, detail) select $1, raw_id, summary, detail from mails
        ), message as (
            insert into messages (account_id, id, inbox_id, pod_id, thread_id, direction, status, raw_id, mail_from,
                                  rcpt_to, from_address, from_name, subject, message_id, labels, read, preview, size,
                                  sent_at, received_at)
            select $1, id, inbox_id, pod_id, thread_id, 'outbound', status, raw_id, mail_from, rcpt_to, from_address,
                   from_name, subject, message_id, array(select json_array_elements_text(labels)), true, preview,
                   size, at, at
            from mails
        ), counted as (
            update inboxes i set message_count = message_count + n.mails, thread_count = thread_count + n.threads
            from unnest($22::uuid[], $23::bigint[], $24::bigint[]) as n (id, mails, threads)
            where i.account_id = $1 and i.id = n.id
        ), recipients as materialized (
            select * from unnest($25::uuid[], $26::uuid[], $27::text[], $28::text[], $29::text[], $30::text[])
                as n (id, message_id, recipient, domain, kind, status)
        ), deliveries as (
            insert into deliveries (account_id, id, message_id, recipient, kind, status, created_at, updated_at)
            select $1, r.id, r.message_id, recipient, kind, r.status, at, at
            from recipients r join mails m on m.id = r.message_id
        )
        insert into outbound_queue (account_id, id, message_id, inbox_id, raw_id, mail_from, recipient, destination,
                                    smtputf8, size, queued_at, due_at)
        select $1, r.id, r.message_id, inbox_id, raw_id, mail_from, recipient, domain, smtputf8, size, at, at
        from recipients r join mails m on m.id = r.message_id where r.status = 'queued'
        """,
        mails[0].account_id, [mail.id for mail in mails], [mail.raw_id for mail in mails],
        [mail.inbox_id for mail in mails], [mail.pod_id for mail in mails], [each.thread_id for each in new],
        [each.status for each in new], [mail.mail_from for mail in mails], [mail.rcpt_to for mail in mails],
        [mail.content.from_address for mail in mails], [mail.content.from_name for mail in mails],
        [mail.content.subject for mail in mails], [mail.content.message_id for mail in mails],
        [msgspec.json.encode(each.labels).decode() for each in new], [mail.content.preview for mail in mails],
        [mail.size for mail in mails], [mail.received_at for mail in mails], [each.octets for each in new],
        [mail.content.summary for mail in mails], [mail.content.detail for mail in mails],
        [each.smtputf8 for each in new],
        list(inboxes), list(inboxes.values()), [new_threads[inbox] for inbox in inboxes],
        [recipient.id for _, recipient in recipients], [each.mail.id for each, _ in recipients],
        [recipient.recipient for _, recipient in recipients], [recipient.domain for _, recipient in recipients],
        [recipient.kind for _, recipient in recipients], [recipient.status for _, recipient in recipients],
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
