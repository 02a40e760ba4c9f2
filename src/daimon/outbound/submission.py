"""Taking a mail to be sent: everything that makes it durable happens in the caller's transaction, or nothing does.

The order of the steps is the order of the locks (inbox, thread, quotas, usage, sequence), as in every transaction.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from daimon.accounts import client_ids
from daimon.accounts.errors import AccountUnderReview
from daimon.accounts.models import AccountStatus
from daimon.db.engine import Connection, Database
from daimon.db.scope import Scope
from daimon.domains.signing import SigningKeys
from daimon.events import service as events
from daimon.inboxes.arrival import Arrival
from daimon.inboxes.models import Inbox
from daimon.keys.models import Principal
from daimon.kit import ids
from daimon.kit.rate_limit import RateLimit
from daimon.mail.parsed import Mailbox
from daimon.outbound import composing, events_of, guard, planning, repository
from daimon.outbound.composing import ReadyMail
from daimon.outbound.models import (
    Delivery,
    DeliveryStatus,
    NewMail,
    Preview,
    Submitted,
)
from daimon.outbound.planning import Plan
from daimon.outbound.repository import NewDelivery, NewMessage
from daimon.outbound.return_path import ReturnPaths, Sent
from daimon.quotas import rates, sends, usage
from daimon.quotas.tiers import Tiers
from daimon.quotas.usage import Used
from daimon.threads import placing as threads

_KIND = "send"


@dataclass(frozen=True, slots=True)
class Road:
    """What a submission works with beside its transaction. `jobs` sees all accounts, as it must for a domain's keys."""

    signing: SigningKeys
    jobs: Database
    return_paths: ReturnPaths
    tiers: Tiers
    guards: bool = True  # whether texts to many are looked at


async def submit(
    db: Connection, who: Principal, inbox: UUID | str, wish: NewMail, *, road: Road, now: datetime
) -> Submitted:
    """Accept a mail to be sent from an inbox.

    Raises InboxNotFound, InboxIsSuspended, PodSuspended, AccountUnderReview, Invalid, ClientIdConflict, ThreadNotFound,
    MessageNotFound, RecipientBlocked, and what the quotas raise: SendRequiresPaid, BurstLimitExceeded,
    DailySendsExceeded, PodDailySendsExceeded, PodMayNotSend.
    """
    sends.check_may_send(who.account, road.tiers[who.account.tier])
    message_id = ids.new()
    if wish.client_id and (earlier := await _submitted_before(db, who.scope, wish, message_id)):
        return await repository.submitted(db, who.scope, earlier)
    plan = await planning.plan(db, who, inbox, wish)
    ready = await _compose(plan, message_id, road, now)
    plan = await planning.held(db, who, plan, wish)
    return await _write(db, who, plan, ready, message_id, road, now)


async def submit_ready(
    db: Connection,
    who: Principal,
    inbox: UUID,
    wish: NewMail,
    ready: ReadyMail,
    message_id: UUID,
    *,
    road: Road,
    now: datetime,
) -> Submitted:
    """Accept a mail that its sender composed; `wish` says whom it goes to. Raises what `submit` raises."""
    check_may_submit(who, road.tiers)
    plan = await planning.held(db, who, await planning.plan(db, who, inbox, wish), wish)
    return await _write(db, who, plan, ready, message_id, road, now)


def check_may_submit(who: Principal, tiers: Tiers) -> None:
    """Raise SendRequiresPaid or AccountUnderReview for an account that sends nothing."""
    sends.check_may_send(who.account, tiers[who.account.tier])
    if who.account.status is AccountStatus.UNDER_REVIEW:
        raise AccountUnderReview


async def preview(
    db: Connection, who: Principal, inbox: UUID | str, wish: NewMail, *, road: Road, now: datetime
) -> Preview:
    """Return what `submit` would do, and do nothing. Raises what it raises, but for the limits that time lifts."""
    limits = road.tiers[who.account.tier]
    sends.check_may_send(who.account, limits)
    plan = await planning.plan(db, who, inbox, wish)
    ready = await _compose(plan, ids.new(), road, now)
    used = await sends.used_today(db, who.scope, now=now)
    most = limits.max_sends_per_day
    return Preview(
        inbox_id=plan.inbox.id,
        status=plan.status,
        size=len(ready.octets),
        recipients=[(recipient.address, recipient.kind, status) for recipient, status in plan.recipients],
        sends_left=None if most is None else max(most - used, 0),
    )


