"""`Idempotency-Key`: the first response to a POST is replayed for 24 hours (contract §1).

The response lies in the transaction of the work it tells of, so there is never one without the other. It is sealed
under a key derived from the header's own value, of which only a hash is stored: a copy of the table tells no secret.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from daimon.api.answer import Response
from daimon.api.errors import RequestInProgress
from daimon.api.request import Request
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.db.walls import NOBODY
from daimon.kit.crypto import derive, seal, unseal
from daimon.kit.errors import Invalid

FIELD = "Idempotency-Key"
HEADER = b"idempotency-key"
VALID_FOR = timedelta(hours=24)
_MAX_CHARS = 255
_PURPOSE = "idempotency"


class _Stored(msgspec.Struct, array_like=True):
    status: int
    content_type: bytes
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode


@dataclass(frozen=True, slots=True)
class Claim:
    """One use of an Idempotency-Key."""

    scope: Scope
    hash: bytes  # of the header's value and of who sent it
    fingerprint: bytes  # of what was asked
    box_key: bytes


def claim_of(request: Request) -> Claim | None:
    """Return the claim that a request makes, None without the header. Raises Invalid for a value of no use.

    The value belongs to one key, or without a key to one client address: nobody is ever shown another's response.
    """
    value = request.headers.get(HEADER)
    if value is None:
        return None
    if not 1 <= len(value) <= _MAX_CHARS or not all(0x20 <= octet <= 0x7E for octet in value):
        raise Invalid.field(FIELD, f"must be 1 to {_MAX_CHARS} printable ASCII characters")
    who = request.key.key_id.bytes if request.key else request.client.packed
    asked = b"\x00".join((request.method.encode(), request.raw_path, request.query_string, request.body))
    return Claim(
        scope=request.key.scope if request.key else Scope(NOBODY),
        hash=hashlib.sha256(who + b"\x00" + value).digest(),
        fingerprint=hashlib.sha256(asked).digest(),
        box_key=derive(value, _PURPOSE),
    )


class KeyTaken(Exception):
    """An Idempotency-Key already has a response."""


class Kept(NamedTuple):
    """A response that is to be kept."""

    claim: Claim
    response: Response
    at: datetime


async def earlier_response(request: Request) -> Response | None:
    """Return the response that a request's Idempotency-Key already has. Raises Invalid if another request got it."""
    claim = claim_of(request)
    if claim is None:
        return None
    async with request.reading() as db:
        return await IdempotencyRepository(db, claim.scope).earlier(claim, request.now)


async def keep_new(db: Connection, scope: Scope, kept: Sequence[Kept]) -> None:
    """Store responses in one statement; rows are written in one order. Raises KeyTaken if there is one already."""
    if not kept:
        return
    if len({each.claim.hash for each in kept}) < len(kept):
        raise KeyTaken
    ordered = sorted(kept, key=lambda each: each.claim.hash)
    stored = await db.fetch(
        """
        insert into idempotency as i (account_id, key_hash, fingerprint, response, created_at)
        select $1, * from unnest($2::bytea[], $3::bytea[], $4::bytea[], $5::timestamptz[])
        on conflict (account_id, key_hash) do update set
            fingerprint = excluded.fingerprint, response = excluded.response, created_at = excluded.created_at
            where i.created_at <= excluded.created_at - $6::interval
        returning true
        """,
        scope.account_id, [each.claim.hash for each in ordered], [each.claim.fingerprint for each in ordered],
        [_sealed(each.claim, each.response) for each in ordered], [each.at for each in ordered], VALID_FOR,
    )  # fmt: skip
    if len(stored) < len(kept):
        raise KeyTaken


def _sealed(claim: Claim, response: Response) -> bytes:
    content_type = dict(response.headers)[b"content-type"]
    return seal(claim.box_key, _encode(_Stored(response.status, content_type, response.body)))


class IdempotencyRepository:
    """The stored responses of one account, or of all who have none yet."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def lock(self, claim: Claim) -> None:
        """Hold the claim until the transaction ends. Raises RequestInProgress if another one holds it."""
        number = int.from_bytes(claim.hash[:8], signed=True)
        if not await self._db.fetchval("select pg_try_advisory_xact_lock($1)", number):
            raise RequestInProgress(retry_after=1)

    async def earlier(self, claim: Claim, now: datetime) -> Response | None:
        """Return the response that the claim already has. Raises Invalid if another request got it.

        A statement of its own after the lock, so that it sees what the lock's last holder committed.
        """
        row = await self._db.fetchrow(
            "select fingerprint, response from idempotency"
            " where account_id = $1 and key_hash = $2 and created_at > $3",
            self._account_id, claim.hash, now - VALID_FOR,
        )  # fmt: skip
        if row is None:
            return None
        if row["fingerprint"] != claim.fingerprint:
            raise Invalid.field(FIELD, "was already used for another request; take a fresh value")
        kept = _decode(unseal(claim.box_key, row["response"]))
        headers = [(b"content-type", kept.content_type), (b"idempotency-replayed", b"true")]
        return Response(kept.status, headers, kept.body)

    async def keep(self, claim: Claim, response: Response, now: datetime) -> None:
        """Store the response; one older than 24 hours gives way."""
        await self._db.execute(
            "insert into idempotency (account_id, key_hash, fingerprint, response, created_at)"
            " values ($1, $2, $3, $4, $5)"
            " on conflict (account_id, key_hash) do update set"
            " fingerprint = excluded.fingerprint, response = excluded.response, created_at = excluded.created_at",
            self._account_id, claim.hash, claim.fingerprint, _sealed(claim, response), now,
        )  # fmt: skip
