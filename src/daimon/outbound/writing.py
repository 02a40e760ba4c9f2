"""Writing mails that were prepared: everything that makes them durable happens in the caller's transaction, or nothing.

Any number of mails of one account is written by one set of statements. The order of the steps is the order of the locks
(inboxes, threads, quotas, usage, sequence), as in every transaction; within a step, rows are written in one order.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import msgspec

from daimon.accounts import client_ids
from daimon.accounts.client_ids import Claim
from daimon.db.engine import Connection
from daimon.events import service as events
from daimon.events.models import NewEvent
from daimon.inboxes import arrival as inboxes
from daimon.inboxes.arrival import Arrival
from daimon.keys.models import Principal
from daimon.kit import ids
from daimon.kit.rate_limit import RateLimit
from daimon.outbound import events_of, guard, planning, repository
from daimon.outbound.composing import ReadyMail
from daimon.outbound.guard import SentText
from daimon.outbound.models import Delivery, DeliveryStatus, NewMail, Submitted
from daimon.outbound.planning import Ask, Plan
from daimon.outbound.repository import NewDelivery, NewMessage
from daimon.outbound.return_path import ReturnPaths, Sent
from daimon.outbound.road import Road
from daimon.quotas import rates, sends, usage
from daimon.quotas.sends import Sending
from daimon.quotas.usage import Used
from daimon.threads import placing as threads

KIND = "send"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A mail that was looked at and composed, and is not written yet."""

    who: Principal
    wish: NewMail
    plan: Plan
    ready: ReadyMail
    message_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class _Mail:
    """A mail on its way into the tables."""

    prepared: Prepared
    row: Arrival
    deliveries: Sequence[NewDelivery]


async def write(db: Connection, prepared: Sequence[Prepared], *, road: Road) -> list[Submitted]:
    """Write mails of one account, queue them, and return what was accepted, in order.

    If one is refused none is written. Raises ClientIdConflict, what changed since the mails were planned (what
    `planning.plan` raises), BurstLimitExceeded, DailySendsExceeded, PodDailySendsExceeded, PodMayNotSend.
    """
    made = await _claim(db, prepared)
    fresh = await _held(db, [each for each in prepared if made[each.message_id] == each.message_id])
    mails = [_mail(each, road.return_paths) for each in fresh]
    written = dict(zip([mail.row.id for mail in mails], await _write(db, mails, road), strict=True)) if mails else {}
    return [
        written.get(each.message_id) or await repository.submitted(db, each.who.scope, made[each.message_id])
        for each in prepared
    ]


def fingerprint(wish: NewMail) -> bytes:
    """Return what two sends of one `client_id` must have in common."""
    return hashlib.sha256(msgspec.msgpack.encode(wish)).digest()


async def _claim(db: Connection, prepared: Sequence[Prepared]) -> dict[UUID, UUID]:
    """Return the message that each mail becomes: its own, or the one that its `client_id` made earlier."""
    made = {each.message_id: each.message_id for each in prepared}
    claims = [
        Claim(each.wish.client_id, fingerprint(each.wish), each.message_id) for each in prepared if each.wish.client_id
    ]
    if claims:
        objects = await client_ids.claim_many(db, prepared[0].who.scope, kind=KIND, claims=claims)
        made |= {claim.object_id: message for claim, message in zip(claims, objects, strict=True)}
    return made


async def _held(db: Connection, prepared: Sequence[Prepared]) -> list[Prepared]:
    """Lock the inboxes, late, so that mails are composed side by side; and look again at what was changed since."""
    if not prepared:
        return []
    held = await inboxes.lock(db, [(each.plan.inbox.account_id, each.plan.inbox.id) for each in prepared])
    return [
        each
        if held.get(each.plan.inbox.id) == (each.plan.inbox.pod_id, each.plan.inbox.status)
        else await _planned_anew(db, each)
        for each in prepared
    ]


async def _planned_anew(db: Connection, prepared: Prepared) -> Prepared:
    [plan] = await planning.plan(db, prepared.who.scope, [Ask(prepared.who, prepared.plan.inbox.id, prepared.wish)])
    return replace(prepared, plan=plan)


