"""What follows from a check: who has the domain, which keys sign, when it is looked at again."""

from datetime import datetime
from uuid import UUID

import msgspec

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.domains import ladder, records
from daimon.domains.dkim import DkimRepository
from daimon.domains.models import GRACE, PENDING_FOR, Domain, DomainStatus, Seen, Stage
from daimon.domains.repository import DomainRepository
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.kit import ids

_TAKEN = "Another account has verified this domain. It is free 72 hours after that account's _daimon record is gone."
_NEVER = "The _daimon record was not found within 72 hours. Add it, then verify again."
_GONE = "The _daimon record is gone for 72 hours. Add it again, then verify again."


async def settle(db: Connection, scope: Scope, domain_id: UUID, seen: Seen, now: datetime) -> Domain:
    """Judge what a check found, and record `domain.verified` or `domain.failed`. Raises DomainNotFound.

    Only the token decides, never where mail goes: whoever's token the DNS shows has the domain.
    """
    repository = DomainRepository(db, scope)
    before = await repository.get(domain_id, lock=True)
    after = await _judged(repository, msgspec.structs.replace(before, seen=seen, checked_at=now, updated_at=now), now)
    await _promote(db, scope, before, seen, now)
    after = msgspec.structs.replace(after, next_check_at=ladder.next_check(after, now))
    await repository.write_check(after)
    if after.status is not before.status:
        await _moved(repository, before, after, now)
        await events.record(db, [_event(after, now)])
    return await repository.get(domain_id)


async def _judged(repository: DomainRepository, domain: Domain, now: datetime) -> Domain:
    shown = records.shows_token(domain, domain.seen)
    if shown and await repository.take(domain):
        since = domain.verified_at or now
        return _with(domain, status=DomainStatus.VERIFIED, reason=None, verified_at=since, missing_since=None)
    if domain.status is DomainStatus.VERIFIED:
        return _missing(domain, now) if shown is False else domain
    late = now - domain.pending_since >= PENDING_FOR
    status = DomainStatus.FAILED if late else domain.status
    if shown:
        return _with(domain, reason=_TAKEN, status=status)
    return _with(domain, reason=_NEVER, status=status) if late and domain.status is DomainStatus.PENDING else domain


def _missing(domain: Domain, now: datetime) -> Domain:
    since = domain.missing_since or now
    if now - since < GRACE:
        return _with(domain, missing_since=since)
    return _with(domain, status=DomainStatus.FAILED, reason=_GONE, missing_since=None, verified_at=None)


async def _promote(db: Connection, scope: Scope, domain: Domain, seen: Seen, now: datetime) -> None:
    shown = [k.algorithm for k in domain.keys if k.stage is Stage.NEXT and records.shows_key(domain.domain, k, seen)]
    if shown:
        await DkimRepository(db, scope).promote(domain.id, domain.domain, shown, now)


async def _moved(repository: DomainRepository, before: Domain, after: Domain, now: datetime) -> None:
    if after.status is DomainStatus.VERIFIED:
        await repository.restore_addresses(after, now)
    elif before.status is DomainStatus.VERIFIED:
        await repository.release(after, now)


def _event(domain: Domain, now: datetime) -> NewEvent:
    kind = EventType.DOMAIN_VERIFIED if domain.status is DomainStatus.VERIFIED else EventType.DOMAIN_FAILED
    shown = {"id": ids.show(ids.Kind.DOMAIN, domain.id), "domain": domain.domain, "status": domain.status}
    data = {"domain": shown | ({"reason": domain.reason} if domain.reason else {})}
    return NewEvent(domain.account_id, kind, msgspec.json.encode(data).decode(), domain.pod_id, None, now)


def _with(domain: Domain, **changes: object) -> Domain:
    return msgspec.structs.replace(domain, **changes)
