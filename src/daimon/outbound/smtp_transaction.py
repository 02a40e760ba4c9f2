"""One message over an open connection: MAIL, RCPT, DATA, the message, the last dot (RFC 5321 §3.3, RFC 2920)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from daimon.mail import smtp_commands
from daimon.mail.address import BadAddress
from daimon.mail.envelope import Envelope
from daimon.mail.esmtp import Extensions
from daimon.mail.reply_reader import Reply
from daimon.outbound.smtp_failures import (
    Abandoned,
    Ambiguous,
    Outcome,
    ProtocolBroken,
    SmtpFailure,
    Stage,
)
from daimon.outbound.smtp_opening import Timeouts
from daimon.outbound.smtp_wire import SERVICE_CLOSING, Wire

_START_INPUT = 354
_ONE_WRITE = 65_536  # octets of a message that leaves together with its end
_TOO_LARGE = Reply(552, "5.3.4", "the message is larger than the server takes")
_NO_8BIT = Reply(554, "5.6.3", "the message has 8-bit text, and the server does not offer 8BITMIME")
_NO_SMTPUTF8 = Reply(553, "5.6.7", "the message needs SMTPUTF8, and the server does not offer it")
_BAD_SENDER = Reply(553, "5.1.7", "the reverse-path cannot be written in a command")
_BAD_RECIPIENT = Reply(553, "5.1.3", "the address cannot be written in a command")


@dataclass(frozen=True, slots=True)
class Sent:
    """What was said of each recipient, in the order of the envelope."""

    outcomes: tuple[Outcome, ...]

    @property
    def delivered(self) -> bool:
        """Whether the server has the message, for one recipient at least."""
        return any(each.delivered for each in self.outcomes)


@dataclass(slots=True)
class Transaction:
    """Sends one message. `unfinished`: the server is still in it afterwards. `over`: the server hangs up."""

    wire: Wire
    esmtp: Extensions
    timeouts: Timeouts
    envelope: Envelope
    reset_first: bool
    unfinished: bool = False
    over: bool = False
    _outcomes: dict[int, Outcome] = field(default_factory=dict)  # by the recipient's place in the envelope
    _paths: dict[int, str] = field(default_factory=dict)  # of those whom the server is asked about

    async def run(self, message: bytes, may_finish: Callable[[], bool]) -> Sent:
        """Send the message. Raises SmtpFailure."""
        message = smtp_commands.with_crlf(message)
        if mail := self._written(message):
            try:
                await self._exchange(mail, message, may_finish)
            except SmtpFailure as failure:
                failure.refused = {self.envelope.rcpt_to[place]: said for place, said in self._outcomes.items()}
                raise
        return Sent(tuple(self._outcomes[place] for place in range(len(self.envelope.rcpt_to))))

    async def _exchange(self, mail: bytes, message: bytes, may_finish: Callable[[], bool]) -> None:
        if not await self._introduce(mail):
            return
        if not self._pending:
            await self._end_empty()
        else:
            self._settle(await self._content(smtp_commands.transparent(message), may_finish))

    # What needs no server

    def _written(self, message: bytes) -> bytes:
        """Return the MAIL command, or nothing if nobody is left to be asked about."""
        try:
            reverse = smtp_commands.path(self.envelope.mail_from)
        except BadAddress:
            return self._refuse_all(_BAD_SENDER)
        utf8 = self.envelope.smtputf8 or not reverse.isascii()
        for place, recipient in enumerate(self.envelope.rcpt_to):
            self._write(place, recipient)
        if refusal := self._unfit(message, utf8=utf8):
            return self._refuse_all(refusal)
        utf8 = utf8 or not all(map(str.isascii, self._paths.values()))
        return smtp_commands.mail(reverse, *self._parameters(message, utf8=utf8)) if self._paths else b""

    def _write(self, place: int, recipient: str) -> None:
        try:
            path = smtp_commands.path(recipient)
        except BadAddress:
            self._outcomes[place] = Outcome(Stage.LOCAL, _BAD_RECIPIENT)
            return
        if path.isascii() or "SMTPUTF8" in self.esmtp:
            self._paths[place] = path
        else:
            self._outcomes[place] = Outcome(Stage.LOCAL, _NO_SMTPUTF8)

    def _unfit(self, message: bytes, *, utf8: bool) -> Reply | None:
        limit = self.esmtp.max_size
        if limit is not None and len(message) > limit:
            return _TOO_LARGE
        if utf8 and "SMTPUTF8" not in self.esmtp:
            return _NO_SMTPUTF8
        return None if "8BITMIME" in self.esmtp or message.isascii() else _NO_8BIT

    def _parameters(self, message: bytes, *, utf8: bool) -> list[str]:
        parameters = [f"SIZE={len(message)}"] if "SIZE" in self.esmtp else []
        if "8BITMIME" in self.esmtp and not message.isascii():
            parameters.append("BODY=8BITMIME")
        if utf8:
            parameters.append("SMTPUTF8")
        return parameters

    def _refuse_all(self, reply: Reply) -> bytes:
        for place in range(len(self.envelope.rcpt_to)):
            self._outcomes.setdefault(place, Outcome(Stage.LOCAL, reply))
        return b""

    # The envelope

    @property
    def _pending(self) -> list[int]:
        return [place for place in self._paths if place not in self._outcomes]

    async def _introduce(self, mail: bytes) -> bool:
        """Tell the envelope. Return whether the server asks for the message."""
        commands = [(Stage.MAIL, mail)]
        commands += [(Stage.RCPT, smtp_commands.rcpt(path)) for path in self._paths.values()]
        commands.append((Stage.DATA, b"DATA\r\n"))
        if self.reset_first:
            commands.insert(0, (Stage.RSET, b"RSET\r\n"))
        self.unfinished = True
        return await self._dialogue(commands)

    async def _dialogue(self, commands: Sequence[tuple[Stage, bytes]]) -> bool:
        pipelined = "PIPELINING" in self.esmtp
        if pipelined:
            self.wire.write(b"".join(line for _, line in commands), replies=len(commands), stage=commands[0][0])
        asked = iter(self._paths)
        until = self.wire.within(self.timeouts.envelope)
        for stage, line in commands:
            if not pipelined:
                if not self._pending:
                    return False
                self.wire.write(line, replies=1, stage=stage)
            raw = await self.wire.raw_reply(stage, self.timeouts.command, until=until)
            place = next(asked) if stage is Stage.RCPT else None
            if stage is Stage.DATA and raw.code == _START_INPUT:
                return True
            if stage is Stage.DATA or not 200 <= raw.code < 300:
                self._heard(stage, Reply.of(raw), place)
            if self.over:
                return False
        return False

    def _heard(self, stage: Stage, reply: Reply, place: int | None) -> None:
        """Note a reply to one command of the envelope that is not the one hoped for. Raises ProtocolBroken."""
        if not reply.negative:
            raise ProtocolBroken(stage, f"the server answered {reply}", reply)
        if reply.code == SERVICE_CLOSING:
            self.over = True
            self._settle(Outcome(stage, reply))
        elif stage is Stage.RSET:
            raise ProtocolBroken(stage, f"the server answered {reply}", reply)
        elif place is not None:
            self._outcomes.setdefault(place, Outcome(stage, reply))
        else:
            self._settle(Outcome(stage, reply))

    def _settle(self, outcome: Outcome) -> None:
        """Let an outcome stand for all of whom nothing was said yet."""
        for place in self._pending:
            self._outcomes[place] = outcome

    # The message

    async def _end_empty(self) -> None:
        """RFC 2920 §3.1: a server that says 354 although it wants nobody gets a lone dot, and may say what it likes."""
        self.wire.write(smtp_commands.END_OF_DATA, replies=1, stage=Stage.DATA)
        reply = await self.wire.reply(Stage.DATA, self.timeouts.command)
        self.over = reply.code == SERVICE_CLOSING

    async def _content(self, octets: bytes, may_finish: Callable[[], bool]) -> Outcome:
        """Write the message and its end. Return what the server says to it."""
        end = smtp_commands.END_OF_DATA
        if len(octets) <= _ONE_WRITE:
            end = octets + end
        elif refusal := await self._pour(octets):
            self.over = True  # it would take the rest for commands
            return Outcome(Stage.CONTENT, refusal)
        if not may_finish():
            raise Abandoned(Stage.CONTENT, "told not to finish")
        self.wire.write(end, replies=1, stage=Stage.CONTENT)
        return Outcome(Stage.FINAL_DOT, await self._verdict())

    async def _pour(self, octets: bytes) -> Reply | None:
        """Write a large message without its end. Return the refusal if one comes meanwhile."""
        return await self.wire.pour(octets, self.timeouts.content + len(octets) / self.timeouts.octets_per_second)

    async def _verdict(self) -> Reply:
        try:
            reply = await self.wire.reply(Stage.FINAL_DOT, self.timeouts.final_dot)
        except SmtpFailure as failure:
            raise Ambiguous(Stage.FINAL_DOT, failure.reason, failure.reply) from failure
        if not (reply.positive or reply.negative):
            raise Ambiguous(Stage.FINAL_DOT, f"the server answered {reply}", reply)
        self.unfinished = False  # RFC 5321 §4.1.1.4: either way all of it is forgotten
        self.over = reply.code == SERVICE_CLOSING
        return reply