def _mail(prepared: Prepared, return_paths: ReturnPaths) -> _Mail:
    inbox, ready = prepared.plan.inbox, prepared.ready
    row = Arrival(
        id=prepared.message_id,
        account_id=inbox.account_id,
        pod_id=inbox.pod_id,
        inbox_id=inbox.id,
        raw_id=ids.new(),
        mail_from=return_paths.make(Sent(inbox.account_id, prepared.message_id), inbox.domain),
        rcpt_to=inbox.email,
        label=None,
        size=len(ready.octets),
        received_at=prepared.at,
        content=ready.content,
        unread=False,
    )
    deliveries = [
        NewDelivery(ids.new(), recipient.address, recipient.domain, recipient.kind, status)
        for recipient, status in prepared.plan.recipients
    ]
    return _Mail(prepared, row, deliveries)


async def _write(db: Connection, mails: Sequence[_Mail], road: Road) -> list[Submitted]:
    rows = [mail.row for mail in mails]
    await threads.bind(db, [(mail.row, thread) for mail in mails if (thread := mail.prepared.plan.mail.thread_id)])
    placed = await threads.place(db, rows, begins=all(map(_begins, mails)))
    new = [_new(mail, thread) for mail, thread in zip(mails, placed.threads, strict=True)]
    await repository.insert(db, new, new_threads=Counter(placed.begun_in))
    limits, told = await _spend(db, mails, road)
    await usage.meter(db, [_used(mail) for mail in mails])
    if road.guards:
        await guard.count_texts(db, rows[0].account_id, [_text(mail) for mail in mails], now=rows[-1].received_at)
    await events.record(db, told)
    return [_submitted(mail, thread, limit) for mail, thread, limit in zip(mails, placed.threads, limits, strict=True)]


def _begins(mail: _Mail) -> bool:
    return not (mail.prepared.plan.mail.thread_id or mail.row.content.refs or mail.row.content.is_reply)


def _new(mail: _Mail, thread_id: UUID) -> NewMessage:
    plan, ready = mail.prepared.plan, mail.prepared.ready
    return NewMessage(
        mail.row, thread_id, ready.octets, mail.deliveries, plan.mail.labels, plan.status, ready.needs_smtputf8
    )


async def _spend(
    db: Connection, mails: Sequence[_Mail], road: Road
) -> tuple[list[RateLimit | None], Sequence[NewEvent]]:
    """Count sends against what limits them; return what is left after each, and what there is to tell."""
    told = [
        events_of.rejected(mail.row, each.id, each.recipient, "suppressed", mail.row.received_at)
        for mail in mails
        for each in mail.deliveries
        if each.status is DeliveryStatus.SUPPRESSED
    ]
    sent = [mail for mail in mails if mail.prepared.plan.to_send]
    left: dict[UUID, RateLimit | None] = {}
    if sent:
        account, now = sent[0].prepared.who.account, max(mail.row.received_at for mail in sent)
        limits = road.tiers[account.tier]
        await rates.spend(db, account, limits, uses=len(sent), now=now)
        spent = await sends.spend_all(db, account, limits, [_sending(mail) for mail in sent], now=now)
        left = {mail.row.id: each.rate_limit for mail, each in zip(sent, spent, strict=True)}
        told += [warning for each in spent for warning in each.warnings]
    return [left.get(mail.row.id) for mail in mails], told


def _sending(mail: _Mail) -> Sending:
    plan = mail.prepared.plan
    return Sending(mail.row.pod_id, plan.pod_limit, plan.to_send)


def _used(mail: _Mail) -> Used:
    row = mail.row
    sent = mail.prepared.plan.to_send
    return Used(row.account_id, row.pod_id, row.inbox_id, row.received_at.date(), sent=sent, stored_bytes=row.size)


def _text(mail: _Mail) -> SentText:
    wish = mail.prepared.plan.mail
    return SentText(wish.body_text or wish.body_html or mail.row.content.preview, mail.prepared.plan.to_people)


def _submitted(mail: _Mail, thread_id: UUID, rate_limit: RateLimit | None) -> Submitted:
    row = mail.row
    return Submitted(
        id=row.id,
        inbox_id=row.inbox_id,
        pod_id=row.pod_id,
        thread_id=thread_id,
        message_id=row.content.message_id or "",
        status=mail.prepared.plan.status,
        recipients=[_delivery(each, row.received_at) for each in mail.deliveries],
        size=row.size,
        rate_limit=rate_limit,
    )


def _delivery(new: NewDelivery, now: datetime) -> Delivery:
    return Delivery(new.id, new.recipient, new.kind, new.status, [], None, now, now)
