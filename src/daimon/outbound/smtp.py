"""The SMTP client: a connection to one address of a mail host, which carries one message after another.

Of what a server says nothing is believed that was not asked for, and nothing is waited for without end.
"""

from collections.abc import Callable
from dataclasses import replace

from daimon.mail.envelope import Envelope
from daimon.outbound.smtp_failures import (
    Abandoned,
    Ambiguous,
    ConnectFailed,
    Disconnected,
    Outcome,
    ProtocolBroken,
    Refused,
    SmtpFailure,
    Stage,
    Stalled,
    TlsFailed,
)
from daimon.outbound.smtp_opening import Credentials, Opening, Terms, Timeouts
from daimon.outbound.smtp_transaction import Sent, Transaction
from daimon.outbound.smtp_wire import Wire
from daimon.outbound.tls import TlsDemand

__all__ = [
    "Abandoned",
    "Ambiguous",
    "ConnectFailed",
    "Connection",
    "Credentials",
    "Disconnected",
    "Outcome",
    "ProtocolBroken",
    "Refused",
    "Sent",
    "SmtpFailure",
    "Stage",
    "Stalled",
    "Terms",
    "Timeouts",
    "TlsFailed",
    "connect",
]

_DEFAULT = Timeouts()


async def connect(
    address: str,
    port: int,
    *,
    demand: TlsDemand,
    helo: str,
    timeouts: Timeouts = _DEFAULT,
    credentials: Credentials | None = None,
) -> "Connection":
    """Connect to an address and open the dialogue.

    Where TLS is tried without being required and its handshake fails, it is one new connection in clear text.

    Args:
        address: Of IPv4 or IPv6; no name.
        port: 25, or that of a relay.
        demand: Which TLS it must have. With credentials, TLS is required whatever it says.
        helo: Our name.
        timeouts: What each stage may take.
        credentials: For a relay that wants them.

    Raises:
        SmtpFailure: One of its kinds; nothing is left open.
    """
    try:
        return await _open(address, port, helo, timeouts, demand, credentials)
    except TlsFailed as failed:
        if demand.required or credentials:
            raise
        reason = failed.reason
    connection = await _open(address, port, helo, timeouts, None, None)
    connection.terms = replace(connection.terms, tls_failure=reason)
    return connection


async def _open(
    address: str,
    port: int,
    helo: str,
    timeouts: Timeouts,
    demand: TlsDemand | None,
    credentials: Credentials | None,
) -> "Connection":
    wire = await Wire.connect(address, port, timeouts.connect)
    try:
        terms = await Opening(wire, helo, timeouts, demand, credentials).open()
    except BaseException:
        wire.abort()
        raise
    return Connection(wire, terms, timeouts)


class Connection:
    """An open dialogue, for one message at a time. `terms` says what the server offers and which TLS there is."""

    def __init__(self, wire: Wire, terms: Terms, timeouts: Timeouts) -> None:
        self.terms = terms
        self.mails_sent = 0
        self._wire = wire
        self._timeouts = timeouts
        self._unfinished = False

    @property
    def usable(self) -> bool:
        """Whether another message can be tried: the server has neither hung up nor said anything unasked."""
        return self._wire.quiet

    async def send(self, envelope: Envelope, message: bytes, *, may_finish: Callable[[], bool]) -> Sent:
        """Send a message to the recipients of an envelope.

        Args:
            envelope: Recipients that cannot be written or that the server cannot take are refused without asking it.
            message: In its final form; bare CR and LF become CRLF.
            may_finish: Asked once, right before the end of the message is written, if it comes to that. After its
                yes, and not before, the message can be delivered.

        Raises:
            Ambiguous: The end of the message was written, and nothing is known of what became of it.
            SmtpFailure: Any other kind: nobody has got the message. In both cases the connection is closed.
        """
        transaction = Transaction(self._wire, self.terms.esmtp, self._timeouts, envelope, reset_first=self._unfinished)
        try:
            sent = await transaction.run(message, may_finish)
        except BaseException:
            self._wire.abort()
            raise
        self._unfinished = transaction.unfinished
        self.mails_sent += sent.delivered
        if transaction.over:
            self._wire.abort()
        return sent

    async def close(self) -> None:
        """Say QUIT and hang up, within the time for that, whatever the server does."""
        try:
            self._wire.write(b"QUIT\r\n", replies=1, stage=Stage.QUIT)
            await self._wire.reply(Stage.QUIT, self._timeouts.quit)
        except SmtpFailure:
            self._wire.abort()
        await self._wire.close(self._timeouts.quit)

    def abort(self) -> None:
        """Hang up at once."""
        self._wire.abort()
