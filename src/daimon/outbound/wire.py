"""The octets of an SMTP connection: lines written, replies read, TLS begun. Whatever the other side sends is bounded.

A protocol of our own instead of streams: what comes before a TLS handshake must not be read as if it came under TLS.
"""

import asyncio
import re
import ssl
from typing import NamedTuple, cast

MOST_REPLY_OCTETS = 64 * 1024
MOST_REPLY_LINES = 200
MOST_TEXT_CHARS = 2_000
_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?\Z", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:[ \t]|\Z)")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")


class Broken(Exception):
    """The connection is of no use any more: it was lost, it stalled, or nonsense came over it."""


class Reply(NamedTuple):
    """What a server says (RFC 5321 §4.2): the code, an enhanced one if there is one (RFC 2034), the text."""

    code: int
    enhanced_status: str | None
    text: str
    lines: tuple[str, ...]


class Wire(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._why_lost: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; after a handshake once more."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass

    def data_received(self, data: bytes) -> None:
        """Keep what comes, up to a bound that no server needs."""
        self._buffer += data
        if len(self._buffer) > MOST_REPLY_OCTETS:
            self._lose("it sends more than any reply has")
        self._wake()

    def eof_received(self) -> bool:
        """End with the other side."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Remember why."""
        if self._why_lost is None:
            self._why_lost = f"the connection was lost: {error}" if error else "the server closed the connection"
        self._room.set()
        self._wake()

    def pause_writing(self) -> None:
        """Hold on: the other side does not read as fast as we write."""
        self._room.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._room.set()

    @property
    def tls_version(self) -> str | None:
        """Return the version of TLS that is spoken, None for clear text."""
        tls = self._transport.get_extra_info("ssl_object") if self._transport else None
        return tls.version() if tls else None

    @property
    def is_quiet(self) -> bool:
        """Tell whether the connection is open and nothing has come unasked."""
        return self._why_lost is None and not self._buffer

    def write(self, octets: bytes) -> None:
        """Send octets. Raises Broken."""
        if self._why_lost or self._transport is None:
            raise Broken(self._why_lost or "there is no connection")
        self._transport.write(octets)

    async def drained(self, seconds: float) -> None:
        """Wait until most of what was written is sent. Raises Broken."""
        if not self._room.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._room.wait()
            except TimeoutError:
                self._lose(f"the server took nothing for {seconds:.0f} seconds")
        if self._why_lost:
            raise Broken(self._why_lost)

    async def reply(self, seconds: float) -> Reply:
        """Return the next reply. Raises Broken; the seconds are for the whole of it."""
        if (found := self._taken()) is not None:
            return found
        try:
            async with asyncio.timeout(seconds):
                while (found := self._taken()) is None:
                    await self._more()
        except TimeoutError:
            self._lose(f"the server did not answer for {seconds:.0f} seconds")
            raise Broken(self._why_lost) from None
        return found

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str | None, seconds: float) -> ssl.SSLObject:
        """Shake hands. Raises Broken; what came before the handshake is never read as if it was said under TLS."""
        assert self._transport is not None
        if self._buffer:
            raise Broken("the server went on in clear text after its reply to STARTTLS")
        try:
            transport = await self._loop.start_tls(
                self._transport, self, context, server_hostname=server_hostname or "", ssl_handshake_timeout=seconds
            )
        except (OSError, ssl.SSLError, ValueError) as error:
            self.abort()
            raise Broken(f"the TLS handshake failed: {error}") from error
        assert transport is not None
        self._transport = transport
        tls: ssl.SSLObject = transport.get_extra_info("ssl_object")
        return tls

    def close(self) -> None:
        """Send what is written, and hang up."""
        if self._transport:
            self._transport.close()

    def abort(self) -> None:
        """Hang up at once: nothing that is still unsent will be."""
        if self._transport:
            self._transport.abort()

    async def _more(self) -> None:
        if self._why_lost:
            raise Broken(self._why_lost)
        self._waiter = self._loop.create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def _lose(self, why: str) -> None:
        if self._why_lost is None:
            self._why_lost = why
        self.abort()

    def _taken(self) -> Reply | None:
        """Return a reply that has come whole, and take it out of the buffer. Raises Broken for what is none."""
        buffer, at, lines = self._buffer, 0, list[str]()
        while (end := buffer.find(b"\n", at)) >= 0:
            match = _LINE.match(bytes(buffer[at:end]).rstrip(b"\r"))
            if match is None or len(lines) >= MOST_REPLY_LINES:
                self._lose("what the server says is no SMTP")
                raise Broken("what the server says is no SMTP")
            at = end + 1
            lines.append((match[3] or b"").decode("utf-8", "replace"))
            if match[2] != b"-":
                del buffer[:at]
                return _reply(int(match[1]), lines)
        return None


def _reply(code: int, lines: list[str]) -> Reply:
    """Return a reply; its text has the enhanced code taken off each line."""
    found = _ENHANCED.match(lines[0])
    kept = [_CONTROLS.sub(" ", _ENHANCED.sub("", line, count=1) if found else line).strip() for line in lines]
    return Reply(code, found[1] if found else None, " ".join(filter(None, kept))[:MOST_TEXT_CHARS], tuple(lines))
