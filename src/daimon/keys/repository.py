"""Rows of `keys` and `key_secrets`."""

from datetime import datetime
from uuid import UUID

import msgspec

from daimon.accounts.repository import account_of
from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.keys.errors import ApiKeyExpired, ApiKeyRevoked, InvalidApiKey
from daimon.keys.models import ALLOWED, KeyScope, Principal, reach_of
from daimon.keys.permissions import Permission
from daimon.keys.roles import PERMISSIONS as ROLE_PERMISSIONS
from daimon.keys.roles import Grant, Role
from daimon.keys.secret import PREFIX_CHARS, digest
from daimon.quotas.usage import NO_POD

_decode_grants = msgspec.json.Decoder(list[tuple[str, UUID]]).decode


class KeyRepository:
    """The keys of one account."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def add(self, key_id: UUID, key_scope: KeyScope, reach: Scope, secret: str, now: datetime) -> None:
        """Insert a key that reaches `reach`, with its first secret."""
        await self._db.execute(
            """
            with key as (
                insert into keys (account_id, id, scope, pod_id, inbox_id, prefix, created_at)
                values ($1, $2, $3, $4, $5, $6, $7)
            )
            insert into key_secrets (hash, account_id, key_id) values ($8, $1, $2)
            """,
            self._account_id, key_id, key_scope, reach.pod_id, reach.inbox_id, secret[:PREFIX_CHARS], now,
            digest(secret),
        )  # fmt: skip

    async def key_of_inbox(self, inbox_id: UUID) -> UUID | None:
        """Return the inbox's own key: the oldest active one."""
        found: UUID | None = await self._db.fetchval(
            "select id from keys where account_id = $1 and inbox_id = $2 and status = 'active' order by id limit 1",
            self._account_id, inbox_id,
        )  # fmt: skip
        return found

    async def replace_secret(self, key_id: UUID, secret: str, *, old_valid_until: datetime) -> None:
        """Give a key a new secret; the ones before it work until `old_valid_until` at the longest."""
        await self._db.execute(
            "update key_secrets set valid_until = least(valid_until, $3) where account_id = $1 and key_id = $2",
            self._account_id, key_id, old_valid_until,
        )  # fmt: skip
        await self._db.execute(
            """
            with key as (update keys set prefix = $4 where account_id = $1 and id = $2)
            insert into key_secrets (hash, account_id, key_id) values ($3, $1, $2)
            """,
            self._account_id, key_id, digest(secret), secret[:PREFIX_CHARS],
        )  # fmt: skip

    async def revoke_of_inbox(self, inbox_id: UUID) -> None:
        """Revoke every key that reaches only this inbox."""
        await self._db.execute(
            "update keys set status = 'revoked' where account_id = $1 and inbox_id = $2",
            self._account_id,
            inbox_id,
        )


async def find_principal(db: Connection, hashed: bytes, now: datetime) -> Principal:
    """Return whom a secret speaks for, in one query. Raises InvalidApiKey, ApiKeyRevoked, ApiKeyExpired.

    This look-up knows no account yet: it is the one that finds it.
    """
    row = await db.fetchrow(
        """
        select s.valid_until, k.id as key_id, k.scope, k.pod_id, k.inbox_id, k.permissions, k.status as key_status,
               k.expires_at, k.networks, k.member_id, m.status as member_status, p.status as pod_status, a.*,
               case when k.member_id is not null then (
                   select json_agg(json_build_array(g.role, g.pod_id)) from grants g
                   where g.account_id = k.account_id and (g.holder_id = k.member_id or g.holder_id in (
                       select team_id from team_members t
                       where t.account_id = k.account_id and t.member_id = k.member_id))
               ) end as grants
        from key_secrets s
        join keys k on k.account_id = s.account_id and k.id = s.key_id
        join accounts a on a.account_id = s.account_id
        left join members m on m.account_id = k.account_id and m.id = k.member_id
        left join pods p on p.account_id = k.account_id and p.id = k.pod_id
        where s.hash = $1
        """,
        hashed,
    )
    if row is None:
        raise InvalidApiKey
    if row["key_status"] != "active" or (row["valid_until"] and row["valid_until"] <= now):
        raise ApiKeyRevoked
    if row["member_id"] and row["member_status"] != "active":
        raise ApiKeyRevoked
    if row["expires_at"] and row["expires_at"] <= now:
        raise ApiKeyExpired
    return _principal_of(row)


def _principal_of(row: Record) -> Principal:
    key_scope = KeyScope(row["scope"])
    grants = _grants_of(row["grants"])
    allowed = ALLOWED[key_scope]
    if key_scope is KeyScope.MEMBER:
        allowed = frozenset().union(*(ROLE_PERMISSIONS[grant.role] for grant in grants))
    if row["permissions"] is not None:
        allowed = allowed & {Permission(p) for p in row["permissions"]}
    return Principal(
        key_id=row["key_id"],
        key_scope=key_scope,
        permissions=allowed,
        scope=_scope_of(key_scope, row, grants),
        account=account_of(row),
        pod_id=row["pod_id"],
        pod_suspended=row["pod_status"] == "suspended",
        member_id=row["member_id"],
        grants=grants,
        networks=None if row["networks"] is None else tuple(row["networks"]),
    )


def _scope_of(key_scope: KeyScope, row: Record, grants: tuple[Grant, ...]) -> Scope:
    account_id: UUID = row["account_id"]
    match key_scope:
        case KeyScope.ACCOUNT:
            return Scope(account_id)
        case KeyScope.POD:
            return Scope(account_id, (row["pod_id"],))
        case KeyScope.INBOX:
            return Scope(account_id, inbox_id=row["inbox_id"])  # wherever the inbox is moved
        case KeyScope.MEMBER:
            return reach_of(grants, Scope(account_id))


def _grants_of(shown: str | None) -> tuple[Grant, ...]:
    if shown is None:
        return ()
    return tuple(Grant(Role(role), pod if pod != NO_POD else None) for role, pod in _decode_grants(shown))
