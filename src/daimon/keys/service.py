"""Making, changing, rotating and revoking keys. Every function runs in the caller's transaction."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from daimon.accounts import client_ids
from daimon.accounts.models import Account, Tier
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.keys import bounds, secret
from daimon.keys.errors import ApiKeyRevoked, WouldWiden
from daimon.keys.models import (
    IssuedKey,
    Key,
    KeyChange,
    KeyQuery,
    KeyScope,
    KeyStatus,
    Network,
    NewKey,
    Principal,
)
from daimon.keys.permissions import ALL, Permission
from daimon.keys.repository import KeyRepository
from daimon.kit import ids
from daimon.kit.errors import Invalid, StateConflict
from daimon.kit.paging import Page

MAX_GRACE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A create's outcome. Without a secret: an earlier create with this client_id made it."""

    key: Key
    secret: str | None


async def issue(
    db: Connection,
    account: Account,
    key_scope: KeyScope,
    reach: Scope,
    *,
    now: datetime,
    maker: Principal | None = None,
    member_id: UUID | None = None,
    name: str | None = None,
    permissions: frozenset[Permission] | None = None,
    expires_at: datetime | None = None,
    networks: tuple[Network, ...] | None = None,
    created_by: UUID | None = None,
    client_id: str | None = None,
) -> IssuedKey:
    """Make a key, by default with all the permissions of its scope. Its secret is in the answer and nowhere else.

    Give the `maker` wherever a request makes the key: it gets no more than he has, and what is not said is as his own.
    """
    wish = NewKey(key_scope, reach.pod_id, reach.inbox_id, name, permissions, expires_at, networks, client_id)
    new = _new_key(account, reach, _bounded(maker, reach, wish) if maker else wish, now)
    return await _add(db, account, msgspec.structs.replace(new, member_id=member_id, **_made_by(maker, created_by)))


async def create(db: Connection, who: Principal, wish: NewKey, reach: Scope, *, now: datetime) -> CreatedKey:
    """Make the key that a request asks for. `reach` is what it shall reach; the caller has seen that it exists.

    Raises WouldWiden, Invalid, ClientIdConflict.
    """
    await _check_still_works(db, who, now)
    bounds.check_reach(who, wish.key_scope, reach)
    key_id = ids.new()
    if wish.client_id and (earlier := await _made_before(db, who, wish, key_id)):
        return CreatedKey(await _keys(db, who).get(earlier), None)
    _check_in_future(wish.expires_at, now)
    member_id = who.member_id if wish.key_scope is KeyScope.MEMBER else None
    key = _new_key(who.account, reach, _bounded(who, reach, wish), now)
    key = msgspec.structs.replace(key, id=key_id, member_id=member_id, **_made_by(who))
    issued = await _add(db, who.account, key)
    return CreatedKey(_with_prefix_of(key, issued), issued.secret)


async def get(db: Connection, who: Principal, key_id: UUID) -> Key:
    """Return a key. Raises KeyNotFound."""
    return await _keys(db, who).get(key_id)


async def page(db: Connection, who: Principal, query: KeyQuery) -> Page[Key]:
    """Return a page of keys, the oldest first."""
    return await _keys(db, who).page(query)


async def change(db: Connection, who: Principal, key_id: UUID, wish: KeyChange, *, now: datetime) -> tuple[Key, Key]:
    """Change a key and return it as it was and as it is.

    Raises KeyNotFound, StateConflict for a revoked one, WouldWiden, Invalid.
    """
    await _check_still_works(db, who, now)
    repository = _keys(db, who)
    await _lock_account(repository, who, key_id)
    before = await repository.lock(key_id)
    bounds.check_may_change(who, before)
    if before.is_revoked:
        raise StateConflict("The key was revoked, for good.", next_steps=["Make a new one: POST /v1/keys"])
    after = _changed(who, before, wish, now)
    if before.id == who.key_id and (after.expires_at or after.effective != before.effective):
        await _check_not_last(repository, before, now)
    await repository.change(after)
    return before, after


async def revoke(db: Connection, who: Principal, key_id: UUID, *, now: datetime) -> tuple[Key, bool]:
    """Revoke a key for good and return it as it was, and whether this ended it.

    Raises KeyNotFound, WouldWiden, and StateConflict for the account's last key with all permissions, by itself.
    """
    await _check_still_works(db, who, now)
    repository = _keys(db, who)
    await _lock_account(repository, who, key_id)
    key = await repository.lock(key_id)
    bounds.check_may_change(who, key)
    if key.id == who.key_id:
        await _check_not_last(repository, key, now)
    ended = bool(await repository.revoke(key.id, now))
    if ended:
        await events.record(db, [event(EventType.KEY_REVOKED, key, now)])
    return key, ended


