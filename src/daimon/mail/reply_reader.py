"""What an SMTP server answers: octets to replies, within bounds (RFC 5321 §4.2, RFC 2034).

However the stream is cut into pieces, the same replies come out. No server can make a reader keep more than a reply of
the largest size, or look at an octet twice.
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from daimon.mail import charset

MAX_LINE: Final = 4_096  # octets; RFC 5321 §4.5.3.1.5 allows 512, and some servers explain at length
MAX_LINES: Final = 128
TEXT_CHARS: Final = 2_000

_LINE = re.compile(rb"([2-5][0-5]\d)(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |\Z)")
_CONTROLS = re.compile(r"[\x01-\x1f\x7f-\x9f\u2028\u2029]")


class NotReply(ValueError):
    """The octets are no SMTP reply; the text says why."""


class RawReply(NamedTuple):
    """A reply as it came, without codes and line ends."""

    code: int
    lines: list[bytes]


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply. `text` is valid Unicode on one line, without control characters, at most TEXT_CHARS long."""

    code: int
    enhanced_status: str | None
    text: str

    @classmethod
    def of(cls, raw: RawReply) -> Self:
        """Read an enhanced status code, off every line that has it. One of another class than the code is none."""
        lines = [_text(line) for line in raw.lines]
        match = _ENHANCED.match(lines[0])
        if match is None or match[1][0] != str(raw.code)[0]:
            return cls(raw.code, None, " ".join(lines)[:TEXT_CHARS])
        enhanced = match[1]
        text = " ".join(line.removeprefix(enhanced).lstrip() for line in lines)
        return cls(raw.code, enhanced, text[:TEXT_CHARS])

    @property
    def positive(self) -> bool:
        """Whether it is done as asked."""
        return 200 <= self.code < 300

    @property
    def negative(self) -> bool:
        """Whether it is refused, for now or for ever."""
        return self.code >= 400

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.enhanced_status, self.text)))


def _text(line: bytes) -> str:
    text, _ = charset.decode(line)
    return text if text.isascii() and text.isprintable() else _CONTROLS.sub(" ", text)


class ReplyReader:
    """Cuts a stream into replies. After NotReply it is of no more use."""

    def __init__(self) -> None:
        self._partial = bytearray()
        self._lines: list[bytes] = []

    @property
    def empty(self) -> bool:
        """Whether nothing of a reply has come yet."""
        return not self._partial and not self._lines

    def feed(self, octets: bytes) -> list[RawReply]:
        """Return the replies that end in these octets. Raises NotReply."""
        if self._partial:
            # The end of the line is looked for in the new octets alone: they may come one by one.
            end = octets.find(b"\n")
            self._partial += octets if end < 0 else octets[: end + 1]
            if end < 0 or len(self._partial) > MAX_LINE:
                return self._unfinished()
            octets = bytes(self._partial) + octets[end + 1 :]
            self._partial.clear()
        *lines, rest = octets.split(b"\n")
        self._partial += rest
        replies = [reply for line in lines if (reply := self._line(line.removesuffix(b"\r")))]
        self._unfinished()
        return replies

    def _unfinished(self) -> list[RawReply]:
        if len(self._partial) > MAX_LINE:
            raise NotReply(f"a line of more than {MAX_LINE} octets")
        return []

    def _line(self, line: bytes) -> RawReply | None:
        match = _LINE.fullmatch(line)
        if match is None or len(line) > MAX_LINE:
            raise NotReply("a line that is no reply: " + _text(line[:100]))
        if len(self._lines) == MAX_LINES:
            raise NotReply(f"a reply of more than {MAX_LINES} lines")
        self._lines.append(match[3] or b"")
        if match[2] == b"-":
            return None
        lines, self._lines = self._lines, []
        return RawReply(int(match[1]), lines)  # should the lines' codes differ, the last is what is meant
