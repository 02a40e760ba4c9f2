"""Rows of `keys` and `key_secrets`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from daimon.accounts.repository import account_of
from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.db.where import Where, rows_for
from daimon.keys.errors import ApiKeyExpired, ApiKeyRevoked, InvalidApiKey, KeyNotFound
from daimon.keys.models import ALLOWED, Key, KeyQuery, KeyScope, KeyStatus, Principal, reach_of
from daimon.keys.permissions import ALL, Permission
from daimon.keys.roles import PERMISSIONS as ROLE_PERMISSIONS
from daimon.keys.roles import Grant, Role
from daimon.keys.secret import PREFIX_CHARS, digest
from daimon.kit.paging import COUNT_CAP, Page, read_cursor, write_cursor
from daimon.quotas.usage import NO_POD

_decode_grants = msgspec.json.Decoder(list[tuple[str, UUID]]).decode


class KeyRepository:
    """The keys within one scope, and a member's own."""

    def __init__(self, db: Connection, scope: Scope, *, member_id: UUID | None = None) -> None:
        self._db = db
        self._account_id = scope.account_id
        self._pod_ids = scope.pod_ids
        self._inbox_id = scope.inbox_id
        self._member_id = member_id

    async def add(self, key: Key, secret: str) -> None:
        """Insert a key with its first secret."""
        await self._db.execute(
            """
            with key as (
                insert into keys (account_id, id, scope, pod_id, inbox_id, member_id, name, permissions, expires_at,
                                  networks, created_by, made_by_member, client_id, prefix, created_at)
                values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
            )
            insert into key_secrets (hash, account_id, key_id) values ($16, $1, $2)
            """,
            self._account_id, key.id, key.key_scope, key.pod_id, key.inbox_id, key.member_id, key.name,
            _list_or_none(key.permissions), key.expires_at, key.networks, key.created_by, key.made_by_member,
            key.client_id, key.prefix, key.created_at, digest(secret),
        )  # fmt: skip

    async def get(self, key_id: UUID) -> Key:
        """Return a key. Raises KeyNotFound."""
        return self._found(
            await self._db.fetchrow(f"select {_COLUMNS} from keys where {_IN_SCOPE} and id = $5", *self._one(key_id))
        )

    async def lock(self, key_id: UUID) -> Key:
        """Return a key and keep it as it is until the transaction ends. Raises KeyNotFound."""
        return self._found(
            await self._db.fetchrow(
                f"select {_COLUMNS} from keys where {_IN_SCOPE} and id = $5 for no key update", *self._one(key_id)
            )
        )

    async def page(self, query: KeyQuery) -> Page[Key]:
        """Return keys, the oldest first, and how many there are in all.

        Without a filter it is the account's counter of those that were not revoked, less those that have expired. With
        one it is counted. Either count ends at COUNT_CAP.
        """
        where = self._matching(query)
        if query.shows_all and self._pod_ids is None and self._inbox_id is None:
            counted = _ALL
        else:
            counted = f"select count(*) from (select from keys where account_id = $1{where} limit {COUNT_CAP}) c"
        beyond = Where(*where.parameters)
        beyond.add("id > $?", read_cursor(query.cursor, tuple[UUID])[0] if query.cursor else None)
        rows = await self._db.fetch(
            f"""
            select {_COLUMNS}, ({counted}) as total from keys where account_id = $1{where}{beyond}
            order by id limit {rows_for(query.limit)} offset {beyond.offset(query.offset)}
            """,
            *beyond.parameters,
        )
        keys = [key_of(row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        total = rows[0]["total"] if rows else await self._db.fetchval(counted, *where.parameters)
        return Page(keys, write_cursor(keys[-1].id) if more else None, total)

    async def change(self, key: Key) -> None:
        """Write a key's name, permissions, expiry and networks."""
        await self._db.execute(
            "update keys set name = $3, permissions = $4, expires_at = $5, networks = $6"
            " where account_id = $1 and id = $2",
            self._account_id, key.id, key.name, _list_or_none(key.permissions), key.expires_at, key.networks,
        )  # fmt: skip

    async def own_key_of_inbox(self, inbox_id: UUID, now: datetime) -> UUID | None:
        """Return the inbox's own key, the oldest that works, and keep it until the transaction ends."""
        return await self._oldest("scope = 'inbox' and inbox_id = $3", now, inbox_id)

    async def own_key_of_pod(self, pod_id: UUID, now: datetime) -> UUID | None:
        """Return the pod's own key, the oldest that works, and keep it until the transaction ends."""
        return await self._oldest("scope = 'pod' and pod_id = $3", now, pod_id)

    async def own_key_of_account(self, now: datetime) -> UUID | None:
        """Return the account's own key, the oldest that works and may do everything, and keep it."""
        return await self._oldest(_WHOLE, now)

    async def lock_account(self) -> None:
        """Wait for others who hold this account, and hold it until the transaction ends."""
        await self._db.execute("select 1 from accounts where account_id = $1 for no key update", self._account_id)

    async def is_last_whole(self, key_id: UUID, now: datetime) -> bool:
        """Tell whether no other account key works and may do everything."""
        return not await self._db.fetchval(
            f"select exists (select from keys where account_id = $1 and {_WORKS} and {_WHOLE} and id <> $3)",
            self._account_id, now, key_id,
        )  # fmt: skip

    async def replace_secret(self, key_id: UUID, secret: str, *, old_valid_until: datetime, now: datetime) -> None:
        """Give a locked key a new secret; the ones before it work until `old_valid_until` at the longest."""
        await self._db.execute(
            "delete from key_secrets where account_id = $1 and key_id = $2 and valid_until < $3",
            self._account_id, key_id, now - ENDED_SECRETS_KEPT,
        )  # fmt: skip
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

    async def end_secret(self, hashed: bytes, now: datetime) -> bool | None:
        """End one secret that works; return whether it was its key's present one, None if none ended."""
        was_present: bool | None = await self._db.fetchval(
            """
            with was as (select valid_until from key_secrets where account_id = $1 and hash = $2)
            update key_secrets s set valid_until = $3 from was
            where s.account_id = $1 and s.hash = $2 and (s.valid_until is null or s.valid_until > $3)
            returning was.valid_until is null
            """,
            self._account_id, hashed, now,
        )  # fmt: skip
        return was_present

    async def revoke(self, key_id: UUID, now: datetime) -> int:
        """Revoke a key; return 1, or 0 if it was revoked before."""
        return await self._revoke("id = $2", key_id, now)

    async def revoke_of_inbox(self, inbox_id: UUID, now: datetime) -> int:
        """Revoke every key that reaches only this inbox; return how many."""
        return await self._revoke("inbox_id = $2", inbox_id, now)

    async def revoke_of_pod(self, pod_id: UUID, now: datetime) -> int:
        """Revoke every key of the pod itself, not those of its inboxes; return how many."""
        return await self._revoke("pod_id = $2 and scope = 'pod'", pod_id, now)

    async def revoke_of_member(self, member_id: UUID, now: datetime) -> int:
        """Revoke every personal key of a member; return how many."""
        return await self._revoke("member_id = $2", member_id, now)

    async def _revoke(self, which: str, value: UUID, now: datetime) -> int:
        """Revoke keys and let their client_ids be used again."""
        revoked: int = await self._db.fetchval(
            f"""
            with revoked as (
                update keys set status = 'revoked', revoked_at = $3
                where account_id = $1 and status = 'active' and {which} returning client_id
            ), released as (
                delete from client_ids where account_id = $1 and kind = 'key'
                    and client_id in (select client_id from revoked)
            )
            select count(*) from revoked
            """,
            self._account_id, value, now,
        )  # fmt: skip
        return revoked

    async def _oldest(self, which: str, now: datetime, *values: UUID) -> UUID | None:
        found: UUID | None = await self._db.fetchval(
            f"select id from keys where account_id = $1 and {_WORKS} and {which}"
            " order by id limit 1 for no key update",
            self._account_id, now, *values,
        )  # fmt: skip
        return found

    def _one(self, key_id: UUID) -> tuple[object, ...]:
        return self._account_id, self._pod_ids, self._inbox_id, self._member_id, key_id

    def _matching(self, query: KeyQuery) -> Where:
        where = Where(self._account_id)
        if query.key_scope is KeyScope.MEMBER and self._pod_ids is not None:
            where.add("member_id = $?", self._member_id or NOBODY)
        else:
            where.within("pod_id", self._pod_ids)
        where.add("inbox_id = $?", self._inbox_id).add("scope = $?", query.key_scope)
        where.add("pod_id = $?", query.pod_id).add("inbox_id = $?", query.inbox_id)
        where.add("""name collate "C" >= $? and name collate "C" < $? || chr(1114111)""", query.q)  # the index's order
        match query.status:
            case KeyStatus.REVOKED:
                where.add("status = $?", "revoked")
            case KeyStatus.EXPIRED:
                where.add("status = 'active' and expires_at <= $?", query.now)
            case KeyStatus.ACTIVE:
                where.add("status = 'active' and (expires_at is null or expires_at > $?)", query.now)
        return where

    def _found(self, row: Record | None) -> Key:
        if row is None:
            raise KeyNotFound
        return key_of(row)


NOBODY = UUID(int=0)
# $1 account, $2 now: as the conditions of a list without filters have them
_ALL = f"""
    select coalesce((select used from quotas where account_id = $1 and pod_id = '{NO_POD}' and quota = 'keys'), 0) - (
        select count(*) from (
            select from keys where account_id = $1 and status = 'active' and expires_at <= $2 limit {COUNT_CAP}) c)"""
ENDED_SECRETS_KEPT = timedelta(
    days=30
)  # so long a rotated secret is refused as one that was, not as one that never was
_COLUMNS = """id, account_id, scope, pod_id, inbox_id, member_id, name, permissions, expires_at, networks, created_by,
    made_by_member, created_at, last_used_at, prefix, status, client_id, used_permissions"""
# $1 account, $2 pods or null, $3 inbox or null, $4 the member who asks or null
_IN_SCOPE = """account_id = $1 and ($3::uuid is null or inbox_id = $3)
    and ($2::uuid[] is null or pod_id = any($2) or member_id = $4)"""
_WORKS = "status = 'active' and (expires_at is null or expires_at > $2)"
_WHOLE = f"scope = 'account' and (permissions is null or cardinality(permissions) = {len(ALL)})"


def key_of(row: Record) -> Key:
    """Return the key in a row of `keys`."""
    return Key(
        id=row["id"],
        account_id=row["account_id"],
        key_scope=KeyScope(row["scope"]),
        pod_id=row["pod_id"],
        inbox_id=row["inbox_id"],
        member_id=row["member_id"],
        name=row["name"],
        permissions=None if row["permissions"] is None else _permissions(row["permissions"]),
        expires_at=row["expires_at"],
        networks=None if row["networks"] is None else tuple(row["networks"]),
        created_by=row["created_by"],
        made_by_member=row["made_by_member"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        prefix=row["prefix"],
        is_revoked=row["status"] == "revoked",
        client_id=row["client_id"],
        used_permissions=_permissions(row["used_permissions"]),
    )


def _permissions(names: Iterable[str]) -> frozenset[Permission]:
    return frozenset(Permission(name) for name in names)


def _list_or_none(permissions: frozenset[Permission] | None) -> list[str] | None:
    return None if permissions is None else sorted(permissions)


@dataclass(frozen=True, slots=True)
class Use:
    """That a key was used, and for what."""

    account_id: UUID
    key_id: UUID
    permissions: set[Permission]


async def write_uses(db: Connection, uses: Sequence[Use], now: datetime) -> None:
    """Write down uses of keys of any accounts. What another process wrote within a minute is not written again.

    A row that somebody else holds is passed over: the key will be used again, and nobody waits for this.
    """
    await db.execute(
        """
        with used as (
            select k.account_id, k.id, u.permissions
            from unnest($1::uuid[], $2::uuid[], $3::text[]) as n (account_id, id, named)
            cross join lateral (select string_to_array(n.named, ',') as permissions) u
            join keys k on k.account_id = n.account_id and k.id = n.id
            where k.last_used_at is null or k.last_used_at <= $4::timestamptz - interval '1 minute'
                or not k.used_permissions @> u.permissions
            for no key update of k skip locked
        )
        update keys k set last_used_at = $4, used_permissions = array(
            select distinct p from unnest(k.used_permissions || used.permissions) p order by p)
        from used where k.account_id = used.account_id and k.id = used.id
        """,
        [use.account_id for use in uses], [use.key_id for use in uses],
        [",".join(use.permissions) for use in uses], now,
    )  # fmt: skip


async def find_key(db: Connection, hashed: bytes) -> tuple[Scope, UUID] | None:
    """Return whose key a secret belongs to or once belonged to: like `find_principal`, this knows no account yet."""
    row = await db.fetchrow("select account_id, key_id from key_secrets where hash = $1", hashed)
    return (Scope(row["account_id"]), row["key_id"]) if row else None


async def find_principal(db: Connection, hashed: bytes, now: datetime) -> Principal:
    """Return whom a secret speaks for, in one query. Raises InvalidApiKey, ApiKeyRevoked, ApiKeyExpired.

    This look-up knows no account yet: it is the one that finds it, and it sets the connection to it.
    """
    row = await db.fetchrow(
        "select (account).*, *, set_config('daimon.account', (account).account_id::text, false)"
        " from find_principal($1)",
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
        expires_at=row["expires_at"],
        name=row["name"],
        capped=row["permissions"] is not None,
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
