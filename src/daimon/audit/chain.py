"""The chain: each row's hash covers the row and the hash before it, and a seal covers the chain's two ends.

Both are HMACs under a key made from the server's secret key, so whoever can write in the database and does not hold
that key can neither alter a row nor take one out, nor cut the chain short at either end.
"""

from dataclasses import fields
from datetime import UTC
from uuid import UUID

import msgspec

from daimon.audit.models import Head, Row
from daimon.db.engine import Record
from daimon.kit.crypto import derive, sign, verify

_PURPOSE = "audit"
_encode = msgspec.json.Encoder().encode
_HASHED = [field.name for field in fields(Row) if field.name != "hash"]
ROW_COLUMNS = ", ".join([*_HASHED, "hash"])
HEAD_COLUMNS = "account_id, number, hash, kept_after, kept_hash"


class Chain:
    """Makes and checks hashes and seals. `secret` is the server's secret key."""

    def __init__(self, secret: bytes) -> None:
        self._key = derive(secret, _PURPOSE)

    def hash(self, previous: bytes, row: Row) -> bytes:
        """Return the hash of a row that follows the row with the hash `previous`."""
        return sign(self._key, b"row" + _canonical(previous, row))

    def follows(self, previous: bytes, row: Row) -> bool:
        """Tell whether a row is as it was written, right after the row with the hash `previous`."""
        return verify(self._key, b"row" + _canonical(previous, row), row.hash)

    def seal(self, head: Head) -> bytes:
        """Return the seal of a chain's two ends."""
        return sign(self._key, b"head" + _ends(head))

    def holds(self, head: Head, seal: bytes) -> bool:
        """Tell whether a chain ends where this server left it."""
        return verify(self._key, b"head" + _ends(head), seal)


def row_of(record: Record) -> Row:
    """Return the row in a record of `audit`."""
    return Row(*(record[name] for name in (*_HASHED, "hash")))


def head_of(record: Record) -> Head:
    """Return the ends in a record of `audit_chains`."""
    return Head(*(record[name] for name in HEAD_COLUMNS.split(", ")))


def _canonical(previous: bytes, row: Row) -> bytes:
    """Return a row as one JSON array, which no other row has: every value has its place and its quotes."""
    values = [getattr(row, name) for name in _HASHED]
    values[_AT] = row.at.astimezone(UTC)
    return _encode([previous.hex(), *(value.hex if isinstance(value, UUID) else value for value in values)])


_AT = _HASHED.index("at")


def _ends(head: Head) -> bytes:
    return _encode([head.account_id.hex, head.number, head.hash.hex(), head.kept_after, head.kept_hash.hex()])
