"""The parts of a mail (RFC 2046), found in one pass from left to right, without recursion and without copies.

Delimiter lines are looked up among the multiparts open at that point; an outer delimiter closes whatever is open
within. Nothing that a mail can hold makes this more than linear, and every count ends at a bound.
"""

import re
from typing import NamedTuple

from daimon.mail import bounds, header, parameters
from daimon.mail.header import Header
from daimon.mail.parsed import Finding

_LONGEST_LINE = 1_000  # RFC 5322 §2.1.1; no delimiter is longer
_BLANK = b" \t\r"
# A line that can only be a delimiter: a part's header, or the empty line of one without, comes after it.
_DELIMITER = re.compile(rb"(?i)\n--([^\s]{1,200}+)[ \t]*+\r?\n(?:content-|\r?\n)")


class Part(NamedTuple):
    """A leaf: what it says of itself, and where its encoded content lies in the octets."""

    content_type: str
    parameters: dict[str, str]
    disposition: str  # empty if it declares none
    filename: str | None
    content_id: str | None
    encoding: str
    alternative: int | None  # which multipart/alternative it stands in, the innermost
    start: int
    end: int


class Structure(NamedTuple):
    """The leaves in order, and what was odd about the whole."""

    parts: tuple[Part, ...]
    findings: tuple[Finding, ...]


class _Multipart(NamedTuple):
    boundary: bytes
    subtype: str
    alternative: int | None


def read(octets: bytes, top: Header) -> Structure:
    """Find the leaves of a mail whose header has been read."""
    reader = _Reader(octets)
    reader.walk(top)
    if not reader.parts and reader.multiparts:  # the declared boundary never comes
        if boundary := _boundary(octets, top.body):
            reader = _Reader(octets, boundary=boundary)
            reader.walk(top)
        reader.note("broken_mime", "The mail says that it has parts, but not as it says.")
    return Structure(tuple(reader.parts) or (_text(top.body, len(octets)),), tuple(reader.findings.values()))


def text_of(octets: bytes, top: Header) -> Part | None:
    """Return the body of a mail that is a single text, without looking for parts; None for any other mail."""
    kind, params = parameters.parse(top.first("content-type"))
    if kind not in ("", "text/plain", "text/html", "text"):
        return None
    return _text(top.body, len(octets))._replace(
        content_type="text/html" if kind == "text/html" else "text/plain", parameters=params, encoding=_encoding(top)
    )


