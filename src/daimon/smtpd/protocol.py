"""One connection: octets in, replies out, and what is waited for in between.

Everything runs in the event loop's callbacks; a task exists only while a look-up or a commit does.
"""

import asyncio
import contextlib
import math
from collections import deque
from ipaddress import ip_address
from typing import Any, TypeAlias, cast

from daimon.kit.log import Log
from daimon.smtpd import metrics, proxy, replies
from daimon.smtpd.framing import Framer, FramingError
from daimon.smtpd.house import House
from daimon.smtpd.limits import SMALL, network_of, plain_ip
from daimon.smtpd.replies import Reply
from daimon.smtpd.transaction import Commit, Lookup

_log = Log(__name__)

_Waiting: TypeAlias = tuple["asyncio.Future[Any]", Lookup | Commit]


class Connection(asyncio.Protocol):
    """Reads, lets the session answer, writes the replies of all pipelined commands at once."""

    _transport: asyncio.Transport

    def __init__(self, house: House) -> None:
        policy = house.policy
        self._house = house
        self._framer = Framer(
            max_command=policy.max_command,
            max_line=policy.max_line,
            max_message_bytes=policy.max_message_bytes,
        )
        self._session = house.dialogue(
            self._framer, policy=policy, clock=house.clock, tls_offered=house.tls is not None
        )
        self._out: list[bytes] = []
        self._waiting: deque[Reply | _Waiting] = deque()  # in the order of the commands
        self._committing = False
        self._entered = False
        self._network: str | None = None  # whose place we sit on
        self._preamble: bytearray | None = None  # of a PROXY header that is not complete
        self._deadline = math.inf
        self._mail_deadline = math.inf
        self._wake = self._on_room  # one bound method: it is our key in the Room
        self._holding = self._starved = False
        self._upgrading = self._secured = False
        self._handshake: asyncio.Task[None] | None = None
        self._draining = False
        self._closing = self._lingers = self._ended = self._closed = False
        self._choked = self._paused = self._eof = False
        self._hears = True  # neither closing, nor upgrading, nor choked

    # The transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or refuse at the door."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no common class
        transport = self._transport
        house = self._house
        house.enter(self)
        metrics.connections.inc()
        peer = transport.get_extra_info("peername")
        ip = plain_ip(peer[0]) if isinstance(peer, tuple) else ""
        self._entered = house.places.enter()
        if not self._entered:
            self._say_last(replies.TOO_MANY_CONNECTIONS)
        elif house.policy.proxy_protocol and self._is_proxy(ip):
            self._preamble = bytearray()
            self._deadline = house.loop.time() + house.policy.timeouts.handshake
        else:
            self._greet(ip)

    def data_received(self, data: bytes) -> None:
        """Take what came and answer what can be answered."""
        if self._closing:
            return
        if self._preamble is not None:
            self._read_preamble(data)
            return
        self._framer.feed(data)
        self._advance()

    def eof_received(self) -> bool:
        """The client sends no more; it may still read what it is owed."""
        self._eof = True
        return self._owes and not (self._closing or self._secured)

    def pause_writing(self) -> None:
        """The client does not read its replies: stop answering."""
        self._choked, self._hears = True, False

    def resume_writing(self) -> None:
        """The client reads again."""
        self._choked, self._hears = False, not (self._closing or self._upgrading)
        self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what was taken. A commit under way goes on: the mail may be kept, and is then ours."""
        if self._closed:
            return
        self._closing, self._closed, self._hears = True, True, False
        house = self._house
        house.leave(self)
        self._leave_place()
        self._session.forget()
        if not self._committing:
            house.room.release(self._wake)
        metrics.connections.dec()

    # The server calls

    def drain(self) -> None:
        """Say 421 as soon as no mail is on its way."""
        self._draining = True
        self._advance()

    def abort(self) -> None:
        """Cut the connection now."""
        self._transport.abort()

    def check_deadline(self, now: float) -> None:
        """End what has lasted too long."""
        if now < self._deadline:
            return
        if self._closing:
            self._transport.abort()
        elif self._starved:
            self._give_up_mail()
        else:
            self._say_last(replies.TIMED_OUT)

    # The beginning

    def _is_proxy(self, ip: str) -> bool:
        address = ip_address(ip)
        return any(address in network for network in self._house.policy.trusted_proxies)

    def _read_preamble(self, data: bytes) -> None:
        assert self._preamble is not None
        self._preamble += data
        try:
            header = proxy.read_header(self._preamble)
        except proxy.BadProxyHeader as error:
            _log.warning("smtp_bad_proxy_header", why=str(error))
            self._say_last(replies.BAD_PROXY_HEADER)
            return
        if header is None:
            return
        rest = bytes(self._preamble[header.size :])
        self._preamble = None
        self._greet(header.client_ip or plain_ip(self._transport.get_extra_info("peername")[0]))
        if rest:
            self.data_received(rest)

    def _greet(self, ip: str) -> None:
        self._session.ip = ip
        network = network_of(ip)
        if self._house.places.sit(network):
            self._network = network
            if self._house.policy.implicit_tls:
                self._session.secured()
                self._secured = True
            self._out.append(self._house.greeting.octets)
            self._rest(progress=True)
        else:
            self._say_last(replies.TOO_MANY_FROM_YOU)

    # The dialogue

    def _advance(self, *, progress: bool = False) -> None:
        """Answer everything that can be answered now, then rest."""
        framer, session = self._framer, self._session
        try:
            while self._hears and (not self._waiting or self._looks_ahead()):
                try:
                    frame = framer.next()
                    if frame is None:
                        break
                    step = session.take(frame)
                except FramingError as error:
                    step = session.broken(error)
                progress = True
                if step is not None:
                    self._follow(step)
        except Exception as error:
            _log.error("smtp_bug", exc_info=error, ip=session.ip)
            self._answer(replies.BUG)
        self._rest(progress=progress)

    def _looks_ahead(self) -> bool:
        """Tell whether the next command is an RCPT to be looked up while others are."""
        return not self._committing and self._session.takes_more_lookups(len(self._waiting))

    def _follow(self, step: Reply | Lookup | Commit) -> None:
        if not isinstance(step, Reply):
            self._await(step)
        elif self._waiting:
            self._waiting.append(step)
        elif step.goes_on:
            self._out.append(step.octets)
        else:
            self._answer(step)

    def _await(self, step: Lookup | Commit) -> None:
        awaitable = step.awaitable
        future = awaitable if isinstance(awaitable, asyncio.Future) else asyncio.ensure_future(awaitable)
        if future.done() and not self._waiting:
            self._answer(step.settle(_outcome(future)))
            return
        self._committing = isinstance(step, Commit)
        self._waiting.append((future, step))
        future.add_done_callback(self._on_done)

    def _on_done(self, _: "asyncio.Future[Any]") -> None:
        """Answer what was waited for, in the order of the commands."""
        waiting = self._waiting
        while waiting:
            entry = waiting[0]
            if not isinstance(entry, Reply):
                future, step = entry
                if not future.done():
                    return
                entry = step.settle(_outcome(future))
            waiting.popleft()
            self._answer(entry)
        self._committing = False
        if self._closed:
            self._house.room.release(self._wake)
        else:
            self._advance(progress=True)

    def _answer(self, reply: Reply) -> None:
        if self._closing:
            return
        self._out.append(reply.octets)
        if reply.closes:
            self._closing, self._hears = True, False
            self._lingers = reply not in self._house.without_linger
        elif reply is replies.READY_FOR_TLS:
            self._upgrading, self._hears = True, False
        elif reply.refuses and (verdict := self._session.judge(reply)):
            self._answer(verdict)

    def _say_last(self, reply: Reply) -> None:
        self._answer(reply)
        self._rest(progress=False)

    # The rest between two calls

    def _rest(self, *, progress: bool) -> None:
        receiving = self._session.receiving
        if self._draining and not (receiving or self._closing or self._waiting or self._upgrading):
            self._answer(self._house.closing)
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()
        if self._closing or (self._eof and not self._owes):
            self._close()
        elif self._upgrading:
            self._begin_upgrade()
        else:
            if receiving or self._holding:
                self._take_room(receiving=receiving)
            if progress or receiving:
                self._set_deadline(receiving=receiving)
            if self._waiting or self._choked or self._starved or self._paused:
                self._set_reading()

    @property
    def _owes(self) -> bool:
        return bool(self._waiting or self._choked)

    def _take_room(self, *, receiving: bool) -> None:
        if self._committing:
            return  # the octets are the acceptor's now, and still in memory
        held = self._session.held if receiving else 0
        if held > SMALL:
            self._holding = True
            self._starved = not self._house.room.hold(self._wake, held)
        elif self._holding:
            self._holding = self._starved = False
            self._house.room.release(self._wake)

    def _on_room(self) -> None:
        self._rest(progress=False)

    def _give_up_mail(self) -> None:
        _log.warning("smtp_no_room", ip=self._session.ip, octets=self._session.held)
        self._session.give_up()
        self._advance()

    def _set_deadline(self, *, receiving: bool) -> None:
        """Say when the client will have been silent for too long. Half a command is silence."""
        timeouts, now = self._house.policy.timeouts, self._house.loop.time()
        if self._waiting:
            self._deadline = math.inf  # it is we who are slow
        elif receiving:
            self._mail_deadline = min(self._mail_deadline, now + timeouts.message)
            self._deadline = min(now + timeouts.data, self._mail_deadline)
        else:
            self._deadline, self._mail_deadline = now + timeouts.command, math.inf

    def _set_reading(self) -> None:
        pause = self._starved or (bool(self._waiting) and self._framer.held > SMALL) or self._choked
        if pause and not self._paused:
            self._transport.pause_reading()
        elif self._paused and not pause:
            self._transport.resume_reading()
        self._paused = pause

    # The end

    def _close(self) -> None:
        """Close once everything is written.

        A client that is still sending is let, and read for a while: cutting the line with octets unread could
        destroy our last reply before the client reads it.
        """
        if self._ended:
            return
        self._ended, self._closing, self._hears = True, True, False
        self._deadline = self._house.loop.time() + self._house.policy.timeouts.linger
        self._framer.clear()
        if not self._lingers:
            self._leave_place()
            self._transport.close()
            return
        if self._paused:
            self._transport.resume_reading()
        if self._transport.can_write_eof():
            with contextlib.suppress(OSError):  # the client was quicker
                self._transport.write_eof()

    def _leave_place(self) -> None:
        if self._entered:
            self._house.places.leave(self._network)
            self._entered = False

    # STARTTLS

    def _begin_upgrade(self) -> None:
        if self._handshake is None:
            self._deadline = math.inf  # the handshake has its own
            self._transport.pause_reading()
            self._handshake = self._house.loop.create_task(self._upgrade())

    async def _upgrade(self) -> None:
        assert self._house.tls is not None
        # What came with STARTTLS came in the clear and is dropped (CVE-2011-0411). What comes from here on came
        # through TLS, even if the first of it arrives, with the end of the handshake, before `start_tls` returns.
        self._session.secured()
        try:
            transport = await self._house.loop.start_tls(
                self._transport,
                self,
                self._house.tls,
                server_side=True,
                ssl_handshake_timeout=self._house.policy.timeouts.handshake,
            )
        except OSError as error:  # ssl.SSLError and TimeoutError are OSErrors
            _log.info("smtp_tls_failed", ip=self._session.ip, error=repr(error))
            self._transport.abort()
            self.connection_lost(error)
            return
        if transport is None:  # the client left during the handshake
            self.connection_lost(None)
            return
        self._transport = transport
        self._upgrading, self._secured, self._handshake, self._paused = False, True, None, False
        self._hears = not (self._closing or self._choked)
        self._advance(progress=True)


def _outcome(future: "asyncio.Future[Any]") -> Any:
    """Return what a future holds, be it a result or an exception."""
    if future.cancelled():
        return asyncio.CancelledError()
    return future.exception() or future.result()
