"""The text of a key: `dm_free_` or `dm_live_`, 256 random bits in base62, and a CRC-32 to tell a real one offline."""

import hashlib
import re
import secrets
import zlib

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_CHARS = 43  # ceil(256 / log2(62))
_CHECK_CHARS = 6  # ceil(32 / log2(62))
_SHAPE = re.compile(rf"dm_(?:free|live)_[0-9A-Za-z]{{{_RANDOM_CHARS + _CHECK_CHARS}}}\Z")
PREFIX_CHARS = 14  # `dm_free_` and six more: enough for a human to tell keys apart


def make(*, paid: bool) -> str:
    """Return a new secret."""
    body = f"dm_{'live' if paid else 'free'}_{_base62(secrets.randbits(256), _RANDOM_CHARS)}"
    return body + _checksum(body)


def is_well_formed(text: str) -> bool:
    """Tell whether the text has a key's shape and its checksum holds."""
    return bool(_SHAPE.match(text)) and _checksum(text[:-_CHECK_CHARS]) == text[-_CHECK_CHARS:]


def digest(secret: str) -> bytes:
    """Return what is stored of a secret: its SHA-256. 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK_CHARS)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, rest = divmod(number, 62)
        digits.append(_ALPHABET[rest])
    return "".join(reversed(digits))
