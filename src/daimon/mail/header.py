"""The header section of a mail or of a part (RFC 5322 §2.2), as far as it goes and never further than asked."""

import re
from typing import NamedTuple

from daimon.mail import bounds, charset, encoded_word

# A field: name, colon, value with its folded lines (§2.2.3). The possessive quantifiers never look back.
_FIELD = re.compile(rb"([!-9;-~]{1,256}+)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)(?:\n|\Z)")
_FOLD = re.compile(rb"\r?\n")
_KNOWN = re.compile(
    rb"(?i)(?:from|to|cc|bcc|subject|date|received|message-id|mime-version|return-path|reply-to|sender|references"
    rb"|in-reply-to|delivered-to|content-[a-z-]{2,40}|dkim-signature|list-[a-z-]{2,40}|arc-[a-z-]{2,40}|x-[!-9;-~]{1,80})"
    rb"[ \t]*+:"
)


class Header(NamedTuple):
    """The fields of a header section in order, names in lower case and values raw but unfolded."""

    fields: tuple[tuple[str, bytes], ...]
    body: int  # where the body starts
    cut: bool  # there was more than the bounds allow
    odd: bool  # there were lines that are no field

    def first(self, name: str) -> bytes:
        """Return the first value of a field, empty if there is none."""
        for field, value in self.fields:
            if field == name:
                return value
        return b""

    def text(self, name: str) -> str:
        """Return the first value of a field, decoded."""
        return decode(self.first(name))

    def every(self, name: str) -> bytes:
        """Return all values of a field that may be split over several, joined by commas."""
        return b", ".join(value for field, value in self.fields if field == name)


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
    kept = min(close, start + octets_kept)
    fields: list[tuple[str, bytes]] = []
    at, odd, cut = start, False, close > kept
    while at < kept:
        if len(fields) == fields_kept:
            return Header(tuple(fields), body, True, odd)
        if octets.startswith(b"--", at, kept):  # a delimiter line: the part has no empty line and no body
            return Header(tuple(fields), at, cut, odd)
        match = _FIELD.match(octets, at, kept)
        if match is not None:
            value = match[2].strip()
            if len(value) > field_octets:
                value, cut = value[:field_octets], True
            fields.append((match[1].decode("ascii").lower(), _FOLD.sub(b"", value) if b"\n" in value else value))
            at = match.end()
            continue
        odd = True
        newline = octets.find(b"\n", at, kept)
        following = kept if newline < 0 else newline + 1
        if not _passable(octets, at, following, kept):
            return Header(tuple(fields), at, cut, odd)
        at = following
    return Header(tuple(fields), body, cut, odd)


def decode(value: bytes) -> str:
    """Return a raw value as text, encoded words included (RFC 2047, RFC 6532)."""
    return encoded_word.decode(as_text(value))


def as_text(value: bytes) -> str:
    """Return a raw value as text, encoded words left alone."""
    return value.decode("ascii") if value.isascii() and b"\x00" not in value else charset.decode(value)[0]


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


def _passable(octets: bytes, at: int, following: int, kept: int) -> bool:
    """Tell whether a line that is no field stands amid fields, rather than at the start of a body."""
    if octets.startswith((b"From ", b">From "), at):  # the mbox separator
        return True
    if octets.startswith((b" ", b"\t"), at):  # a folded line without the line it continues
        return True
    return following >= kept or _KNOWN.match(octets, following, kept) is not None
