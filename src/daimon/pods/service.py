"""The rules of pods. Every function runs in the caller's transaction.

What an inbox has to do with its pod, deleting a pod among it, is in `inboxes.in_pods`.
"""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import UNSET

from daimon.accounts import client_ids
from daimon.accounts.models import Account
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.keys import service as keys
from daimon.keys.models import IssuedKey, KeyScope, Principal
from daimon.keys.repository import KeyRepository
from daimon.kit import ids
from daimon.kit.errors import Forbidden, Invalid
from daimon.kit.paging import Page
from daimon.pods import subdomains
from daimon.pods.models import CreatedPod, NewPod, Pod, PodChange, PodLimits, PodPolicy, PodQuery, PodStatus
from daimon.pods.repository import Lock, PodRepository
from daimon.pods.subdomains import SubdomainRepository
from daimon.quotas import pods as quotas

# What the account decides about a pod, and no key or role within the pod.
_ACCOUNTS_OWN = ("subdomain", "status", "max_inboxes", "max_sends_per_day", "cost_center")


async def create(db: Connection, who: Principal, wish: NewPod, *, policy: PodPolicy, now: datetime) -> CreatedPod:
    """Create a pod with its key and record `pod.created`. Raises Invalid, ClientIdConflict, SubdomainTaken."""
    if wish.subdomain is not None:
        wish = msgspec.structs.replace(wish, subdomain=subdomains.check(wish.subdomain, policy))
    pod_id, repository = ids.new(), PodRepository(db, who.scope)
    if wish.client_id and (earlier := await _made_before(db, who.scope, wish, pod_id)):
        return CreatedPod(await repository.get(earlier), None)
    _check_limits(wish.limits, who.account, policy)
    pod = _new_pod(who.scope, pod_id, wish, now)
    await repository.add(pod)
    if pod.subdomain:
        domain = subdomains.domain_of(pod.subdomain, policy)
        await SubdomainRepository(db, who.scope).take(pod.subdomain, domain, pod.id)
    key = await keys.issue(db, who.account, KeyScope.POD, _scope_of(pod), now=now, maker=who)
    await quotas.count_pod(db, who.scope)
    await events.record(db, [event(EventType.POD_CREATED, pod, now)])
    return CreatedPod(pod, key)


async def get(db: Connection, scope: Scope, pod_id: UUID) -> Pod:
    """Return a pod. Raises PodNotFound."""
    return await PodRepository(db, scope).get(pod_id)


async def page(db: Connection, scope: Scope, query: PodQuery) -> Page[Pod]:
    """Return a page of the pods within the scope, the oldest first."""
    return await PodRepository(db, scope).page(query)


async def change(
    db: Connection, who: Principal, pod_id: UUID, wish: PodChange, *, policy: PodPolicy, now: datetime
) -> tuple[Pod, Pod]:
    """Change a pod and return it as it was and as it is.

    Raises PodNotFound, Forbidden for what is the account's to decide, Invalid, SubdomainTaken, SubdomainInUse.
    """
    repository = PodRepository(db, who.scope)
    before = await repository.lock(pod_id, Lock.ALONE)
    _check_may_change(who, wish)
    if isinstance(wish.subdomain, str):
        wish = msgspec.structs.replace(wish, subdomain=subdomains.check(wish.subdomain, policy))
    _check_limits(wish, who.account, policy)
    after = await repository.change(before, wish, now)
    if after.subdomain != before.subdomain:
        await _change_subdomain(db, who.scope, before, after, policy)
    if (before.status, after.status) == (PodStatus.ACTIVE, PodStatus.SUSPENDED):
        await events.record(db, [event(EventType.POD_SUSPENDED, after, now)])
    return before, after


async def rotate_key(
    db: Connection, who: Principal, pod_id: UUID, *, grace: timedelta, now: datetime
) -> tuple[Pod, IssuedKey]:
    """Give the pod's key a new secret; the old one works until the grace ends. Raises PodNotFound, WouldWiden."""
    pod = await PodRepository(db, who.scope).lock(pod_id, Lock.SHARED)
    rotated = await keys.rotate_pod_key(db, who.account, _scope_of(pod), grace=grace, now=now, who=who)
    key = await KeyRepository(db, who.scope).get(rotated.key_id)
    await events.record(db, [keys.event(EventType.KEY_ROTATED, key, now)])
    return pod, rotated


def event(kind: EventType, pod: Pod, now: datetime) -> NewEvent:
    """Return what is told of a pod."""
    data = {"pod": {"id": ids.show(ids.Kind.POD, pod.id), "name": pod.name}}
    return NewEvent(pod.account_id, kind, msgspec.json.encode(data).decode(), pod.id, None, now)


def _scope_of(pod: Pod) -> Scope:
    return Scope(pod.account_id, (pod.id,))


async def _made_before(db: Connection, scope: Scope, wish: NewPod, pod_id: UUID) -> UUID | None:
    assert wish.client_id is not None
    fingerprint = hashlib.sha256(msgspec.json.encode(wish, order="sorted")).digest()
    return await client_ids.claim(
        db, scope, kind="pod", client_id=wish.client_id, fingerprint=fingerprint, object_id=pod_id
    )


def _new_pod(scope: Scope, pod_id: UUID, wish: NewPod, now: datetime) -> Pod:
    return Pod(
        id=pod_id,
        account_id=scope.account_id,
        name=wish.name,
        description=wish.description,
        subdomain=wish.subdomain,
        client_id=wish.client_id,
        metadata=wish.metadata,
        status=PodStatus.ACTIVE,
        limits=wish.limits,
        cost_center=wish.cost_center,
        inbox_count=0,
        created_at=now,
        updated_at=now,
    )


def _check_limits(wanted: PodLimits | PodChange, account: Account, policy: PodPolicy) -> None:
    """Raise Invalid for a limit that is wider than the account's own."""
    own = policy.tiers[account.tier]
    for name in PodLimits.__struct_fields__:
        limit, most = getattr(wanted, name), getattr(own, name)
        if isinstance(limit, int) and most is not None and limit > most:
            raise Invalid.field(f"limits.{name}", f"must be at most {most}, which is the account's own limit")


def _check_may_change(who: Principal, wish: PodChange) -> None:
    beyond = [name for name in _ACCOUNTS_OWN if getattr(wish, name) is not UNSET]
    if beyond and not who.scope.is_account:
        raise Forbidden(
            f"Only the account may change {', '.join(beyond)} of a pod; this key reaches the pod alone.",
            next_steps=["Send it with an account key, or leave it out: name, description and metadata can be changed."],
        )


async def _change_subdomain(db: Connection, scope: Scope, before: Pod, after: Pod, policy: PodPolicy) -> None:
    repository = SubdomainRepository(db, scope)
    if before.subdomain:
        await repository.check_unused(subdomains.domain_of(before.subdomain, policy))
        await repository.release(before.id)
    if after.subdomain:
        await repository.take(after.subdomain, subdomains.domain_of(after.subdomain, policy), after.id)
