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

_LINE = re.compile(rb"([2-5][0-5]\d)(?:([ -])(.*))?\Z", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |\Z)")
_TOO_LONG = f"a line of more than {MAX_LINE} octets"
_CONTROLS = re.compile(r"[\x01-\x1f\x7f-\x9f\u2028\u2029]")


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
    """Cuts a stream into replies, until something comes that is none: `fault` says then what is wrong with it."""

    def __init__(self) -> None:
        self.fault: str | None = None
        self._partial = bytearray()
        self._lines: list[bytes] = []

    @property
    def empty(self) -> bool:
        """Whether nothing of a reply has come yet."""
        return not self._partial and not self._lines

    def feed(self, octets: bytes) -> list[RawReply]:
        """Return the replies that end in these octets; none that comes after a fault."""
        *ended, rest = octets.split(b"\n")
        if ended:
            ended[0] = bytes(self._partial) + ended[0]
            self._partial.clear()
        replies = []
        for line in ended:
            if self.fault:
                break
            if reply := self._line(line.removesuffix(b"\r")):
                replies.append(reply)
        self._partial += rest[: MAX_LINE + 1]
        if len(self._partial) > MAX_LINE:
            self.fault = self.fault or _TOO_LONG
        return replies

    def _line(self, line: bytes) -> RawReply | None:
        match = _LINE.match(line)
        if match is None or len(line) > MAX_LINE or len(self._lines) == MAX_LINES:
            self.fault = self._fault(line)
            return None
        self._lines.append(match[3] or b"")
        if match[2] == b"-":
            return None
        lines, self._lines = self._lines, []
        return RawReply(int(match[1]), lines)  # should the lines' codes differ, the last is what is meant

    def _fault(self, line: bytes) -> str:
        if len(line) > MAX_LINE:
            return _TOO_LONG
        if len(self._lines) == MAX_LINES:
            return f"a reply of more than {MAX_LINES} lines"
        return "a line that is no reply: " + _text(line[:100])
