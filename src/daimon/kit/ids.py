"""Prefixed, time-ordered ids: `inbox_` and a UUIDv7 in hex. Stored as `uuid`, shown as text, opaque to clients."""

import io
import os
import re
import time
from enum import StrEnum
from uuid import UUID

_HEX = re.compile(r"[0-9a-f]{32}\Z")


class Kind(StrEnum):
    """What an id names; the value is its prefix."""

    ACCOUNT = "acc"
    INBOX = "inbox"
    POD = "pod"
    KEY = "key"
    MESSAGE = "msg"
    THREAD = "thr"
    ATTACHMENT = "att"
    EVENT = "evt"
    REQUEST = "req"
    TEAM = "team"
    MEMBER = "mem"
    AUDIT = "aud"
    NOTICE = "not"
    ORGANISATION = "org"
    WEBHOOK = "wh"
    DELIVERY = "dlv"
    REPLAY = "rpl"
    LEASE = "lease"
    DOMAIN = "dom"
    DRAFT = "dft"
    RULE = "rule"
    CHARGE = "chg"


_last = 0


def new() -> UUID:
    """Return a fresh UUIDv7 (RFC 9562 §5.7), larger than every one that this process made before.

    48 bits of Unix milliseconds, 12 bits of the millisecond's fraction (method 3 of §6.2), 62 random bits.
    """
    global _last  # noqa: PLW0603 - the one counter that makes ids of one process strictly ordered
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    _last = max(_last + 1, milliseconds << 12 | nanoseconds * 4096 // 1_000_000)
    octets = _random.read(8) or _refill()
    low = int.from_bytes(octets, "big") >> 2
    return UUID(int=(_last >> 12) << 80 | 0x7 << 76 | (_last & 0xFFF) << 64 | 0x2 << 62 | low)


def _refill() -> bytes:
    global _random  # noqa: PLW0603
    _random = io.BytesIO(os.urandom(4096))
    return _random.read(8)


_random = io.BytesIO()  # asking the kernel each time costs as much as all the rest of an id
os.register_at_fork(after_in_child=_refill)  # parent and child shall not deal out the same


def show(kind: Kind, value: UUID) -> str:
    """Return the id as clients see it, such as `inbox_0192…`."""
    return kind + "_" + value.hex


def show_or_none(kind: Kind, value: UUID | None) -> str | None:
    """Return an id as clients see it, or None for none."""
    return None if value is None else show(kind, value)


def read(kind: Kind, text: str) -> UUID | None:
    """Return the UUID in a client's id, or None if the text was never such an id."""
    prefix, _, payload = text.rpartition("_")
    if prefix != kind.value or not _HEX.match(payload):
        return None
    return UUID(hex=payload)
