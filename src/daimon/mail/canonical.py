"""Canonicalization of header fields and bodies for DKIM (RFC 6376 §3.4): the same for who signs and who verifies.

All of it is linear in what it is given, whatever that is.
"""

import re

# At the beginning of a line, and never looking back: of a long line without a colon, every octet could begin a name.
FIELD = re.compile(rb"(?m)^([!-9;-~]++)[ \t]*+:([^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*+)\r\n")
_LINE_ENDS_BACKWARDS = re.compile(rb"(?:\n\r)*+")


def relaxed_value(value: bytes) -> bytes:
    """Return the value of a field in its relaxed form (§3.4.2). A CRLF in it is a fold."""
    return b" ".join(filter(None, value.replace(b"\r\n", b"").replace(b"\t", b" ").split(b" ")))


def relaxed_field(name: bytes, value: bytes) -> bytes:
    """Return a field in its relaxed form, without a line end (§3.4.2)."""
    return name.lower() + b":" + relaxed_value(value)


def relaxed_body(body: bytes) -> bytes:
    """Return a body in its relaxed form (§3.4.4)."""
    lines = body.replace(b"\t", b" ")
    while b"  " in lines:  # each turn halves every run of blanks
        lines = lines.replace(b"  ", b" ")
    lines = _without_empty_end(lines.replace(b" \r\n", b"\r\n").rstrip(b" "))
    return lines + b"\r\n" if lines else b""


def simple_body(body: bytes) -> bytes:
    """Return a body in its simple form (§3.4.3)."""
    return _without_empty_end(body) + b"\r\n"


def _without_empty_end(lines: bytes) -> bytes:
    """Return lines without the line ends after the last that is not empty."""
    end = lines[len(lines.rstrip(b"\r\n")) :][::-1]
    found = _LINE_ENDS_BACKWARDS.match(end)
    return lines[: len(lines) - (found.end() if found else 0)]
