"""A client of SMTP (RFC 5321): one connection, one mail after the other over it, pipelined where it is offered.

It knows for certain whether a mail may have been accepted: until the final dot is written it was not, from there until
the reply nobody knows.
"""

import asyncio
import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from daimon.outbound.attempts import Peer
from daimon.outbound.lines import Abandoned, Down, Letter, Lost, Said
from daimon.outbound.tls import TlsDemand
from daimon.outbound.wire import Broken, Reply, Wire

_CHUNK = 256 * 1024
_LINE_ENDS = re.compile(rb"\r\n|\r|\n")
_CRLF = b"\r\n"


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds are waited, at each stage at the most (RFC 5321 §4.5.3.2 allows more)."""

    connect: float = 15.0
    greeting: float = 60.0
    command: float = 60.0
    handshake: float = 20.0
    data: float = 120.0  # without a single octet of the mail being taken
    finish: float = 300.0  # for the reply to the final dot: who gives up early sends twice


@dataclass(frozen=True, slots=True)
class Target:
    """A server to connect to. `relay`: it hands mail on. `login`: user and password, used under TLS alone."""

    host: str
    address: str
    port: int
    demand: TlsDemand
    relay: bool = False
    login: tuple[str, str] | None = None


async def connect(target: Target, *, helo: str, patience: Patience) -> "SmtpLine":
    """Return an open line to a server, under TLS if it offers that. Raises Down.

    Where TLS is not demanded and the handshake fails, one more connection is made, in clear text.
    """
    try:
        return await _Opening(target, helo, patience).opened(tls=True)
    except _NoHandshake as error:
        if target.demand.required:
            raise Down(error.reason, "4.7.5", Peer(target.host, target.address, relay=target.relay)) from error
        return await _Opening(target, helo, patience).opened(tls=False)


class _NoHandshake(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class _Opening:
    """The steps from an address to a line that mail can be sent over."""

    target: Target
    helo: str
    patience: Patience
    wire: Wire = field(default_factory=Wire)

    async def opened(self, *, tls: bool) -> "SmtpLine":
        try:
            await self._reach()
            self._expect(await self.wire.reply(self.patience.greeting), "the server does not want to talk")
            offers = await self._hello()
            if tls and "STARTTLS" in offers:
                offers = await self._secure()
            self._check(offers)
            if self.target.login:
                await self._log_in(self.target.login)
        except Broken as error:
            raise self._down(str(error), "4.4.2") from error
        except BaseException:
            self.wire.abort()
            raise
        return SmtpLine(self.target, self.wire, offers, self.patience)

    async def _reach(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.patience.connect):
                await loop.create_connection(lambda: self.wire, self.target.address, self.target.port)
        except (OSError, TimeoutError) as error:
            why = str(error) or f"no answer for {self.patience.connect:.0f} seconds"
            raise self._down(f"cannot connect: {why}", "4.4.1") from error

    async def _hello(self) -> dict[str, str]:
        """Return the extensions that the server offers, with their parameters; none if it knows no EHLO."""
        reply = await self._ask(f"EHLO {self.helo}")
        if reply.code != 250:
            self._expect(await self._ask(f"HELO {self.helo}"), "the server refuses our name")
            return {}
        words = (line.partition(" ") for line in reply.lines[1:])
        return {name.upper(): parameters.strip() for name, _, parameters in words}

    async def _secure(self) -> dict[str, str]:
        demand = self.target.demand
        reply = await self._ask("STARTTLS")
        if reply.code != 220:
            self.wire.abort()
            raise _NoHandshake(f"the server offers TLS and refuses it: {reply.code} {reply.text}")
        try:
            connection = await self.wire.start_tls(demand.context, demand.server_hostname, self.patience.handshake)
        except Broken as error:
            raise _NoHandshake(str(error)) from error
        if why := demand.check(connection):
            self.wire.abort()
            raise _NoHandshake(why)
        return await self._hello()

    def _check(self, offers: dict[str, str]) -> None:
        """Raise Down if nothing may go over this connection."""
        if (self.target.demand.required or self.target.login) and self.wire.tls_version is None:
            raise self._down("the server offers no TLS, and it has to be", "4.7.4")
        if self.target.login and "PLAIN" not in offers.get("AUTH", "").upper().split():
            raise self._down("the relay knows no AUTH PLAIN", "4.7.0")

    async def _log_in(self, login: tuple[str, str]) -> None:
        user, password = login
        secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self._expect(await self._ask(f"AUTH PLAIN {secret}"), "the relay does not take user and password")

    async def _ask(self, command: str) -> Reply:
        self.wire.write(command.encode() + _CRLF)
        return await self.wire.reply(self.patience.command)

    def _expect(self, reply: Reply, otherwise: str) -> None:
        if not 200 <= reply.code < 300:
            said = Said(reply.code, reply.enhanced_status, reply.text)
            raise self._down(f"{otherwise}: {reply.code} {reply.text}", None, said)

    def _down(self, reason: str, enhanced_status: str | None, said: Said | None = None) -> Down:
        self.wire.abort()
        peer = Peer(self.target.host, self.target.address, self.wire.tls_version, self.target.relay)
        return Down(reason, enhanced_status, peer, said)


class SmtpLine:
    """A line to a server that has greeted us."""

    def __init__(self, target: Target, wire: Wire, offers: dict[str, str], patience: Patience) -> None:
        self._wire = wire
        self._offers = offers
        self._patience = patience
        self._peer = Peer(target.host, target.address, wire.tls_version, target.relay)

    @property
    def peer(self) -> Peer:
        """Return who is at the other end."""
        return self._peer

    async def send(self, letter: Letter, may_finish: Callable[[], bool]) -> list[Said]:
        """Send a mail and return what was said to each recipient's, in order. Raises Lost, Abandoned."""
        if not self._wire.is_quiet:
            raise Lost("the server closed the connection, or went on talking, while it waited")
        if said := self._cannot(letter):
            return [said] * len(letter.recipients)
        try:
            return await self._transact(letter, may_finish)
        except Broken as error:
            raise Lost(str(error)) from error

    async def close(self) -> None:
        """Hang up; the server's last word is not waited for."""
        if self._wire.is_quiet:
            self._wire.write(b"QUIT\r\n")
        self._wire.close()

    def _cannot(self, letter: Letter) -> Said | None:
        """Return why this server cannot take a mail, None if nothing is known against it."""
        if letter.smtputf8 and "SMTPUTF8" not in self._offers:
            return Said(550, "5.6.7", "the server offers no SMTPUTF8, which an address of the mail needs")
        limit = self._offers.get("SIZE", "")
        if limit.isdecimal() and len(limit) < 16 and 0 < int(limit) < len(letter.octets):
            return Said(552, "5.3.4", f"the mail has {len(letter.octets)} bytes, and the server takes {limit}")
        if "8BITMIME" not in self._offers and not letter.octets.isascii():
            return Said(554, "5.6.3", "the server takes no 8-bit mail, and this one may not be changed")
        return None

    async def _transact(self, letter: Letter, may_finish: Callable[[], bool]) -> list[Said]:
        """Go through MAIL, RCPT and DATA, and send the mail to whom the server takes it for."""
        commands = [self._mail(letter), *(f"RCPT TO:<{each}>" for each in letter.recipients), "DATA"]
        first, *answers, data = await self._replies(commands)
        if first.code // 100 != 2:
            await self._end(data)
            return [_said(first)] * len(letter.recipients)
        taken = [each.code // 100 == 2 for each in answers]
        if not any(taken) or data.code != 354:
            await self._end(data)
            if data.code // 100 in (4, 5):
                return [_said(data if ok else each) for ok, each in zip(taken, answers, strict=True)]
            return [_said(each) for each in answers]
        end = _said(await self._send(letter.octets, may_finish))
        return [end if ok else _said(each) for ok, each in zip(taken, answers, strict=True)]

    def _mail(self, letter: Letter) -> str:
        parts = [f"MAIL FROM:<{letter.mail_from or ''}>"]
        if "SIZE" in self._offers:
            parts.append(f"SIZE={len(letter.octets)}")
        if not letter.octets.isascii():
            parts.append("BODY=8BITMIME")
        if letter.smtputf8:
            parts.append("SMTPUTF8")
        return " ".join(parts)

    async def _replies(self, commands: list[str]) -> list[Reply]:
        """Return the replies to commands, all sent at once if the server allows it (RFC 2920).

        Without that, a refused MAIL, or no RCPT that is taken, is not followed by DATA; its place has the refusal.
        """
        if "PIPELINING" in self._offers:
            self._wire.write(b"".join(command.encode() + _CRLF for command in commands))
            return [await self._wire.reply(self._patience.command) for _ in commands]
        replies: list[Reply] = []
        for command in commands:
            refused = replies and (replies[0].code // 100 != 2 or (command == "DATA" and not _any_taken(replies[1:])))
            if refused:
                replies.append(replies[-1])
                continue
            self._wire.write(command.encode() + _CRLF)
            replies.append(await self._wire.reply(self._patience.command))
        return replies

    async def _end(self, data: Reply) -> None:
        """Leave a transaction that sends nothing. Who asks for the mail all the same gets an empty one, for nobody."""
        if data.code == 354:
            self._wire.write(b".\r\n")
            await self._wire.reply(self._patience.command)
        self._wire.write(b"RSET\r\n")
        await self._wire.reply(self._patience.command)

    async def _send(self, octets: bytes, may_finish: Callable[[], bool]) -> Reply:
        stuffed = _stuffed(octets)
        for at in range(0, len(stuffed) - _CHUNK, _CHUNK):
            self._wire.write(stuffed[at : at + _CHUNK])
            await self._wire.drained(self._patience.data)
        rest = stuffed[max(0, (len(stuffed) - 1) // _CHUNK) * _CHUNK :]
        if not may_finish():
            self._wire.abort()
            raise Abandoned
        self._wire.write(rest + b".\r\n")
        try:
            await self._wire.drained(self._patience.data)
            return await self._wire.reply(self._patience.finish)
        except Broken as error:
            raise Lost(f"after the whole mail was sent, {error}", ambiguous=True) from error


def _any_taken(replies: list[Reply]) -> bool:
    return any(reply.code // 100 == 2 for reply in replies)


def _said(reply: Reply) -> Said:
    return Said(reply.code, reply.enhanced_status, reply.text)


def _stuffed(octets: bytes) -> bytes:
    """Return a mail as it is sent between 354 and the final dot (RFC 5321 §4.5.2). A bare CR or LF ends a line too."""
    if octets.count(b"\n") != octets.count(_CRLF) or octets.count(b"\r") != octets.count(_CRLF):
        octets = _LINE_ENDS.sub(_CRLF, octets)
    if not octets.endswith(_CRLF):
        octets += _CRLF
    octets = octets.replace(b"\r\n.", b"\r\n..")
    return b"." + octets if octets.startswith(b".") else octets
