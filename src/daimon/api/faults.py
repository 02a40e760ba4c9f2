"""What msgspec says of wrong input, in the words of the contract: `details` with one field and its fault."""

import re

import msgspec

from daimon.kit.errors import Invalid

_MAX_SHOWN = 100  # characters of a client's own text that an error gives back
_PLACE = re.compile(r" - at (?:`key` in )?`\$\.?(?P<path>.*)`\Z", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`\Z", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`\Z", re.DOTALL)
WHOLE = "body"


def invalid(error: msgspec.ValidationError) -> Invalid:
    """Return the 422 that names the field msgspec found wrong."""
    text, path = str(error), ""
    if place := _PLACE.search(text):
        text, path = text[: place.start()], place["path"]
    if unknown := _UNKNOWN.match(text):
        return Invalid.field(_join(path, unknown["name"]), "is not known here")
    if missing := _MISSING.match(text):
        return Invalid.field(_join(path, missing["name"]), "is required")
    return Invalid.field(_join(path, "") or WHOLE, text[:1].lower() + text[1:])


def _join(path: str, name: str) -> str:
    return ".".join(part for part in (path, name) if part)[:_MAX_SHOWN]
