"""What others report about mail that was sent from here: it changes how a recipient stands, long afterwards.

A report counts only if it came to the message's own return path, which nobody can guess.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from daimon.db.engine import Connection
from daimon.events.models import EventType, NewEvent
from daimon.mail.address import BadAddress, parse_address
from daimon.mail.parsed import Dsn, Report
from daimon.mail.smtp_reply import Refusal, classify
from daimon.outbound import events_of, guard, history
from daimon.outbound.models import Attempt, DeliveryStatus
from daimon.outbound.return_path import Sent
from daimon.outbound.simulator import SIMULATOR
from daimon.quotas.usage import Used
from daimon.suppressions import repository as suppressions
from daimon.suppressions.models import Reason, Suppression

MOST_REPLY_CHARS = 1_000


class Origin(NamedTuple):
    """The message that a report is about, and the inbox that sent it."""

    sent: Sent
    inbox_id: UUID
    pod_id: UUID | None


@dataclass(frozen=True, slots=True)
class Reported:
    """A report that came to a message's return path."""

    origin: Origin
    report: Report
    at: datetime


@dataclass(frozen=True, slots=True)
class Consequences:
    """What reports led to, to be written by the transaction that they came in."""

    events: list[NewEvent]
    used: list[Used]
    outcomes: list[guard.Outcome]  # counted after what is used: that is the order of the locks


class _Recipient(NamedTuple):
    id: UUID
    address: str
    status: DeliveryStatus
    simulated: bool  # the simulator took it: nobody is suppressed for what it plays


async def origins(db: Connection, sent: Sequence[Sent]) -> dict[Sent, Origin]:
    """Return the messages that return paths belong to, as far as they are still there."""
    if not sent:
        return {}
    rows = await db.fetch(
        """
        select m.account_id, m.id, m.inbox_id, m.pod_id from unnest($1::uuid[], $2::uuid[]) as n (account_id, id)
        join messages m on m.account_id = n.account_id and m.id = n.id and m.direction = 'outbound'
        """,
        [each.account_id for each in sent],
        [each.message_id for each in sent],
    )
    found = [Origin(Sent(row["account_id"], row["id"]), row["inbox_id"], row["pod_id"]) for row in rows]
    return {origin.sent: origin for origin in found}


def is_about_delivery(report: Report | None) -> bool:
    """Tell whether a mail only reports on another; the answer of a person's machine is for the inbox to read."""
    return report is not None and report.kind != "auto_reply"


async def take(db: Connection, reported: Sequence[Reported]) -> Consequences:
    """Write what reports say into the histories of their messages, whose inboxes are locked."""
    await history.hold(db, [each.origin.sent for each in reported])
    consequences = Consequences([], [], [])
    for each in reported:  # they are few, and may be about the same recipient
        recipients = await _recipients(db, each.origin.sent)
        changes = list(_changes(each, recipients))
        await history.write(db, [change.written for change in changes])
        await suppressions.add_many(db, [change.suppression for change in changes if change.suppression])
        for change in changes:
            consequences.events.append(change.event)
            if change.outcome:
                consequences.outcomes.append(change.outcome)
            if (
                change.written.attempt.outcome is DeliveryStatus.BOUNCED
                and change.event.event == EventType.MESSAGE_BOUNCED
            ):
                consequences.used.append(_bounced(each))
        await history.show(db, [each.origin.sent] if changes else [])
    return consequences


class _Change(NamedTuple):
    written: history.Written
    event: NewEvent
    suppression: Suppression | None
    outcome: guard.Outcome | None


def _changes(reported: Reported, recipients: Sequence[_Recipient]) -> Iterator[_Change]:
    if reported.report.kind == "complaint":
        yield from _complaints(reported, recipients)
        return
    for told in reported.report.recipients or (Dsn("failed"),) * (reported.report.kind == "bounce"):
        recipient = _meant(told, recipients)
        if recipient is None:
            continue
        if told.action == "failed" and recipient.status is not DeliveryStatus.BOUNCED:
            yield _change(reported, recipient, told, DeliveryStatus.BOUNCED, EventType.MESSAGE_BOUNCED)
        elif told.action == "delivered" and recipient.status is DeliveryStatus.SENT:
            yield _change(reported, recipient, told, DeliveryStatus.DELIVERED, EventType.MESSAGE_DELIVERED)


