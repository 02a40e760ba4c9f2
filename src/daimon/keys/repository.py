"""Rows of `keys` and `key_secrets`."""

from datetime import datetime
from uuid import UUID

from daimon.accounts.repository import account_of
from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.keys.errors import ApiKeyExpired, ApiKeyRevoked, InvalidApiKey
from daimon.keys.models import ALLOWED, KeyScope, Permission, Principal
from daimon.keys.secret import PREFIX_CHARS, digest


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
               k.expires_at, a.*
        from key_secrets s
        join keys k on k.account_id = s.account_id and k.id = s.key_id
        join accounts a on a.account_id = s.account_id
        where s.hash = $1
        """,
        hashed,
    )
    if row is None:
        raise InvalidApiKey
    if row["key_status"] != "active" or (row["valid_until"] and row["valid_until"] <= now):
        raise ApiKeyRevoked
    if row["expires_at"] and row["expires_at"] <= now:
        raise ApiKeyExpired
    return _principal_of(row)


def _principal_of(row: Record) -> Principal:
    key_scope = KeyScope(row["scope"])
    allowed = ALLOWED[key_scope]
    if row["permissions"] is not None:
        allowed = allowed & {Permission(p) for p in row["permissions"]}
    return Principal(
        key_id=row["key_id"],
        key_scope=key_scope,
        permissions=allowed,
        scope=Scope(row["account_id"], row["pod_id"], row["inbox_id"]),
        account=account_of(row),
    )
