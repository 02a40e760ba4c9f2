"""Checking that a request came from a webhook: Standard Webhooks (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping

from daimon_email._reading import decode
from daimon_email.errors import InvalidSignature
from daimon_email.models import Event

TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"


def verify(body: bytes | str, headers: Mapping[str, str], secret: str) -> Event:
    """Return the event in a webhook's request, if it is ours and not older than five minutes.

    Args:
        body: The request's body, octet by octet as it came.
        headers: The request's headers, in any case.
        secret: The webhook's secret, `whsec_…`.

    Raises:
        InvalidSignature: It was not signed with this secret, or too long ago.
    """
    octets = body.encode() if isinstance(body, str) else body
    found = {name.lower(): value for name, value in headers.items()}
    moment = found.get("webhook-timestamp", "")
    if not moment.isascii() or not moment.isdigit() or abs(time.time() - int(moment[:15])) > TOLERANCE_SECONDS:
        raise InvalidSignature("The request has no time of its signature, or it is not of the last five minutes.")
    signed = b".".join((found.get("webhook-id", "").encode(), moment.encode(), octets))
    expected = hmac.new(_key_of(secret), signed, hashlib.sha256).digest()
    if not any(_is(expected, each) for each in found.get("webhook-signature", "").split()):
        raise InvalidSignature("The request was not signed with this secret, or its body is not as it came.")
    return decode(Event, json.loads(octets))


def _key_of(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        raise ValueError("the secret is not one of a webhook: whsec_ and base64") from None


def _is(expected: bytes, given: str) -> bool:
    version, _, signature = given.partition(",")
    try:
        return version == "v1" and hmac.compare_digest(expected, base64.b64decode(signature, validate=True))
    except ValueError:
        return False
