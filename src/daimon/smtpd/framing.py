"""From a stream of octets to commands, data and chunks. Knows no socket and no dialogue.

    FramingError
    ├── BareLf, BareCr     a command does not end with CRLF
    ├── BareEnd            a lone dot stands between line ends that are not both CRLF
    ├── CommandTooLong     told once; the rest of the line is skipped
    ├── CommandEndless     and that line never ends
    ├── DataDropped        told at the end of data that were too big, or given up
    └── DataEndless        and those data never end

However the stream is cut into pieces, the same frames and errors come out.
"""

from collections.abc import Callable
from typing import Final

_END: Final = b"\r\n.\r\n"


class FramingError(Exception):
    """The octets are not the SMTP that was expected."""


class BareLf(FramingError):
    """A command ends with LF alone."""


class BareCr(FramingError):
    """A command holds a CR that no LF follows."""


class BareEnd(FramingError):
    """A lone dot stands between line ends that are not both CRLF."""


class CommandTooLong(FramingError):
    """A command line is longer than this server reads."""


class CommandEndless(FramingError):
    """A command line goes on and on."""


class DataDropped(FramingError):
    """The data were larger than the limit, or were given up; nothing of them is left."""


class DataEndless(FramingError):
    """The data go on and on beyond the limit."""


class Framer:
    """Cuts a stream into frames: commands at first, then what the dialogue says it expects."""

    def __init__(self, *, max_command: int, max_line: int, max_message_bytes: int) -> None:
        self._max_command = max_command
        self._max_line = max_line
        self._max_message_bytes = max_message_bytes
        # RFC 1870 §5 counts no stuffed dot; the worst case is `.CRLF`, three octets sent as four.
        self._max_wire = max_message_bytes + max_message_bytes // 3 + len(_END)
        self._buffer = bytearray()
        self._dropped = 0  # octets of the present frame that have left the buffer
        self._seen = 0  # octets of the buffer that hold no end of data
        self._stuffed = False  # a line of the data begins with a dot
        self._wanted = 0  # octets of the present chunk still to come
        self._keep = True  # whether data and chunk are wanted
        self.next: Callable[[], bytes | None] = self._command
        """Return the next frame, or None while it is not complete. Raises FramingError."""
        self.receiving = False  # data or a chunk are awaited, not a command

    def feed(self, octets: bytes) -> None:
        """Take octets from the wire."""
        self._buffer += octets

    def next_is(self, verb: bytes) -> bool:
        """Tell whether the octets at hand begin a command with this verb."""
        return self.next == self._command and self._buffer[: len(verb)].upper() == verb

    def clear(self) -> None:
        """Forget every octet that has not become a frame."""
        self._buffer.clear()
        self._expect(self._command)

    @property
    def held(self) -> int:
        """How many octets are in memory."""
        return len(self._buffer)

    # What the dialogue expects

    def expect_data(self) -> None:
        """Expect data up to CRLF.CRLF; the frame is without the dots that RFC 5321 §4.5.2 adds."""
        self._buffer[:0] = b"\r\n"  # so that a dot in the first place, too, stands behind a line end
        self._expect(self._data, receiving=True)

    def expect_chunk(self, size: int, *, keep: bool) -> None:
        """Expect a chunk of so many octets, whatever they are (RFC 3030 §2); not kept, its frame is empty."""
        self._expect(self._chunk, receiving=True)
        self._wanted = size
        self._keep = keep

    def give_up(self) -> None:
        """Keep nothing of the data or chunk now coming in; only their end is looked for."""
        self._keep = False

    def _expect(self, frame: Callable[[], bytes | None], *, receiving: bool = False) -> None:
        self.next = frame
        self.receiving = receiving
        self._dropped = self._seen = 0
        self._stuffed = False
        self._keep = True

    # Commands

    def _command(self) -> bytes | None:
        buffer = self._buffer
        if not buffer:
            return None
        end = buffer.find(b"\n", 0, self._max_command)
        if end < 0:
            self._check_partial_command()
            return None
        cr = buffer.find(b"\r", 0, end)
        if cr < 0:
            raise BareLf
        if cr != end - 1:
            raise BareCr
        line = bytes(buffer[:cr])
        del buffer[: end + 1]
        return line

    def _check_partial_command(self) -> None:
        window = min(len(self._buffer), self._max_command)
        if self._buffer.find(b"\r", 0, window - 1) >= 0:
            raise BareCr
        if window == self._max_command:
            self._expect(self._rest_of_command)
            raise CommandTooLong

    def _rest_of_command(self) -> bytes | None:
        buffer = self._buffer
        end = buffer.find(b"\n")
        if self._dropped + (end if end >= 0 else len(buffer)) > self._max_line:
            raise CommandEndless
        if end < 0:
            self._drop(all_but=1)
            return None
        if buffer[end - 1 : end] != b"\r":
            raise BareLf
        del buffer[: end + 1]
        self._expect(self._command)
        return self._command()

    # Data: a few searches a piece, and nothing is done by line

    def _data(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < len("\r\n.\n"):
            return None
        end = self._find_end()
        if self._dropped + (len(buffer) if end is None else end) > self._max_wire + self._max_message_bytes:
            raise DataEndless
        if end is not None:
            return self._finish_data(end)
        if not self._keep or self._dropped + len(buffer) > self._max_wire:
            self._keep = False
            self._drop(all_but=len(_END) - 1)
        self._seen = max(len(buffer) - len(_END) + 1, 0)
        return None

    def _find_end(self) -> int | None:
        """Return where the end of data begins. Raises BareEnd for what others were made to take for it.

        `LF.LF`, `LF.CRLF`, `CR.CRLF`, `CRLF.CR` and their kin smuggle a second mail in the body of a first, when
        one server takes them for the end and another does not (CVE-2023-51764).
        """
        buffer, seen = self._buffer, self._seen
        lf_dot = buffer.find(b"\n.", seen)
        end = lf_dot - 1 if buffer.startswith(_END, max(lf_dot - 1, 0)) else None
        cr_dot = buffer.find(b"\r.", seen, None if end is None else lf_dot)
        if cr_dot < 0 and (lf_dot < 0 or end is not None):
            return end  # most mails: no line begins with a dot
        self._stuffed = True
        return self._find_end_among_dots(lf_dot, cr_dot)

    def _find_end_among_dots(self, lf_dot: int, cr_dot: int) -> int | None:
        buffer = self._buffer
        lone = buffer.find(b"\n.\r", lf_dot) if lf_dot >= 0 else -1
        end = lone - 1 if lone > 0 and buffer.startswith(_END, lone - 1) else None
        bare = [] if lf_dot < 0 else [buffer.find(b"\n.\n", lf_dot)]
        if cr_dot >= 0:
            bare += buffer.find(b"\r.\r", cr_dot), buffer.find(b"\r.\n", cr_dot)
        # `CRLF.CR` is judged once the next octet is here.
        if lone >= 0 and end is None and (buffer[lone - 1 : lone] != b"\r" or len(buffer) > lone + 3):
            bare.append(lone)
        if any(place >= 0 and (end is None or place < end) for place in bare):
            raise BareEnd
        return end

    def _finish_data(self, end: int) -> bytes:
        kept, stuffed = self._keep, self._stuffed
        with memoryview(self._buffer) as view:
            octets = bytes(view[: end + 2] if stuffed else view[2 : end + 2]) if kept else b""
        del self._buffer[: end + len(_END)]
        self._expect(self._command)
        if stuffed:
            octets = octets.replace(b"\r\n.", b"\r\n")[2:]
        if not kept or len(octets) > self._max_message_bytes:
            raise DataDropped
        return octets

    # Chunks

    def _chunk(self) -> bytes | None:
        buffer, wanted = self._buffer, self._wanted
        if not self._keep:
            self._wanted -= min(wanted, len(buffer))
            del buffer[:wanted]
            if self._wanted:
                return None
            self._expect(self._command)
            return b""
        if len(buffer) < wanted:
            return None
        with memoryview(buffer) as view:
            octets = bytes(view[:wanted])
        del buffer[:wanted]
        self._expect(self._command)
        return octets

    def _drop(self, *, all_but: int) -> None:
        surplus = max(len(self._buffer) - all_but, 0)
        self._dropped += surplus
        del self._buffer[:surplus]
