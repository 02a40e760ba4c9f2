"""A line over SMTP: what the client says, in the words of lanes."""

from collections.abc import Callable
from dataclasses import dataclass

from daimon.mail.envelope import Envelope
from daimon.mail.reply_reader import Reply
from daimon.outbound import smtp
from daimon.outbound.attempts import Peer
from daimon.outbound.lines import Abandoned, Down, Letter, Lost, Said
from daimon.outbound.smtp import Connection, Outcome, SmtpFailure, Timeouts, TlsFailed
from daimon.outbound.tls import TlsDemand


@dataclass(frozen=True, slots=True)
class Target:
    """A server to connect to. `relay`: it hands mail on."""

    host: str
    address: str
    port: int
    demand: TlsDemand
    relay: bool = False


async def opened(target: Target, *, helo: str, timeouts: Timeouts) -> "SmtpLine":
    """Return an open line to a server. Raises Down."""
    try:
        connection = await smtp.connect(target.address, target.port, demand=target.demand, helo=helo, timeouts=timeouts)
    except SmtpFailure as failure:
        peer = Peer(target.host, target.address, relay=target.relay)
        said = _said_by(failure.reply) if failure.reply else None
        raise Down(str(failure), "4.7.5" if isinstance(failure, TlsFailed) else "4.4.1", peer, said) from failure
    return SmtpLine(connection, Peer(target.host, target.address, connection.terms.tls_version, target.relay))


class SmtpLine:
    """An open line to a server."""

    def __init__(self, connection: Connection, peer: Peer) -> None:
        self.peer = peer
        self._connection = connection

    async def send(self, letter: Letter, may_finish: Callable[[], bool]) -> list[Said]:
        """Send a mail and return what was said to each recipient's, in order. Raises Lost, Abandoned."""
        if not self._connection.usable:
            raise Lost("the server closed the connection, or went on talking, while it waited")
        envelope = Envelope(letter.mail_from, tuple(letter.recipients), letter.smtputf8)
        try:
            sent = await self._connection.send(envelope, letter.octets, may_finish=may_finish)
        except smtp.Abandoned as failure:
            raise Abandoned from failure
        except smtp.Ambiguous as failure:
            raise Lost(str(failure), refused=_refused(failure), ambiguous=True) from failure
        except SmtpFailure as failure:
            raise Lost(str(failure), refused=_refused(failure)) from failure
        return [_said(outcome) for outcome in sent.outcomes]

    async def close(self) -> None:
        """Hang up, politely if that is quick."""
        await self._connection.close()


def _refused(failure: SmtpFailure) -> dict[str, Said]:
    return {address: _said(outcome) for address, outcome in failure.refused.items()}


def _said(outcome: Outcome) -> Said:
    if outcome.reply.positive and not outcome.delivered:  # taken so far, and nothing came of it
        return Said(451, "4.4.2", "the server took the recipient, and not the mail")
    return _said_by(outcome.reply)


def _said_by(reply: Reply) -> Said:
    return Said(reply.code, reply.enhanced_status, reply.text)
