"""Checking that a request came from a webhook: Standard Webhooks (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from typing import Union

from daimon_email._reading import decode
from daimon_email.errors import InvalidSignature
from daimon_email.models import Event

TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"

Text = Union[str, bytes]
Headers = Union[Mapping[str, str], Iterable[tuple[Text, Text]]]


def verify(body: bytes | str, headers: Headers, secret: str) -> Event:
    """Return the event in a webhook's request, if it is ours and not older than five minutes.

    Args:
        body: The request's body, octet by octet as it came.
        headers: The request's headers, in any case; a mapping, or pairs as ASGI has them.
        secret: The webhook's secret, `whsec_…`.

    Raises:
        InvalidSignature: It was not signed with this secret, or too long ago.
    """
    key, octets, found = _key_of(secret), _octets(body), _in_lower_case(headers)
    moment = found.get("webhook-timestamp", "")
    if not moment.isascii() or not moment.isdigit() or abs(time.time() - int(moment[:15])) > TOLERANCE_SECONDS:
        raise InvalidSignature("The request has no time of its signature, or it is not of the last five minutes.")
    signed = b".".join((_octets(found.get("webhook-id", "")), moment.encode(), octets))
    expected = hmac.new(key, signed, hashlib.sha256).digest()
    if not any(_is(expected, each) for each in found.get("webhook-signature", "").split()):
        raise InvalidSignature("The request was not signed with this secret, or its body is not as it came.")
    return decode(Event, json.loads(octets))


def _key_of(secret: str) -> bytes:
    """Return the key. Nothing is none: whoever signs with nothing would be let in."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(_PREFIX), validate=True)
    except (AttributeError, TypeError, ValueError):
        key = b""
    if not key:
        raise ValueError("the secret is not one of a webhook: whsec_ and base64")
    return key


def _octets(text: bytes | bytearray | memoryview | str) -> bytes:
    if isinstance(text, str):
        return text.encode(errors="surrogateescape")
    if isinstance(text, (bytes, bytearray, memoryview)):
        return bytes(text)
    raise TypeError(f"the body must be as it came, in octets or as a str, not {type(text).__name__}")


def _in_lower_case(headers: Headers) -> dict[str, str]:
    pairs = headers.items() if isinstance(headers, Mapping) or hasattr(headers, "items") else headers
    return {_text(name).lower(): _text(value) for name, value in pairs}


def _text(given: Text) -> str:
    return given if isinstance(given, str) else given.decode("latin-1")


def _is(expected: bytes, given: str) -> bool:
    version, _, signature = given.partition(",")
    try:
        return version == "v1" and hmac.compare_digest(expected, base64.b64decode(signature, validate=True))
    except ValueError:
        return False
