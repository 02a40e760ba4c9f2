"""Taking a mail to be sent: looked at and composed first, with nothing locked; then written (see writing.py)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from daimon.accounts import client_ids
from daimon.accounts.errors import AccountUnderReview
from daimon.accounts.models import AccountStatus
from daimon.db.engine import Connection
from daimon.keys.models import Principal
from daimon.kit import ids
from daimon.mail.parsed import Mailbox
from daimon.outbound import composing, planning, repository, writing
from daimon.outbound.composing import ReadyMail
from daimon.outbound.models import NewMail, Preview, Submitted
from daimon.outbound.planning import Ask, Plan
from daimon.outbound.road import Road
from daimon.outbound.writing import KIND, Prepared, fingerprint
from daimon.quotas import sends
from daimon.quotas.tiers import Tiers


async def submit(
    db: Connection, who: Principal, inbox: UUID | str, wish: NewMail, *, road: Road, now: datetime
) -> Submitted:
    """Accept a mail to be sent from an inbox, in the caller's transaction; one `client_id` makes one message.

    Raises SendRequiresPaid, and what `planning.plan`, `compose` and `writing.write` raise.
    """
    sends.check_may_send(who.account, road.tiers[who.account.tier])
    if submitted := await earlier(db, who, wish):
        return submitted
    ask = Ask(who, inbox, wish)
    return await _write(db, await compose(ask, await _plan(db, ask), road=road, now=now), road)


async def submit_all(db: Connection, asks: Sequence[Ask], *, road: Road, now: datetime) -> list[Submitted]:
    """Accept mails of one key together, in the caller's transaction. Raises what `submit` raises, for any of them."""
    who = asks[0].who
    sends.check_may_send(who.account, road.tiers[who.account.tier])
    plans = await planning.plan(db, who.scope, asks)
    mails = [await compose(ask, plan, road=road, now=now) for ask, plan in zip(asks, plans, strict=True)]
    return await writing.write(db, mails, road=road)


async def earlier(db: Connection, who: Principal, wish: NewMail) -> Submitted | None:
    """Return what an earlier send with the `client_id` of a wish made. Raises ClientIdConflict, MessageNotFound."""
    if wish.client_id is None:
        return None
    made = await client_ids.earlier(db, who.scope, kind=KIND, client_id=wish.client_id, fingerprint=fingerprint(wish))
    return await repository.submitted(db, who.scope, made) if made else None


async def compose(ask: Ask, plan: Plan, *, road: Road, now: datetime) -> Prepared:
    """Return a mail that is ready to be written. Raises Invalid for what cannot stand in it."""
    message_id = ids.new()
    return Prepared(ask.who, ask.wish, plan, await _compose(plan, message_id, road, now), message_id, now)


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
    plan = await _plan(db, Ask(who, inbox, wish))
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


async def _plan(db: Connection, ask: Ask) -> Plan:
    [plan] = await planning.plan(db, ask.who.scope, [ask])
    return plan


async def _write(db: Connection, prepared: Prepared, road: Road) -> Submitted:
    [submitted] = await writing.write(db, [prepared], road=road)
    return submitted


async def _compose(plan: Plan, message_id: UUID, road: Road, now: datetime) -> ReadyMail:
    inbox = plan.inbox
    async with road.jobs.read() as jobs:
        keys = await road.signing.for_domain(jobs, inbox.domain)
    sender = Mailbox(inbox.email, inbox.display_name)
    named = f"<{message_id.hex}@{inbox.domain}>"
    if composing.is_large(plan.mail):
        return await asyncio.to_thread(composing.ready, plan.mail, sender, message_id=named, keys=keys, at=now)
    return composing.ready(plan.mail, sender, message_id=named, keys=keys, at=now)
