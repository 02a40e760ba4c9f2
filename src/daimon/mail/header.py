"""The header section of a mail or of a part (RFC 5322 §2.2), as far as it goes and never further than asked."""

import re
from typing import NamedTuple

from daimon.mail import bounds, charset, encoded_word

# A field: name, colon, value with its folded lines (§2.2.3). The possessive quantifiers never look back.
_FIELD = re.compile(r"(?!--)([!-9;-~]{1,256}+)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)(?:\n|\Z)")
_FIELDS_ALONE = re.compile(rf"(?:{_FIELD.pattern})*+\Z")
_BLANK = " \t\n\r\x0b\x0c"
_KNOWN = re.compile(
    r"(?i)(?:from|to|cc|bcc|subject|date|received|message-id|mime-version|return-path|reply-to|sender|references"
    r"|in-reply-to|delivered-to|content-[a-z-]{2,40}|dkim-signature|list-[a-z-]{2,40}|arc-[a-z-]{2,40}|x-[!-9;-~]{1,80})"
    r"[ \t]*+:"
)


class Header(NamedTuple):
    """The fields of a header section: names in lower case and in order, values unfolded, encoded words left alone."""

    fields: dict[str, list[str]]
    body: int  # where the body starts
    cut: bool  # there was more than the bounds allow
    odd: bool  # there were lines that are no field

    def first(self, name: str) -> str:
        """Return the first value of a field, empty if there is none."""
        values = self.fields.get(name)
        return values[0] if values else ""

    def text(self, name: str) -> str:
        """Return the first value of a field with its encoded words decoded (RFC 2047)."""
        return encoded_word.decode(self.first(name))

    def every(self, name: str) -> str:
        """Return all values of a field that may be split over several, joined by commas."""
        return ", ".join(self.fields.get(name, ()))


def read(
    octets: bytes,
    start: int = 0,
    *,
    octets_kept: int = bounds.HEADER_OCTETS,
    fields_kept: int = bounds.HEADER_FIELDS,
    field_octets: int = bounds.FIELD_OCTETS,
    section_within: int | None = None,
) -> Header:
    """Read the header section that starts at `start`. A line that is no field ends it, or is passed over.

    `section_within` is how far its end is looked for: a mail of many parts would have each look to the very end.
    """
    end = len(octets) if section_within is None else min(len(octets), start + section_within)
    close, body = _section(octets, start, end)
    section = octets[start : min(close, start + octets_kept)]
    is_plain = section.isascii() and b"\x00" not in section
    lines = section.decode("latin-1")  # one character for each octet: a place in one is the same place in the other
    found, stop, odd = _split(lines, fields_kept)
    cut = close - start > len(section) or len(found) > fields_kept
    fields: dict[str, list[str]] = {}
    for name, written in found[:fields_kept]:
        value = written.strip(_BLANK)
        if len(value) > field_octets:
            value, cut = value[:field_octets], True
        if "\n" in value:
            value = value.replace("\r\n", "").replace("\n", "")
        fields.setdefault(name.lower(), []).append(value if is_plain else _decoded(value))
    return Header(fields, body if stop is None else start + stop, cut, odd)


def _split(lines: str, most: int) -> tuple[list[tuple[str, str]], int | None, bool]:
    """Return names and values, where they stop before the end if they do, and whether other lines are among them."""
    if _FIELDS_ALONE.match(lines):
        return _FIELD.findall(lines), None, False
    found: list[tuple[str, str]] = []
    at, odd = 0, False
    while at < len(lines) and len(found) <= most:  # one more says that some are cut
        match = _FIELD.match(lines, at)
        if match is not None:
            found.append((match[1], match[2]))
            at = match.end()
            continue
        if lines.startswith("--", at):  # a delimiter line: the part has no empty line and no body
            return found, at, odd
        odd = True
        newline = lines.find("\n", at)
        following = len(lines) if newline < 0 else newline + 1
        if not _passable(lines, at, following):
            return found, at, odd
        at = following
    return found, None, odd


def _decoded(value: str) -> str:
    """Return what octets say that were read as Latin-1: nearly always they are UTF-8 (RFC 6532)."""
    return value if value.isascii() and "\x00" not in value else charset.decode(value.encode("latin-1"))[0]


def _section(octets: bytes, start: int, end: int) -> tuple[int, int]:
    """Return where the fields end and where the body starts: at the first empty line, else at the end."""
    if octets.startswith(b"\r\n", start, end):
        return start, start + 2
    if octets.startswith(b"\n", start, end):
        return start, start + 1
    crlf = octets.find(b"\n\r\n", start, end)
    lf = octets.find(b"\n\n", start, end if crlf < 0 else crlf)
    if lf >= 0:
        return lf + 1, lf + 2
    return (end, end) if crlf < 0 else (crlf + 1, crlf + 3)


def _passable(lines: str, at: int, following: int) -> bool:
    """Tell whether a line that is no field stands amid fields, rather than at the start of a body."""
    if lines.startswith(("From ", ">From "), at):  # the mbox separator
        return True
    if lines.startswith((" ", "\t"), at):  # a folded line without the line it continues
        return True
    return following >= len(lines) or _KNOWN.match(lines, following) is not None
