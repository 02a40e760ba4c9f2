"""The rules of inboxes, one sentence a line. Every function runs in the caller's transaction."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

import msgspec

from daimon.accounts import client_ids
from daimon.accounts import service as accounts
from daimon.accounts.errors import AccountSuspended, ClientIdConflict
from daimon.accounts.models import Account, AccountStatus, Tier
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.domains import service as domains
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.inboxes import in_pods, usernames
from daimon.inboxes.errors import InboxNotFound, UsernameTaken
from daimon.inboxes.models import Created, Inbox, InboxChange, InboxPolicy, InboxQuery, InboxStatus, NewInbox
from daimon.inboxes.repository import InboxRepository
from daimon.keys import service as keys
from daimon.keys.models import IssuedKey, KeyScope, Principal
from daimon.keys.repository import KeyRepository
from daimon.kit import ids
from daimon.kit.errors import Invalid
from daimon.kit.paging import Page
from daimon.pods.models import Pod
from daimon.quotas import pods as pod_quotas
from daimon.quotas import service as quotas
from daimon.quotas import warnings
from daimon.quotas.service import Quota
from daimon.rules import service as rules

_TRIES = 5


async def create(
    db: Connection,
    who: Principal | None,
    wish: NewInbox,
    *,
    policy: InboxPolicy,
    client: IPv4Address | IPv6Address,
    now: datetime,
) -> Created:
    """Create an inbox with its key and record `inbox.created`; without a principal, open an account for it first.

    Raises Invalid, AccountSuspended, ClientIdConflict, PodNotFound, PodSuspended, InboxLimitReached, PodLimitReached,
    InboxCreateRateLimited, UsernameTaken, DomainNotFound.
    """
    username = None if wish.username is None else usernames.check(wish.username)
    account = who.account if who else await accounts.open_account(db, now=now)
    _may_change(account)
    scope = who.scope if who else Scope(account.account_id)
    wish, inbox_id = msgspec.structs.replace(wish, pod_id=in_pods.wanted(scope, wish)), ids.new()
    if wish.client_id and (earlier := await _made_before(db, scope, wish, inbox_id)):
        return Created(await _made_earlier(db, scope, earlier), account, fresh=False)
    pod = await in_pods.open_to(db, scope, wish)
    domain = await _domain(db, scope, wish, username, pod, policy)
    inbox = await _add(db, scope, _new_inbox(scope, pod, inbox_id, username, domain, wish, now))
    account_key = None if who else await keys.issue(db, account, KeyScope.ACCOUNT, scope, now=now)
    inbox_key = await keys.issue(db, account, KeyScope.INBOX, _reach(inbox), now=now, maker=who)
    # Spent last: creates of one account wait for each other from here to the commit, and no longer.
    limits = policy.tiers[account.tier]
    used = await quotas.spend_inbox(db, account, limits)
    told = [warnings.crossed(account.account_id, Quota.INBOXES, used - 1, used, limits.max_inboxes, now)]
    if pod:
        in_pod = await pod_quotas.take_place(db, scope, pod.id, pod.limits.max_inboxes)
        told.append(in_pods.almost_full(pod, in_pod, now))
    rate = None
    if account.tier is Tier.FREE:
        rate = await quotas.spend_free_create(db, client, limit=policy.free_creates_per_hour, now=now)
    await events.record(db, [_event(EventType.INBOX_CREATED, inbox, now), *filter(None, told)])
    return Created(inbox, account, fresh=True, inbox_key=inbox_key, account_key=account_key, rate_limit=rate)


async def get(db: Connection, scope: Scope, inbox: UUID | str, *, lock: bool = False) -> Inbox:
    """Return an inbox by id or address, kept as it is until the transaction ends if asked. Raises InboxNotFound."""
    repository = InboxRepository(db, scope)
    return await (repository.lock(inbox) if lock else repository.get(inbox))


async def get_many(db: Connection, scope: Scope, inboxes: Sequence[UUID | str]) -> dict[UUID | str, Inbox]:
    """Return those of the inboxes, given by id or address, that there are, by what they were asked for by."""
    return await InboxRepository(db, scope).get_many(inboxes)


async def page(db: Connection, scope: Scope, query: InboxQuery) -> Page[Inbox]:
    """Return a page of the inboxes within the scope, the oldest first."""
    return await InboxRepository(db, scope).page(query)


async def change(
    db: Connection, who: Principal, inbox: UUID | str, wish: InboxChange, *, now: datetime
) -> tuple[Inbox, Inbox]:
    """Change display name, metadata, status or pod, and return the inbox as it was and as it is.

    Raises InboxNotFound, AccountSuspended, Invalid, PodNotFound, PodLimitReached, and Forbidden for a move by anyone
    but the account.
    """
    _may_change(who.account)
    if wish.status is InboxStatus.DELETED:
        raise Invalid.field("status", "must be `active` or `suspended`; to delete the inbox, send DELETE")
    target = await in_pods.target(db, who.scope, wish.pod_id)
    repository = InboxRepository(db, who.scope)
    before = await repository.lock(inbox)
    after = await repository.change(before, wish, now)
    if wish.pod_id is not msgspec.UNSET and wish.pod_id != before.pod_id:
        await in_pods.move(db, who.scope, before, target, now)
        after = await repository.get(before.id)
    return before, after


async def delete(db: Connection, who: Principal, inbox: UUID | str, *, now: datetime) -> None:
    """Delete an inbox softly: mail is kept 30 days, its keys are revoked, its place in the quota is free again.

    Raises InboxNotFound, AccountSuspended.
    """
    _may_change(who.account)
    repository = InboxRepository(db, who.scope)
    gone = await repository.lock(inbox)
    await repository.delete(gone, now)
    await KeyRepository(db, who.scope).revoke_of_inbox(gone.id, now)
    await rules.delete_lists(db, who.scope, [gone.id])
    if gone.client_id:
        await client_ids.release(db, who.scope, kind="inbox", client_id=gone.client_id)
    await quotas.return_inbox(db, who.scope)
    if gone.pod_id:
        await pod_quotas.leave_place(db, who.scope, gone.pod_id)
    await events.record(db, [_event(EventType.INBOX_DELETED, gone, now)])


async def rotate_key(
    db: Connection, who: Principal, inbox: UUID | str, *, grace: timedelta, now: datetime
) -> tuple[Inbox, IssuedKey]:
    """Give the inbox's key a new secret; the old one works until the grace ends. Raises InboxNotFound."""
    _may_change(who.account)
    return await renew_key(db, who.account, who.scope, inbox, grace=grace, now=now, who=who)


