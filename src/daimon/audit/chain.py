"""The chain: each row's hash covers the row and the hash before it, and a seal covers the chain's two ends.

Both are HMACs under a key made from the server's secret key, so whoever can write in the database and does not hold
that key can neither alter a row nor take one out, nor cut the chain short at either end.
"""

from dataclasses import fields
from datetime import UTC
from enum import StrEnum
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


class Fault(StrEnum):
    """What is wrong at one place of a chain."""

    EDITED = "edited"  # a row is not as it was written, or was never written by this server
    MISSING = "missing"  # a row is gone
    OUT_OF_CHAIN = "out_of_chain"  # a row stands before the chain's begin or beyond its end
    END = "end"  # the rows are right, and the chain does not end where this server left it


class Walk:
    """Follows a chain, row by row in the order of their numbers, from the oldest that is kept."""

    def __init__(self, chain: Chain, head: Head) -> None:
        self._chain = chain
        self._head = head
        self.number = head.kept_after  # of the last row that is right
        self.hash = head.kept_hash

    def step(self, row: Row) -> Fault | None:
        """Go on to the next row; return what is wrong with it, or with the place before it."""
        due = self.number + 1
        if row.number > due <= self._head.number:
            return Fault.MISSING
        if row.number != due or row.number > self._head.number:
            return Fault.OUT_OF_CHAIN
        if not self._chain.follows(self.hash, row):
            return Fault.EDITED
        self.number, self.hash = row.number, row.hash
        return None

    def end(self, seal: bytes) -> Fault | None:
        """Return what is wrong with the chain's end, after the last row there is."""
        if self.number < self._head.number:
            return Fault.MISSING
        right = self.hash == self._head.hash and self._chain.holds(self._head, seal)
        return None if right else Fault.END


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
