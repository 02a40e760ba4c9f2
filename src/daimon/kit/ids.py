"""Prefixed, time-ordered ids: `inbox_` and a UUIDv7 in hex. Stored as `uuid`, shown as text, opaque to clients."""

import re
import secrets
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


def new() -> UUID:
    """Return a fresh UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then 74 random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return UUID(int=value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def show(kind: Kind, value: UUID) -> str:
    """Return the id as clients see it, such as `inbox_0192…`."""
    return f"{kind.value}_{value.hex}"


def read(kind: Kind, text: str) -> UUID | None:
    """Return the UUID in a client's id, or None if the text was never such an id."""
    prefix, _, payload = text.rpartition("_")
    if prefix != kind.value or not _HEX.match(payload):
        return None
    return UUID(hex=payload)
