"""`client_id`: the same create, sent twice, makes one object (contract §1)."""

from uuid import UUID

from daimon.accounts.errors import ClientIdConflict
from daimon.db.engine import Connection
from daimon.db.scope import Scope


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


async def release(db: Connection, scope: Scope, *, kind: str, client_id: str) -> None:
    """Let a client_id be used again: what it made was deleted."""
    await db.execute(
        "delete from client_ids where account_id = $1 and kind = $2 and client_id = $3",
        scope.account_id,
        kind,
        client_id,
    )