async def rotate(
    db: Connection, who: Principal, key_id: UUID, *, grace: timedelta, now: datetime
) -> tuple[Key, IssuedKey]:
    """Give a key a new secret; the old one works until the grace ends.

    Raises KeyNotFound, WouldWiden, StateConflict for one that is revoked or has expired.
    """
    await _check_still_works(db, who, now)
    key = await _keys(db, who).lock(key_id)
    bounds.check_may_renew(who, key)
    _check_active(key, now)
    issued = await _renew(db, who.account, key, grace=grace, now=now)
    await events.record(db, [event(EventType.KEY_ROTATED, key, now)])
    return _with_prefix_of(key, issued), issued


async def rotate_account_key(
    db: Connection, who: Principal, *, grace: timedelta, now: datetime
) -> tuple[Key, IssuedKey]:
    """Rotate the account key that asks; for an owner, the account's oldest key with all permissions.

    An account without such a key gets a new one. Raises WouldWiden for another member, StateConflict.
    """
    if who.key_scope is KeyScope.ACCOUNT:
        return await rotate(db, who, who.key_id, grace=grace, now=now)
    if not who.is_owner:
        raise WouldWiden("The account's key is rotated with that key, or by an owner.")
    key_id = await _keys(db, who).own_key_of_account(now)
    if key_id is not None:
        return await rotate(db, who, key_id, grace=grace, now=now)
    await _check_still_works(db, who, now)
    issued = await issue(db, who.account, KeyScope.ACCOUNT, Scope(who.account.account_id), now=now, maker=who)
    return await _keys(db, who).get(issued.key_id), issued


async def rotate_inbox_key(
    db: Connection, account: Account, reach: Scope, *, grace: timedelta, now: datetime, who: Principal | None = None
) -> IssuedKey:
    """Give an inbox's key a new secret under the same id; the old one works until the grace ends.

    `reach` names the inbox. An inbox whose keys were all revoked gets a new key. An inbox key that asks (`who`)
    renews itself, and nobody renews a key that is wider than his own: WouldWiden.
    """
    assert reach.inbox_id is not None
    if who and who.key_scope is KeyScope.INBOX:
        key_id: UUID | None = who.key_id
    else:
        key_id = await KeyRepository(db, reach).own_key_of_inbox(reach.inbox_id, now)
    return await _renew_own(db, account, KeyScope.INBOX, reach, key_id, who, grace=grace, now=now)


async def rotate_pod_key(
    db: Connection, account: Account, pod_scope: Scope, *, grace: timedelta, now: datetime, who: Principal | None = None
) -> IssuedKey:
    """Give a pod's key a new secret under the same id; the old one works until the grace ends.

    `pod_scope` is the one pod. A pod whose keys were all revoked gets a new key. Raises WouldWiden if the pod's key
    is wider than that of `who`.
    """
    assert pod_scope.pod_id is not None
    if who and who.key_scope is KeyScope.POD:
        key_id: UUID | None = who.key_id
    else:
        key_id = await KeyRepository(db, pod_scope).own_key_of_pod(pod_scope.pod_id, now)
    return await _renew_own(db, account, KeyScope.POD, pod_scope, key_id, who, grace=grace, now=now)


def event(kind: EventType, key: Key, now: datetime, *, reason: str | None = None) -> NewEvent:
    """Return what is told of a key; its secret never is."""
    told = {"id": ids.show(ids.Kind.KEY, key.id), "scope": key.key_scope, "name": key.name, "prefix": key.prefix}
    data = {"key": told} | ({"reason": reason} if reason else {})
    return NewEvent(key.account_id, kind, msgspec.json.encode(data).decode(), key.pod_id, key.inbox_id, now)


def _keys(db: Connection, who: Principal) -> KeyRepository:
    return KeyRepository(db, who.scope, member_id=who.member_id)


def _new_key(account: Account, reach: Scope, wish: NewKey, now: datetime) -> Key:
    return Key(
        id=ids.new(),
        account_id=account.account_id,
        key_scope=wish.key_scope,
        pod_id=reach.pod_id,
        inbox_id=reach.inbox_id,
        member_id=None,
        name=wish.name,
        permissions=wish.permissions,
        expires_at=wish.expires_at,
        networks=wish.networks,
        created_by=None,
        made_by_member=False,
        created_at=now,
        last_used_at=None,
        prefix="",
        is_revoked=False,
        client_id=wish.client_id,
    )


def _made_by(maker: Principal | None, created_by: UUID | None = None) -> dict[str, Any]:
    if maker is None:
        return {"created_by": created_by}
    return {"created_by": maker.member_id or maker.key_id, "made_by_member": maker.member_id is not None}