class _Reader:
    """Walks from delimiter to delimiter; `open` says which multiparts those may belong to."""

    def __init__(self, octets: bytes, *, boundary: bytes = b"") -> None:
        self.octets = octets
        self.boundary = boundary  # of the outermost multipart, if not the one it declares
        self.parts: list[Part] = []
        self.open: list[_Multipart] = []
        self.depth_of: dict[bytes, int] = {}
        self.leaf: Part | None = None  # begun, its end not yet known
        self.multiparts = 0
        self.candidates = 0
        self.findings: dict[str, Finding] = {}

    def walk(self, top: Header) -> None:
        at = top.body
        self.begin(top)
        while self.open:
            line = self.next_delimiter(at)
            if line is None:
                break
            start, at, depth, closing = line
            self.finish(start)
            if len(self.parts) >= bounds.PARTS:
                self.note("parts_cut", self.how_many_parts())
                break
            self.close(depth if closing else depth + 1)
            if not closing:
                inner = header.read(
                    self.octets, at, octets_kept=bounds.PART_HEADER_OCTETS, section_within=bounds.PART_HEADER_OCTETS
                )
                at = inner.body
                self.begin(inner)
        self.finish(len(self.octets))

    def begin(self, head: Header) -> None:
        """Open the multipart that a header announces, or begin a leaf."""
        within = self.open[-1] if self.open else None
        kind, params = parameters.parse(head.first("content-type"))
        if kind.startswith("multipart/") and self.enter(kind[10:], params, head.body, within):
            return
        if "/" not in kind or (within is None and kind.startswith("multipart/")):
            # RFC 2045 §5.2, RFC 2046 §5.1.5
            kind = "message/rfc822" if within and within.subtype == "digest" else "text/plain"
        stated = head.first("content-disposition")
        disposition, disposition_params = parameters.parse(stated) if stated else ("", {})
        content_id = head.first("content-id")
        self.leaf = Part(
            content_type=kind,
            parameters=params,
            disposition=disposition,
            filename=parameters.filename(disposition_params, params),
            content_id=content_id.strip(" <>")[: bounds.FILENAME_CHARS] or None if content_id else None,
            encoding=_encoding(head),
            alternative=within.alternative if within else None,
            start=head.body,
            end=head.body,
        )

    def enter(self, subtype: str, params: dict[str, str], body: int, within: _Multipart | None) -> bool:
        """Open a multipart, unless it has no usable boundary or lies too deep."""
        if len(self.open) >= bounds.NESTING or self.multiparts >= bounds.CONTAINERS:
            self.note("nesting_cut", f"Parts nested more than {bounds.NESTING} deep are kept as one attachment.")
            return False
        boundary = params.get("boundary", "").encode("utf-8", "replace").rstrip(_BLANK)
        if self.boundary and not self.open:
            boundary = self.boundary
        elif not boundary:
            self.note("broken_mime", "A multipart does not name its boundary.")
            boundary = _boundary(self.octets, body)
        self.multiparts += 1
        if not boundary or boundary in self.depth_of:  # the outer multipart's delimiters are the outer's
            return bool(self.open)
        alternative = self.multiparts if subtype == "alternative" else within and within.alternative
        self.depth_of[boundary] = len(self.open)
        self.open.append(_Multipart(boundary, subtype, alternative))
        return True

    def next_delimiter(self, at: int) -> tuple[int, int, int, bool] | None:
        """Return a delimiter line's start and end, the depth of its multipart, and whether it closes that."""
        octets = self.octets
        dashes = at if octets.startswith(b"--", at) else octets.find(b"\n--", max(at - 1, 0)) + 1
        while dashes > 0:
            self.candidates += 1
            if self.candidates > bounds.DELIMITER_CANDIDATES:
                self.note("parts_cut", "Too many lines look like delimiters; the rest is one part.")
                return None
            newline = octets.find(b"\n", dashes, dashes + _LONGEST_LINE)
            end = newline + 1 if newline >= 0 else min(len(octets), dashes + _LONGEST_LINE)
            text = octets[dashes + 2 : end].rstrip(b" \t\r\n")
            depth = self.depth_of.get(text)
            if depth is not None:
                return dashes, end, depth, False
            if text.endswith(b"--") and (depth := self.depth_of.get(text[:-2])) is not None:
                return dashes, end, depth, True
            dashes = octets.find(b"\n--", end - 1) + 1
        return None

    def finish(self, end: int) -> None:
        """End the leaf that was begun; the line break before a delimiter belongs to that (RFC 2046 §5.1.1)."""
        leaf, self.leaf = self.leaf, None
        if leaf is None:
            return
        if end < len(self.octets) and self.octets.startswith(b"\n", end - 1):
            end -= 1
            end -= self.octets.startswith(b"\r", end - 1)
        self.parts.append(Part(*leaf[:-1], max(end, leaf.start)))

    def close(self, depth: int) -> None:
        """Close every multipart from that depth inwards."""
        while len(self.open) > depth:
            del self.depth_of[self.open.pop().boundary]

    def how_many_parts(self) -> str:
        seen = max(self.octets.count(b"\n--" + multipart.boundary) for multipart in self.open)
        return f"The first {bounds.PARTS} of about {max(seen, bounds.PARTS)} parts are shown."

    def note(self, kind: str, detail: str) -> None:
        self.findings.setdefault(kind, Finding(kind, detail))


def _encoding(head: Header) -> str:
    stated = head.first("content-transfer-encoding")
    return parameters.parse(stated)[0] if stated else ""


def _boundary(octets: bytes, body: int) -> bytes:
    """Return the boundary that a multipart's body uses, whatever its header says; empty if there is none."""
    match = _DELIMITER.search(octets, max(0, body - 1), body + bounds.PART_HEADER_OCTETS)
    return match[1] if match else b""


def _text(start: int, end: int) -> Part:
    return Part("text/plain", {}, "", None, None, "", None, start, end)