async def _submitted_before(db: Connection, scope: Scope, wish: NewMail, message_id: UUID) -> UUID | None:
    assert wish.client_id is not None
    fingerprint = hashlib.sha256(msgspec.msgpack.encode(wish)).digest()
    return await client_ids.claim(
        db, scope, kind=_KIND, client_id=wish.client_id, fingerprint=fingerprint, object_id=message_id
    )


async def _compose(plan: Plan, message_id: UUID, road: Road, now: datetime) -> ReadyMail:
    inbox = plan.inbox
    async with road.jobs.read() as jobs:
        keys = await road.signing.for_domain(jobs, inbox.domain)
    sender = Mailbox(inbox.email, inbox.display_name)
    named = f"<{message_id.hex}@{inbox.domain}>"
    if composing.is_large(plan.mail):
        return await asyncio.to_thread(composing.ready, plan.mail, sender, message_id=named, keys=keys, at=now)
    return composing.ready(plan.mail, sender, message_id=named, keys=keys, at=now)


async def _write(
    db: Connection, who: Principal, plan: Plan, ready: ReadyMail, message_id: UUID, road: Road, now: datetime
) -> Submitted:
    message = _message(plan.inbox, ready, message_id, road.return_paths, now)
    deliveries = [
        NewDelivery(ids.new(), recipient.address, recipient.domain, recipient.kind, status)
        for recipient, status in plan.recipients
    ]
    if plan.mail.thread_id:
        await threads.bind(db, message, plan.mail.thread_id)
    begins = not (plan.mail.thread_id or message.content.refs or message.content.is_reply)
    placed = await threads.place(db, [message], begins=begins)
    new = NewMessage(
        message, placed.threads[0], ready.octets, deliveries, plan.mail.labels, plan.status, ready.needs_smtputf8
    )
    await repository.insert(db, new, new_threads=len(placed.begun_in))
    rate_limit = await _spend(db, who, plan, message, road, deliveries, now)
    return Submitted(
        id=message.id,
        inbox_id=message.inbox_id,
        pod_id=message.pod_id,
        thread_id=placed.threads[0],
        message_id=ready.content.message_id or "",
        status=plan.status,
        recipients=[_delivery(each, now) for each in deliveries],
        size=message.size,
        rate_limit=rate_limit,
    )


def _message(inbox: Inbox, ready: ReadyMail, message_id: UUID, return_paths: ReturnPaths, now: datetime) -> Arrival:
    return Arrival(
        id=message_id,
        account_id=inbox.account_id,
        pod_id=inbox.pod_id,
        inbox_id=inbox.id,
        raw_id=ids.new(),
        mail_from=return_paths.make(Sent(inbox.account_id, message_id), inbox.domain),
        rcpt_to=inbox.email,
        label=None,
        size=len(ready.octets),
        received_at=now,
        content=ready.content,
        unread=False,
    )


async def _spend(
    db: Connection,
    who: Principal,
    plan: Plan,
    message: Arrival,
    road: Road,
    deliveries: Sequence[NewDelivery],
    now: datetime,
) -> RateLimit | None:
    """Count the send wherever it counts, and record what it has to tell."""
    limits, sent, rate_limit = road.tiers[who.account.tier], plan.to_send, None
    told = [
        events_of.rejected(message, each.id, each.recipient, "suppressed", now)
        for each in deliveries
        if each.status is DeliveryStatus.SUPPRESSED
    ]
    if sent:
        await rates.spend(db, who.account, limits, now=now)
        spent = await sends.spend(db, who.account, limits, plan.pod_limit, message.pod_id, recipients=sent, now=now)
        rate_limit = spent.rate_limit
        told += spent.warnings
    used = Used(message.account_id, message.pod_id, message.inbox_id, now.date(), sent=sent, stored_bytes=message.size)
    await usage.meter(db, [used])
    if sent and road.guards:
        text = plan.mail.body_text or plan.mail.body_html or message.content.preview
        await guard.count_body(db, message.account_id, text, plan.to_people, now=now)
    await events.record(db, told)
    return rate_limit


def _delivery(new: NewDelivery, now: datetime) -> Delivery:
    return Delivery(new.id, new.recipient, new.kind, new.status, [], None, now, now)