def _bounded(maker: Principal, reach: Scope, wish: NewKey) -> NewKey:
    """Return the wish with what it leaves open as wide as the maker's own. Raises WouldWiden, Invalid."""
    return msgspec.structs.replace(
        wish,
        permissions=bounds.permissions(maker, wish.key_scope, reach, wish.permissions),
        expires_at=bounds.expiry(maker, wish.expires_at or maker.expires_at),
        networks=bounds.networks(maker, wish.networks or maker.networks),
    )


async def _add(db: Connection, account: Account, key: Key) -> IssuedKey:
    made = _new_secret(account)
    key = msgspec.structs.replace(key, prefix=made[: secret.PREFIX_CHARS])
    await KeyRepository(db, key.reach).add(key, made)
    return IssuedKey(key.id, made, key.created_at)


async def _renew(db: Connection, account: Account, key: Key, *, grace: timedelta, now: datetime) -> IssuedKey:
    made = _new_secret(account)
    await KeyRepository(db, key.reach).replace_secret(key.id, made, old_valid_until=now + grace, now=now)
    return IssuedKey(key.id, made, now)


async def _renew_own(
    db: Connection,
    account: Account,
    key_scope: KeyScope,
    reach: Scope,
    key_id: UUID | None,
    who: Principal | None,
    *,
    grace: timedelta,
    now: datetime,
) -> IssuedKey:
    if who:
        await _check_still_works(db, who, now)
    if key_id is None:
        return await issue(db, account, key_scope, reach, now=now, maker=who)
    key = await KeyRepository(db, Scope(account.account_id)).lock(key_id)
    if who:
        bounds.check_may_renew(who, key)
    return await _renew(db, account, key, grace=grace, now=now)


def _with_prefix_of(key: Key, issued: IssuedKey) -> Key:
    return msgspec.structs.replace(key, prefix=issued.secret[: secret.PREFIX_CHARS])


def _new_secret(account: Account) -> str:
    return secret.make(paid=account.tier is not Tier.FREE)


async def _check_still_works(db: Connection, who: Principal, now: datetime) -> None:
    """Raise ApiKeyRevoked if the key that asks ended in the second for which its principal is remembered."""
    own = await KeyRepository(db, Scope(who.account.account_id)).get(who.key_id)
    if own.status(now) is not KeyStatus.ACTIVE:
        raise ApiKeyRevoked


async def _made_before(db: Connection, who: Principal, wish: NewKey, key_id: UUID) -> UUID | None:
    assert wish.client_id is not None
    asked = hashlib.sha256(msgspec.json.encode(wish, order="sorted", enc_hook=str)).digest()
    return await client_ids.claim(
        db, who.scope, kind="key", client_id=wish.client_id, fingerprint=asked, object_id=key_id
    )


def _changed(who: Principal, key: Key, wish: KeyChange, now: datetime) -> Key:
    changes: dict[str, Any] = {}
    if wish.name is not UNSET:
        changes["name"] = wish.name
    if wish.permissions is not UNSET:
        changes["permissions"] = bounds.permissions(who, key.key_scope, key.reach, wish.permissions)
    if wish.expires_at is not UNSET:
        _check_in_future(wish.expires_at, now)
        changes["expires_at"] = bounds.expiry(who, wish.expires_at)
    if wish.networks is not UNSET:
        changes["networks"] = bounds.networks(who, wish.networks)
    return msgspec.structs.replace(key, **changes)


def _check_in_future(expires_at: datetime | None, now: datetime) -> None:
    if expires_at and expires_at <= now:
        raise Invalid.field("expires_at", "must be in the future")


def _check_active(key: Key, now: datetime) -> None:
    status = key.status(now)
    if status is KeyStatus.REVOKED:
        raise StateConflict("The key was revoked, for good.", next_steps=["Make a new one: POST /v1/keys"])
    if status is KeyStatus.EXPIRED:
        shown = ids.show(ids.Kind.KEY, key.id)
        raise StateConflict(
            "The key has expired: a new secret would not work.",
            next_steps=[f'Move its end first: PATCH /v1/keys/{shown} {{"expires_at": …}}'],
        )


async def _lock_account(repository: KeyRepository, who: Principal, key_id: UUID) -> None:
    """Let account keys that would end themselves wait for each other: one of them must be the last."""
    if key_id == who.key_id and who.key_scope is KeyScope.ACCOUNT:
        await repository.lock_account()


async def _check_not_last(repository: KeyRepository, key: Key, now: datetime) -> None:
    """Raise StateConflict if without this key nothing would reach the whole account."""
    whole = key.key_scope is KeyScope.ACCOUNT and key.effective == ALL
    if whole and await repository.is_last_whole(key.id, now):
        shown = ids.show(ids.Kind.KEY, key.id)
        raise StateConflict(
            "This is the account's last key with all permissions; it does not end itself.",
            next_steps=[
                f"To end its secret, rotate it: POST /v1/keys/{shown}/rotate",
                'Or make another account key first: POST /v1/keys {"scope": "account"}',
            ],
        )
