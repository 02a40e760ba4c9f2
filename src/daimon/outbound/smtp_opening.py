"""How a dialogue begins: greeting, EHLO, STARTTLS, AUTH (RFC 5321 §3.1, RFC 3207, RFC 4954)."""

import ssl
from base64 import b64encode
from dataclasses import dataclass, field, replace

from daimon.mail.esmtp import Extensions
from daimon.mail.reply_reader import RawReply, Reply
from daimon.outbound.smtp_failures import Disconnected, ProtocolBroken, Refused, Stage, Stalled, TlsFailed
from daimon.outbound.smtp_wire import SERVICE_CLOSING, Wire
from daimon.outbound.tls import TlsDemand


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that each stage may take, however slowly octets arrive; RFC 5321 §4.5.3.2 has the longest that help.

    `content` is for a message of no length; its octets have what they need at `octets_per_second`, which is the slowest
    that we go along with. `final_dot` stays as the RFC says: who gives up early may send a message twice.
    """

    connect: float = 30
    greeting: float = 60
    command: float = 120
    tls: float = 30
    envelope: float = 600  # MAIL, all RCPT and DATA together
    content: float = 180
    octets_per_second: int = 16_384
    final_dot: float = 600
    quit: float = 5


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to a relay."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Terms:
    """What both sides know after the opening. `tls_failure` says why there is no TLS although it was tried."""

    esmtp: Extensions
    tls_version: str | None = None
    cipher: str | None = None
    tls_failure: str | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens a dialogue, in clear text if `demand` is None. Every method raises SmtpFailure."""

    wire: Wire
    helo: str
    timeouts: Timeouts
    demand: TlsDemand | None
    credentials: Credentials | None = None

    async def open(self) -> Terms:
        """Go as far as the first MAIL could follow."""
        _agreed(Stage.GREETING, await self.wire.reply(Stage.GREETING, self.timeouts.greeting))
        terms = Terms(await self._hello())
        if self.demand is not None:
            terms = await self._secure(terms, self.demand)
        if self.credentials is not None:
            await self._authenticate(terms, self.credentials)
        return terms

    async def _hello(self) -> Extensions:
        raw = await self._raw(Stage.EHLO, f"EHLO {self.helo}")
        if raw.code >= 500:
            await self._hello_of_old(Reply.of(raw))
            return Extensions.none()
        _agreed(Stage.EHLO, Reply.of(raw))
        return Extensions.of(raw)

    async def _hello_of_old(self, refusal: Reply) -> None:
        """RFC 5321 §3.2: it may not know EHLO. If it is we who are not wanted, it says so again, or hangs up."""
        try:
            reply = await self._say(Stage.EHLO, f"HELO {self.helo}")
        except Disconnected:
            raise Refused(Stage.EHLO, str(refusal), refusal) from None
        _agreed(Stage.EHLO, reply)

    async def _secure(self, terms: Terms, demand: TlsDemand) -> Terms:
        if "STARTTLS" not in terms.esmtp:
            return _in_clear(terms, demand, "STARTTLS is not offered")
        reply = await self._consent()
        if not reply.positive:
            return _in_clear(terms, demand, f"STARTTLS was answered {reply}", reply)
        tls = await self.wire.start_tls(demand.context, demand.server_hostname, self.timeouts.tls)
        if demand.required and (reason := demand.check(tls)):
            raise TlsFailed(Stage.STARTTLS, reason)
        esmtp = await self._hello()  # RFC 3207 §4.2: what was said before counts no more
        return Terms(esmtp, *_described(tls))

    async def _consent(self) -> Reply:
        try:
            reply = await self._say(Stage.STARTTLS, "STARTTLS")
        except (Disconnected, Stalled) as failure:
            raise TlsFailed(Stage.STARTTLS, failure.reason, failure.reply) from failure
        if reply.code == SERVICE_CLOSING:
            raise TlsFailed(Stage.STARTTLS, f"STARTTLS was answered {reply}", reply)
        return reply

    async def _authenticate(self, terms: Terms, credentials: Credentials) -> None:
        if terms.tls_version is None:
            raise TlsFailed(Stage.AUTH, f"no password is sent in clear text: {terms.tls_failure or 'there is no TLS'}")
        user, password = credentials.user, credentials.password
        if "PLAIN" in terms.esmtp.auth:
            lines = ["AUTH PLAIN " + _base64(f"\0{user}\0{password}")]
        elif "LOGIN" in terms.esmtp.auth:
            lines = ["AUTH LOGIN", _base64(user), _base64(password)]
        else:
            raise ProtocolBroken(Stage.AUTH, "neither AUTH PLAIN nor AUTH LOGIN is offered")
        for line in lines:
            reply = await self._say(Stage.AUTH, line)
            if reply.code != 334:
                break
        _agreed(Stage.AUTH, reply)

    async def _say(self, stage: Stage, line: str) -> Reply:
        return Reply.of(await self._raw(stage, line))

    async def _raw(self, stage: Stage, line: str) -> RawReply:
        self.wire.write(f"{line}\r\n".encode(), replies=1, stage=stage)
        return await self.wire.raw_reply(stage, self.timeouts.command)


def _agreed(stage: Stage, reply: Reply) -> None:
    if reply.negative:
        raise Refused(stage, str(reply), reply)
    if not reply.positive:
        raise ProtocolBroken(stage, f"the server answered {reply}", reply)


def _in_clear(terms: Terms, demand: TlsDemand, reason: str, reply: Reply | None = None) -> Terms:
    if demand.required:
        raise TlsFailed(Stage.STARTTLS, reason, reply)
    return replace(terms, tls_failure=reason)


def _described(tls: ssl.SSLObject) -> tuple[str | None, str | None]:
    cipher = tls.cipher()
    return tls.version(), cipher[0] if cipher else None


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
