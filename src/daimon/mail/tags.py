"""Tag lists (RFC 6376 §3.2): `name=value; name=value`, as DKIM's signatures and keys and DMARC's records have them."""

import base64
import re

_MOST = 100
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_BLANK = " \t\r\n"
_BLANKS = re.compile(f"[{_BLANK}]+")


class BadTags(ValueError):
    """The text is no tag list."""


def read_tags(octets: bytes) -> dict[str, str]:
    """Return the tags in their order, values without blanks around them. Raises BadTags."""
    try:
        pieces = octets.decode().split(";", _MOST)
    except UnicodeDecodeError as error:
        raise BadTags("not in UTF-8") from error
    if pieces[-1].strip(_BLANK) == "":
        del pieces[-1]
    tags: dict[str, str] = {}
    for piece in pieces:
        name, sign, value = piece.partition("=")
        name = name.strip(_BLANK)
        if not sign or name in tags or not _NAME.match(name):
            raise BadTags(f"{piece[:80]!r} is no tag, or is there twice")
        tags[name] = value.strip(_BLANK)
    return tags


def read_base64(value: str) -> bytes:
    """Return the octets of a value, which may be folded (§3.2). Raises ValueError."""
    return base64.b64decode(_BLANKS.sub("", value), validate=True)
