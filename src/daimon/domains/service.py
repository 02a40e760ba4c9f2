"""The rules of domains. Every function runs in the caller's transaction; what a check found is judged in `checking`."""

import hashlib
import secrets
from datetime import datetime
from uuid import UUID

import msgspec

from daimon.accounts import client_ids
from daimon.accounts.errors import ClientIdConflict
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.domains import ladder
from daimon.domains.dkim import DkimRepository, MadeKey, Pair
from daimon.domains.errors import DomainClaimed, DomainExists, DomainNotFound, RotationRunning
from daimon.domains.models import (
    CreatedDomain,
    DkimKey,
    Domain,
    DomainPolicy,
    DomainQuery,
    DomainStatus,
    NewDomain,
    Stage,
)
from daimon.domains.repository import DomainRepository
from daimon.events import service as events
from daimon.keys.models import Principal
from daimon.kit import ids
from daimon.kit.errors import Invalid
from daimon.kit.paging import Page
from daimon.pods import service as pods
from daimon.quotas import service as quotas
from daimon.quotas import warnings
from daimon.quotas.service import Quota

_KIND = "domain"


async def create(
    db: Connection, who: Principal, wish: NewDomain, *, pair: Pair | None, policy: DomainPolicy, now: datetime
) -> CreatedDomain:
    """Claim a domain. `pair` are its first keys, None only where the tier has no domains.

    Raises PodNotFound, Invalid, ClientIdConflict, DomainRequiresPaid, DomainLimitReached, DomainExists, DomainClaimed.
    """
    repository, domain_id = DomainRepository(db, who.scope), ids.new()
    wish = msgspec.structs.replace(wish, pod_id=await _holder(db, who.scope, wish.pod_id))
    if wish.client_id and (earlier := await _made_before(db, who.scope, wish, domain_id)):
        return CreatedDomain(await _made_earlier(repository, earlier), fresh=False)
    if (await repository.holder(wish.domain)) not in (None, who.scope.account_id):
        raise DomainClaimed(f"{wish.domain} is verified for another account.")
    domain = _new_domain(who.scope, domain_id, wish, now)
    if not await repository.add(domain):
        raise DomainExists(f"The account has {wish.domain} already.")
    limits = policy.tiers[who.account.tier]
    used = await quotas.spend_domain(db, who.account, limits)
    assert pair is not None
    await DkimRepository(db, who.scope).add(domain.id, domain.domain, pair, Stage.CURRENT, now)
    most, account_id = limits.max_custom_domains, who.scope.account_id
    if warning := warnings.crossed(account_id, Quota.DOMAINS, used - 1, used, most, now):
        await events.record(db, [warning])
    return CreatedDomain(_with_keys(domain, pair, Stage.CURRENT, now), fresh=True)


async def get(db: Connection, scope: Scope, domain_id: UUID) -> Domain:
    """Return a domain. Raises DomainNotFound."""
    return await DomainRepository(db, scope).get(domain_id)


async def page(db: Connection, scope: Scope, query: DomainQuery) -> Page[Domain]:
    """Return a page of the domains within the scope, the oldest first."""
    return await DomainRepository(db, scope).page(query)


async def usable(db: Connection, scope: Scope, name: str, pod_id: UUID | None) -> Domain:
    """Return the verified domain that an inbox of a pod, or of none, may be on, kept as it is until the commit.

    Raises DomainNotFound for any other: a pod's domain is for its own inboxes alone.
    """
    domain = await DomainRepository(db, scope).named(name)
    if domain.status is not DomainStatus.VERIFIED:
        raise DomainNotFound(f"{name} is not verified.")
    if domain.pod_id not in (None, pod_id):
        raise DomainNotFound(f"{name} is a pod's own, and the inbox is not in that pod.")
    return domain


async def set_catch_all(
    db: Connection, scope: Scope, domain_id: UUID, inbox_id: UUID | None, *, inbox_pod: UUID | None, now: datetime
) -> tuple[Domain, Domain]:
    """Say which inbox gets mail to unknown addresses, None for none. The caller has seen that the inbox is reached.

    Raises DomainNotFound, and Invalid for an inbox outside the domain's pod.
    """
    repository = DomainRepository(db, scope)
    before = await repository.get(domain_id, lock=True)
    if inbox_id is not None and before.pod_id not in (None, inbox_pod):
        raise Invalid.field("catch_all_inbox_id", "must be an inbox of the pod whose the domain is")
    await repository.set_catch_all(before, inbox_id, now)
    return before, msgspec.structs.replace(before, catch_all_inbox_id=inbox_id, updated_at=now)


