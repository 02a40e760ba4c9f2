"""One connection to a mail host: octets out, replies in, each stage within its time."""

import asyncio
import contextlib
import math
import ssl
from collections import deque
from typing import Final, Self, cast

from daimon.mail.reply_reader import RawReply, Reply, ReplyReader
from daimon.outbound.smtp_failures import (
    ConnectFailed,
    Disconnected,
    ProtocolBroken,
    SmtpFailure,
    Stage,
    Stalled,
    TlsFailed,
)

_PIECE: Final = 131_072
SERVICE_CLOSING: Final = 421  # RFC 5321 §3.8: may come at any time
_TLS_GOODBYE: Final = 2.0  # seconds


class Wire(asyncio.Protocol):
    """Knows how many replies are owed for what was written: a server that says more is not believed any more."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._reader = ReplyReader()
        self._replies: deque[RawReply] = deque()
        self._owed = 0
        self._unasked: RawReply | None = None
        self._broken: str | None = None
        self._lost: str | None = None
        self._full = False  # the transport has enough to write
        self._late = False
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._ended: asyncio.Future[None] = self._loop.create_future()

    @classmethod
    async def connect(cls, address: str, port: int, seconds: float) -> Self:
        """Connect to an address. Raises ConnectFailed."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                _, wire = await loop.create_connection(cls, address, port)
        except TimeoutError:
            raise ConnectFailed(Stage.CONNECT, f"{address} took more than {seconds:g} s") from None
        except (OSError, ValueError) as error:
            raise ConnectFailed(Stage.CONNECT, str(error)) from None
        return wire

    # The transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no common class
        self._owed = 1  # the greeting

    def data_received(self, octets: bytes) -> None:
        """Note the replies that are complete."""
        if self._broken or self._unasked:
            return
        self._note(self._reader.feed(octets))
        if self._reader.fault:
            self._broken = self._reader.fault
            self._transport.abort()
        self._wake()

    def eof_received(self) -> None:
        """Nothing more will be said, and so there is no use in saying anything."""
        self._lost = self._lost or "the server closed the connection"
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """It is over."""
        self._lost = self._lost or (str(error) if error else "the connection was closed")
        if not self._ended.done():
            self._ended.set_result(None)
        self._wake()

    def pause_writing(self) -> None:
        """Wait with what is still to write."""
        self._full = True

    def resume_writing(self) -> None:
        """Go on writing."""
        self._full = False
        self._wake()

    def _note(self, replies: list[RawReply]) -> None:
        for reply in replies:
            if len(self._replies) < self._owed:
                self._replies.append(reply)
            else:
                self._unasked = reply
                self._transport.pause_reading()
                return

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _news(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    # The dialogue calls

    @property
    def quiet(self) -> bool:
        """Whether the connection stands, and nothing was said that nobody asked for."""
        return not (self._lost or self._broken or self._unasked or self._replies) and self._reader.empty

    def write(self, octets: bytes, *, replies: int, stage: Stage) -> None:
        """Send commands, to which so many replies are owed. Raises SmtpFailure if the server spoke out of turn."""
        if not self.quiet:
            raise self._trouble(stage)
        self._owed += replies
        self._transport.write(octets)

    async def reply(self, stage: Stage, seconds: float) -> Reply:
        """Return the next reply that is owed. Raises SmtpFailure."""
        return Reply.of(await self.raw_reply(stage, seconds))

    async def raw_reply(self, stage: Stage, seconds: float, *, until: float = math.inf) -> RawReply:
        """Return the next reply that is owed, as it came, within seconds and until a moment. Raises SmtpFailure."""
        if not self._replies:
            await self._until_replied(stage, min(self._loop.time() + seconds, until))
        self._owed -= 1
        return self._replies.popleft()

    def within(self, seconds: float) -> float:
        """Return the moment in so many seconds."""
        return self._loop.time() + seconds

    async def _until_replied(self, stage: Stage, moment: float) -> None:
        # asyncio.timeout() would do, at a tenth of what a message costs.
        self._late = False
        alarm = self._loop.call_at(moment, self._ring)
        try:
            while not self._replies:
                if self._lost or self._broken:
                    raise self._trouble(stage)
                if self._late:
                    raise Stalled(stage, "the server took longer to reply than it may")
                await self._news()
        finally:
            alarm.cancel()

    def _ring(self) -> None:
        self._late = True
        self._wake()

    async def pour(self, octets: bytes, seconds: float) -> Reply | None:
        """Write a message, but not its end; return what the server says meanwhile that ends it. Raises SmtpFailure."""
        try:
            async with asyncio.timeout(seconds):
                for start in range(0, len(octets), _PIECE):
                    if reply := await self._interruption():
                        return reply
                    self._transport.write(octets[start : start + _PIECE])
                return await self._interruption()
        except TimeoutError:
            raise Stalled(Stage.CONTENT, f"the message was not taken within {seconds:g} s") from None

    async def _interruption(self) -> Reply | None:
        """Wait until there is room to write. Return a refusal that came instead."""
        await asyncio.sleep(0)  # the loop looks at what has come, before a socket that was reset is written to
        while (self._full or self._transport.is_closing()) and self.quiet:
            await self._news()
        if self.quiet:
            return None
        if self._unasked is not None and (reply := Reply.of(self._unasked)).negative:
            return reply
        raise self._trouble(Stage.CONTENT)

    def _trouble(self, stage: Stage) -> SmtpFailure:
        if self._broken:
            return ProtocolBroken(stage, self._broken)
        if self._unasked is not None:
            reply = Reply.of(self._unasked)
            if reply.code == SERVICE_CLOSING:
                return Disconnected(stage, "the server closed the connection", reply)
            return ProtocolBroken(stage, "a reply that nobody asked for", reply)
        if not self._reader.empty and not self._lost:
            return ProtocolBroken(stage, "the beginning of a reply that nobody asked for")
        return Disconnected(stage, self._lost or "the connection was closed")

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str | None, seconds: float) -> ssl.SSLObject:
        """Shake hands. Raises TlsFailed; ProtocolBroken if the server spoke before.

        What was said in clear text could be anybody's, and must not be taken for what the server says under TLS.
        """
        if not self.quiet:
            raise ProtocolBroken(Stage.STARTTLS, "the server sent more than its consent before the handshake")
        try:
            async with asyncio.timeout(seconds):
                await self._shake_hands(context, server_hostname)
        except TimeoutError:
            raise TlsFailed(Stage.STARTTLS, f"the handshake took more than {seconds:g} s") from None
        except (OSError, ValueError) as error:  # ValueError: a host name that TLS cannot say
            raise TlsFailed(Stage.STARTTLS, _said(error)) from None
        if (tls := self._transport.get_extra_info("ssl_object")) is None or tls.version() is None:
            raise TlsFailed(Stage.STARTTLS, "the connection was closed in the handshake")
        return cast("ssl.SSLObject", tls)

    async def _shake_hands(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        raw = self._transport
        try:
            upgraded = await self._loop.start_tls(
                raw, self, context, server_hostname=server_hostname, ssl_shutdown_timeout=_TLS_GOODBYE
            )
        except BaseException:
            raw.abort()
            raise
        if upgraded is None:
            raise ConnectionResetError("the connection was closed in the handshake")
        self._transport = upgraded

    async def close(self, seconds: float) -> None:
        """Close in good order, or else at once."""
        self._transport.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.shield(self._ended)
        self._transport.abort()

    def abort(self) -> None:
        """Close at once: what was not written is dropped."""
        self._lost = self._lost or "we closed the connection"
        self._transport.abort()


def _said(error: Exception) -> str:
    """Return what a handshake failed of, without OpenSSL's file and line."""
    verdict = getattr(error, "verify_message", None)
    return str(verdict or getattr(error, "reason", None) or error) or "the connection was closed in the handshake"
