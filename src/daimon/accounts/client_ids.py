"""`client_id`: the same create, sent twice, makes one object (contract §1)."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from daimon.accounts.errors import ClientIdConflict
from daimon.db.engine import Connection
from daimon.db.scope import Scope


class Claim(NamedTuple):
    """A `client_id`, a hash of the body that came with it, and the object that it is to make."""

    client_id: str
    fingerprint: bytes
    object_id: UUID


async def claim(
    db: Connection, scope: Scope, *, kind: str, client_id: str, fingerprint: bytes, object_id: UUID
) -> UUID | None:
    """Bind `client_id` to a new object, or return the object that it already made.

    A create of the same client_id that is still running is waited for: the primary key decides.
    Raises ClientIdConflict if it was made from another body.
    """
    fresh = await db.fetchval(
        "insert into client_ids (account_id, kind, client_id, fingerprint, object_id) values ($1, $2, $3, $4, $5)"
        " on conflict do nothing returning true",
        scope.account_id, kind, client_id, fingerprint, object_id,
    )  # fmt: skip
    if fresh:
        return None
    row = await db.fetchrow(
        "select fingerprint, object_id from client_ids where account_id = $1 and kind = $2 and client_id = $3",
        scope.account_id, kind, client_id,
    )  # fmt: skip
    if row is None or row["fingerprint"] != fingerprint:
        raise ClientIdConflict
    earlier: UUID = row["object_id"]
    return earlier


async def claim_many(db: Connection, scope: Scope, *, kind: str, claims: Sequence[Claim]) -> list[UUID]:
    """Bind each client_id to its object, and return the objects that they made: those of the claims, or earlier ones.

    Of two claims of one client_id the first counts. Rows are written in one order, so that two batches cannot wait for
    each other. Raises ClientIdConflict if one was made from another body.
    """
    firsts: dict[str, Claim] = {}
    for each in claims:
        firsts.setdefault(each.client_id, each)
    new = await db.fetch(
        "insert into client_ids (account_id, kind, client_id, fingerprint, object_id)"
        " select $1, $2, * from unnest($3::text[], $4::bytea[], $5::uuid[]) on conflict do nothing returning client_id",
        scope.account_id, kind, *zip(*(firsts[name] for name in sorted(firsts)), strict=True),
    )  # fmt: skip
    old = firsts.keys() - {row["client_id"] for row in new}
    known = firsts | {each.client_id: each for each in await _earlier(db, scope, kind, sorted(old))}
    for each in claims:
        if known[each.client_id].fingerprint != each.fingerprint:
            raise ClientIdConflict
    return [known[each.client_id].object_id for each in claims]


async def earlier(db: Connection, scope: Scope, *, kind: str, client_id: str, fingerprint: bytes) -> UUID | None:
    """Return the object that a client_id made, None if it made none yet. Raises ClientIdConflict for another body."""
    for made in await _earlier(db, scope, kind, [client_id]):
        if made.fingerprint != fingerprint:
            raise ClientIdConflict
        return made.object_id
    return None


async def _earlier(db: Connection, scope: Scope, kind: str, client_ids: Sequence[str]) -> list[Claim]:
    if not client_ids:
        return []
    rows = await db.fetch(
        "select client_id, fingerprint, object_id from client_ids"
        " where account_id = $1 and kind = $2 and client_id = any($3)",
        scope.account_id, kind, client_ids,
    )  # fmt: skip
    return [Claim(*row) for row in rows]


async def release(db: Connection, scope: Scope, *, kind: str, client_id: str) -> None:
    """Let a client_id be used again: what it made was deleted."""
    await db.execute(
        "delete from client_ids where account_id = $1 and kind = $2 and client_id = $3",
        scope.account_id,
        kind,
        client_id,
    )