async def delete(db: Connection, scope: Scope, domain_id: UUID, now: datetime) -> Domain:
    """Delete a domain and return it as it was. Its inboxes keep their mail and receive no more.

    Raises DomainNotFound.
    """
    repository = DomainRepository(db, scope)
    domain = await repository.get(domain_id, lock=True)
    await repository.release(domain, now)
    await DkimRepository(db, scope).delete(domain.id)
    await repository.delete(domain.id)
    await quotas.return_domain(db, scope)
    if domain.client_id:
        await client_ids.release(db, scope, kind=_KIND, client_id=domain.client_id)
    return domain


async def rotate_dkim(db: Connection, scope: Scope, domain_id: UUID, pair: Pair, now: datetime) -> Domain:
    """Give a domain new keys; each signs when the DNS shows it. Raises DomainNotFound, RotationRunning."""
    repository = DomainRepository(db, scope)
    domain = await repository.get(domain_id, lock=True)
    if any(key.stage is Stage.NEXT for key in domain.keys):
        raise RotationRunning
    await DkimRepository(db, scope).add(domain.id, domain.domain, pair, Stage.NEXT, now)
    await repository.check_soon(domain.id, now + ladder.FIRST)
    return _with_keys(domain, pair, Stage.NEXT, now)


async def leave_pod(db: Connection, scope: Scope, pod_id: UUID) -> None:
    """Let the account have the domains of a pod that is deleted."""
    await db.execute("update domains set pod_id = null where account_id = $1 and pod_id = $2", scope.account_id, pod_id)


async def _holder(db: Connection, scope: Scope, pod_id: UUID | None) -> UUID | None:
    """Return the pod whose the domain is, None for the account's own. Raises PodNotFound, Invalid."""
    if pod_id is None and scope.pod_ids is not None:
        if scope.pod_id is None:
            raise Invalid.field("pod_id", "is required: this key reaches several pods")
        pod_id = scope.pod_id
    if pod_id is not None:
        await pods.get(db, scope, pod_id)
    return pod_id


async def _made_before(db: Connection, scope: Scope, wish: NewDomain, domain_id: UUID) -> UUID | None:
    assert wish.client_id is not None
    fingerprint = hashlib.sha256(msgspec.json.encode(wish, order="sorted")).digest()
    return await client_ids.claim(
        db, scope, kind=_KIND, client_id=wish.client_id, fingerprint=fingerprint, object_id=domain_id
    )


async def _made_earlier(repository: DomainRepository, domain_id: UUID) -> Domain:
    """Return what a client_id made. Raises ClientIdConflict if that is out of this key's reach."""
    try:
        return await repository.get(domain_id)
    except DomainNotFound:
        raise ClientIdConflict from None


def _new_domain(scope: Scope, domain_id: UUID, wish: NewDomain, now: datetime) -> Domain:
    return Domain(
        id=domain_id,
        account_id=scope.account_id,
        pod_id=wish.pod_id,
        domain=wish.domain,
        status=DomainStatus.PENDING,
        reason=None,
        token=secrets.token_hex(20),
        catch_all_inbox_id=None,
        seen={},
        client_id=wish.client_id,
        pending_since=now,
        checked_at=None,
        verified_at=None,
        missing_since=None,
        next_check_at=now + ladder.FIRST,
        created_at=now,
        updated_at=now,
    )


def _with_keys(domain: Domain, pair: Pair, stage: Stage, now: datetime) -> Domain:
    keys = [*domain.keys, *(_public(key, stage, now) for key in pair)]
    return msgspec.structs.replace(domain, keys=tuple(sorted(keys, key=lambda key: (key.created_at, key.selector))))


def _public(key: MadeKey, stage: Stage, now: datetime) -> DkimKey:
    return DkimKey(key.selector, key.algorithm, stage, key.record, now)