def _complaints(reported: Reported, recipients: Sequence[_Recipient]) -> Iterator[_Change]:
    """Yield one change for each recipient who complained; of whom nothing is known, there must be only one."""
    named = {_key(address) for address in reported.report.original_rcpt_to}
    meant = [each for each in recipients if _key(each.address) in named]
    if not meant and len(recipients) == 1:
        meant = list(recipients)
    for recipient in meant:
        told = Dsn("complained", diagnostic=reported.report.feedback_type)
        yield _change(reported, recipient, told, recipient.status, EventType.MESSAGE_COMPLAINED)


def _change(reported: Reported, recipient: _Recipient, told: Dsn, outcome: DeliveryStatus, event: EventType) -> _Change:
    reply = (told.diagnostic or told.action)[:MOST_REPLY_CHARS]
    refusal = classify(told.smtp_code or 0, told.status, reply) if outcome is DeliveryStatus.BOUNCED else None
    reason = _reason(event, refusal)
    attempt = Attempt(
        at=reported.at,
        duration_ms=0,
        outcome=outcome,
        host=told.remote_mta or reported.report.reporting_mta,
        code=told.smtp_code,
        enhanced_status=told.status,
        reply=reply,
        scope=refusal.scope if refusal else None,
    )
    origin = reported.origin
    where = (origin.sent.account_id, origin.pod_id, origin.inbox_id, origin.sent.message_id)
    written = history.Written(origin.sent.account_id, recipient.id, attempt)
    suppression = None
    if reason and not recipient.simulated:
        address = suppressions.canonical(recipient.address)
        suppression = Suppression(*where[:2], address, reason, where[3], reply, reported.at)
    told_of = events_of.of_attempt(event, where, recipient.id, recipient.address, attempt)
    return _Change(written, told_of, suppression, None if recipient.simulated else _outcome(event, where[0]))


def _outcome(event: EventType, account_id: UUID) -> guard.Outcome | None:
    """Return what the abuse guard counts of a report."""
    if event is EventType.MESSAGE_BOUNCED:
        return guard.Outcome(account_id, bounced=True)
    return guard.Outcome(account_id, complained=True) if event is EventType.MESSAGE_COMPLAINED else None


def _reason(event: EventType, refusal: Refusal | None) -> Reason | None:
    """Return why a recipient gets nothing any more, None if he does."""
    if event is EventType.MESSAGE_COMPLAINED:
        return Reason.COMPLAINT
    return Reason.BOUNCE if refusal and refusal.condemns_recipient else None


def _meant(told: Dsn, recipients: Sequence[_Recipient]) -> _Recipient | None:
    """Return whom a report is about. Who forwards his mail is known to the report under another address."""
    for address in (told.original_recipient, told.final_recipient):
        for recipient in recipients:
            if address and _key(address) == _key(recipient.address):
                return recipient
    return recipients[0] if len(recipients) == 1 else None


def _key(address: str) -> str:
    try:
        return str(parse_address(address)).lower()
    except BadAddress:
        return address.lower()


def _bounced(reported: Reported) -> Used:
    origin = reported.origin
    return Used(origin.sent.account_id, origin.pod_id, origin.inbox_id, reported.at.date(), bounced=1)


async def _recipients(db: Connection, sent: Sent) -> list[_Recipient]:
    rows = await db.fetch(
        """
        select id, recipient, status, attempts -> 0 ->> 'host' as host from deliveries
        where account_id = $1 and message_id = $2 order by id
        """,
        sent.account_id,
        sent.message_id,
    )
    return [_recipient(row["id"], row["recipient"], row["status"], row["host"]) for row in rows]


def _recipient(delivery_id: UUID, address: str, status: str, host: str | None) -> _Recipient:
    return _Recipient(delivery_id, address, DeliveryStatus(status), _is_simulated(address, host))


def _is_simulated(recipient: str, host: str | None) -> bool:
    return host == recipient.rpartition("@")[2] and host.startswith(f"{SIMULATOR}.")
