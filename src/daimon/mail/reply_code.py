"""Reply codes and enhanced status codes within free text (RFC 5321 §4.2, RFC 3463)."""

import re
from typing import NamedTuple

_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_BOTH = re.compile(r"(?<![\w.])([245][0-5]\d)[ \t#:;,-]{1,4}([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_SPOKEN = re.compile(
    r"(?i)(?:said|error|code|returned|response|reply|result|status|smtp;|smtp)[ :=\"'(\[#]{1,4}([45][0-5]\d)\b"
)
_STARTING = re.compile(r"(?m)^[ \t>(\"'<#]{0,8}([45][0-5]\d)(?=[ \t\-#:;,)]|$)")
_ANYWHERE = re.compile(r"(?<![\w.@+:/-])([45][0-5]\d)(?=[ \-#:;,)\"']|\.?$)")


class Codes(NamedTuple):
    """A reply code such as 550, and an enhanced status code such as `5.1.1`."""

    smtp_code: int | None
    status: str | None


def find(text: str) -> Codes:
    """Return the codes that a text tells, at best the two that stand together."""
    if both := _BOTH.search(text):
        return Codes(int(both[1]), both[2])
    enhanced = _ENHANCED.search(text)
    code = _SPOKEN.search(text) or _STARTING.search(text) or _ANYWHERE.search(text)
    return Codes(int(code[1]) if code else None, enhanced[1] if enhanced else None)


def is_vague(status: str | None) -> bool:
    """Tell whether an enhanced code says no more than its class (RFC 3463 §3.1)."""
    return status is None or status.endswith(".0.0")
