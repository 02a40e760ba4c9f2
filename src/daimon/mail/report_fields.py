"""What the parts of a report hold that are written for machines: blocks of fields, typed values, returned headers."""

import re
from collections.abc import Iterator, Sequence

from daimon.mail import bounds, charset, header, threading, transfer
from daimon.mail.header import Header
from daimon.mail.structure import Part

_FIELD = re.compile(r"\s{0,3}([A-Za-z][A-Za-z0-9-]{1,60})[ \t]{0,8}:(.*)\Z", re.DOTALL)
_TYPED = re.compile(r"\s*([A-Za-z0-9-]{1,40})\s*;(.*)\Z", re.DOTALL)
_COMMENT = re.compile(r"\s*\([^()]*\)\s*\Z")
_UNICODE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")  # RFC 6533 §3
_ADDRESS = re.compile(r"[^\s<>;,()]{1,200}@[^\s<>;,()]{1,255}")
_LINES = 10_000
_HEADER_OCTETS = 64 * bounds.KIB  # of a returned message

_RETURNED = ("message/rfc822", "message/global", "text/rfc822-headers", "text/rfc822-header", "message/rfc822-headers",
             "message/global-headers", "text/rfc822")  # fmt: skip


def content(octets: bytes, part: Part) -> bytes:
    """Return the beginning of a part's content, as far as reports are read."""
    encoded = octets[part.start : min(part.end, part.start + bounds.REPORT_OCTETS)]
    return transfer.decode(encoded, part.encoding)


def fields(octets: bytes) -> Iterator[tuple[str, str] | None]:
    """Yield the fields of a part, names in lower case and values unfolded; None stands for an empty line between."""
    name, value = "", [""]
    for line in charset.decode(octets)[0].split("\n", _LINES)[:_LINES]:
        text = line.rstrip()
        if line[:1] in " \t" and text and name:  # folded (RFC 5322 §2.2.3)
            value.append(text.strip())
            continue
        if name:
            yield name, " ".join(value)[: bounds.REPORT_VALUE_CHARS].strip()
            name = ""
        if match := _FIELD.match(text[: 2 * bounds.REPORT_VALUE_CHARS]):
            name, value = match[1].lower(), [match[2].strip()]
        elif not text:
            yield None
    if name:
        yield name, " ".join(value)[: bounds.REPORT_VALUE_CHARS].strip()


def typed(value: str) -> str | None:
    """Return a value without the type before it (`dns; mx.example.org`, RFC 3464 §2.1.2), None for an empty one."""
    match = _TYPED.match(value)
    return (match[2] if match else value).strip() or None


def host(value: str) -> str | None:
    """Return the name of an MTA without its type and whatever is added to it."""
    words = (typed(value) or "").split(None, 1)
    return words[0].rstrip(".") or None if words else None


def address(value: str) -> str | None:
    """Return the address of a recipient field: its type may be missing, and more may stand around it than should."""
    text = typed(value) or ""
    if "\\x{" in text:
        text = _UNICODE.sub(_character, text)
    text = _COMMENT.sub("", text).strip().strip("<>").strip()
    if match := _ADDRESS.search(text):
        return match[0].strip("<>\"'")
    return text or None


def is_returned(part: Part) -> bool:
    """Tell whether a part is the message that a report is about, or its header."""
    return part.content_type in _RETURNED


def returned_header(octets: bytes, parts: Sequence[Part]) -> Header | None:
    """Return the header of the message that a report is about, if it came along."""
    for part in parts:
        if is_returned(part):
            encoded = octets[part.start : min(part.end, part.start + _HEADER_OCTETS)]
            return header.read(transfer.decode(encoded, part.encoding).lstrip(b"\r\n"))
    return None


def original_message_id(returned: Header | None, top: Header) -> str | None:
    """Return the id of the message that a report is about: its own, or what the report says to answer."""
    own = threading.message_id(returned.first("message-id")) if returned else None
    return own or threading.message_id(top.first("in-reply-to")) or _last(top.first("references"))


def _last(references: str) -> str | None:
    return next(reversed(threading.message_ids(references)), None)


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return charset.clean(chr(code)) if code <= 0x10FFFF else charset.REPLACEMENT
