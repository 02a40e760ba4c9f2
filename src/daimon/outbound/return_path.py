"""The address that what becomes of a message is reported to: one of its own for every message, which nobody can guess.

`b+<token>@<domain of the inbox>`; the token names account and message and is signed, so that a report to it is about
mail that was sent from here.
"""

import base64
import binascii
import hmac
from typing import NamedTuple
from uuid import UUID

from daimon.kit.crypto import derive, sign

_PURPOSE = "return paths"
_LOCAL = "b"  # no inbox is called so: usernames have three characters at least
_MAC_OCTETS = 5  # 60 characters of token with the ids; a local part has 64 (RFC 5321 §4.5.3.1.1)
_TOKEN_CHARS = 60
_OCTETS = 37


class Sent(NamedTuple):
    """Which message a return path belongs to."""

    account_id: UUID
    message_id: UUID


class ReturnPaths:
    """Makes return paths, and reads its own."""

    def __init__(self, secret: bytes) -> None:
        """Take the server's secret key."""
        self._key = derive(secret, _PURPOSE)

    def make(self, sent: Sent, domain: str) -> str:
        """Return the return path of a message."""
        named = sent.account_id.bytes + sent.message_id.bytes
        token = base64.b32encode(named + sign(self._key, named)[:_MAC_OCTETS]).decode().lower().rstrip("=")
        return f"{_LOCAL}+{token}@{domain}"

    def read(self, local: str) -> Sent | None:
        """Return whose return path has this local part, None if it is none of ours. Its case does not matter."""
        octets = _token(local)
        if octets is None or not hmac.compare_digest(sign(self._key, octets[:32])[:_MAC_OCTETS], octets[32:]):
            return None
        return _sent(octets)


def trusted(local: str) -> Sent | None:
    """Return whose return path has this local part, which was read before; None if it has not the form of one."""
    octets = _token(local)
    return None if octets is None else _sent(octets)


def _token(local: str) -> bytes | None:
    name, _, token = local.lower().partition("+")
    if name != _LOCAL or len(token) != _TOKEN_CHARS or not token.isascii():
        return None
    try:
        octets = base64.b32decode(token.upper() + "====")
    except binascii.Error:
        return None
    return octets if len(octets) == _OCTETS else None


def _sent(octets: bytes) -> Sent:
    return Sent(UUID(bytes=octets[:16]), UUID(bytes=octets[16:32]))