async def renew_key(
    db: Connection,
    account: Account,
    scope: Scope,
    inbox: UUID | str,
    *,
    grace: timedelta,
    now: datetime,
    who: Principal | None = None,
) -> tuple[Inbox, IssuedKey]:
    """Do what `rotate_key` does; without a principal, for the server's operator. Raises InboxNotFound, WouldWiden."""
    found = await InboxRepository(db, scope).lock(inbox)
    rotated = await keys.rotate_inbox_key(db, account, _reach(found), grace=grace, now=now, who=who)
    await events.record(db, [_event(EventType.KEY_ROTATED, found, now)])
    return found, rotated


def _may_change(account: Account) -> None:
    if account.status is AccountStatus.SUSPENDED:
        raise AccountSuspended


async def _domain(
    db: Connection, scope: Scope, wish: NewInbox, username: str | None, pod: Pod | None, policy: InboxPolicy
) -> str:
    """Return the domain of a new inbox: its pod's subdomain, the service's, or a verified one of the account.

    Raises Invalid, DomainNotFound.
    """
    service = policy.service_domain
    served = [service]
    if pod and pod.subdomain:
        served.insert(0, f"{pod.subdomain}.{service}")
    domain = (wish.domain or served[0]).lower()
    if domain.endswith(f".{service}") and domain not in served:
        raise Invalid.field("domain", f"of this server's own, only {' and '.join(served)} will do; leave it out")
    if domain not in served:
        return (await domains.usable(db, scope, domain, pod.id if pod else None)).domain
    if domain == service and username in policy.reserved_usernames:
        raise Invalid.field("username", f"`{username}` is reserved for the operator of {domain}; choose another")
    return domain


async def _made_earlier(db: Connection, scope: Scope, inbox_id: UUID) -> Inbox:
    """Return what a client_id made. Raises ClientIdConflict if that is out of this key's reach."""
    try:
        return await InboxRepository(db, scope).get(inbox_id)
    except InboxNotFound:
        raise ClientIdConflict from None


async def _made_before(db: Connection, scope: Scope, wish: NewInbox, inbox_id: UUID) -> UUID | None:
    assert wish.client_id is not None
    fingerprint = hashlib.sha256(msgspec.json.encode(wish, order="sorted")).digest()
    return await client_ids.claim(
        db, scope, kind="inbox", client_id=wish.client_id, fingerprint=fingerprint, object_id=inbox_id
    )


def _new_inbox(
    scope: Scope, pod: Pod | None, inbox_id: UUID, username: str | None, domain: str, wish: NewInbox, now: datetime
) -> Inbox:
    return Inbox(
        id=inbox_id,
        account_id=scope.account_id,
        pod_id=pod.id if pod else None,
        username=username or "",
        domain=domain,
        display_name=wish.display_name,
        status=InboxStatus.ACTIVE,
        message_count=0,
        thread_count=0,
        unread_count=0,
        last_received_at=None,
        client_id=wish.client_id,
        metadata=wish.metadata,
        created_at=now,
        updated_at=now,
    )


async def _add(db: Connection, scope: Scope, inbox: Inbox) -> Inbox:
    repository = InboxRepository(db, scope)
    if inbox.username:
        if await repository.add(inbox):
            return inbox
        free = await repository.free_usernames(usernames.alternatives(inbox.username), inbox.domain)
        raise UsernameTaken.suggesting(inbox.email, free[:3])
    for _ in range(_TRIES):
        named = msgspec.structs.replace(inbox, username=usernames.pleasant())
        if await repository.add(named):
            return named
    raise UsernameTaken("No free username was found; choose one.")


def _reach(inbox: Inbox) -> Scope:
    return Scope(inbox.account_id, (inbox.pod_id,) if inbox.pod_id else None, inbox.id)


def _event(kind: EventType, inbox: Inbox, now: datetime) -> NewEvent:
    data = {"inbox": {"id": ids.show(ids.Kind.INBOX, inbox.id), "email": inbox.email}}
    return NewEvent(inbox.account_id, kind, msgspec.json.encode(data).decode(), inbox.pod_id, inbox.id, now)
