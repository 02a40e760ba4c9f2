"""The dialogue of RFC 5321, in its words. Knows no socket, and decides nothing about storage.

What a server that receives and one that takes submissions have in common; `receiving` and `submitting` have the rest.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Final, TypeAlias

from daimon.inbound.errors import StoreUnavailable
from daimon.kit.clock import Clock
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log
from daimon.mail.address import Address, BadAddress, parse_address
from daimon.smtpd import body, framing, metrics, replies, syntax
from daimon.smtpd.policy import Policy
from daimon.smtpd.replies import Reply
from daimon.smtpd.transaction import Commit, Lookup, Transaction

_log = Log(__name__)

# Protocols that a browser can be made to speak to us, commands of ours in the body.
_FOREIGN: Final = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT"})


Step: TypeAlias = Reply | Lookup | Commit | None  # None: more has to come in before there is an answer


class Session(ABC):
    """One client's dialogue. Takes frames and returns steps; says to the framer what to expect next."""

    def __init__(self, framer: framing.Framer, *, policy: Policy, clock: Clock, tls_offered: bool) -> None:
        self._framer = framer
        self._policy = policy
        self._clock = clock
        self._tls_offered = tls_offered
        self._tls = False
        self._client = ""  # as it names itself in EHLO or HELO
        self._mail: Transaction | None = None
        self.take: Callable[[bytes], Step] = self._command
        """Return the answer to a command, or to data or a chunk that is complete."""
        self._errors = 0
        self._commands = 0
        self.ip = ""

    # What the connection asks and tells

    def broken(self, error: framing.FramingError) -> Reply:
        """Return the answer to octets that are not SMTP."""
        if isinstance(error, framing.DataDropped):
            return self._end_transaction().refusal or self._too_big()
        if isinstance(error, framing.DataEndless):
            return replies.too_big(self._policy.max_message_bytes, closes=True)
        self._note("smtp_broken", offence=type(error).__name__)
        return _BROKEN[type(error)]

    def judge(self, refusal: Reply) -> Reply | None:
        """Count a permanent refusal; return what ends a session that had too many."""
        metrics.refused(refusal)
        self._errors += 1
        return replies.TOO_MANY_ERRORS if self._errors >= self._policy.max_errors else None

    def give_up(self) -> None:
        """There is no room in memory for the mail that is coming in: keep nothing of it."""
        if self._mail is not None:
            self._mail.drop(replies.NO_ROOM)
        self._framer.give_up()

    def secured(self) -> None:
        """TLS is on: what was said before counts for nothing (RFC 3207 §4.2)."""
        self.forget()
        self._tls = True

    def forget(self) -> None:
        """Be as at the beginning, and hold nothing in memory."""
        self._framer.clear()
        self._client, self._mail = "", None
        self.take = self._command

    def takes_more_lookups(self, running: int) -> bool:
        """Tell whether the next command is an RCPT that may be looked up beside those that are."""
        so_far = self._mail.rcpt_to if self._mail is not None else 0
        return so_far + running < self._policy.max_recipients and self._framer.next_is(b"RCPT")

    @property
    def receiving(self) -> bool:
        """Whether a mail is between DATA or its first BDAT and the last octet."""
        return self._framer.receiving or (self._mail is not None and self._mail.body is not None)

    @property
    def held(self) -> int:
        """How many octets of mail are in memory."""
        body = self._mail.body if self._mail is not None else None
        return self._framer.held + (len(body) if body is not None else 0)

    # The session

    def _command(self, line: bytes) -> Step:
        self._commands += 1
        if self._commands > self._policy.max_commands:
            return replies.TOO_MANY_COMMANDS
        # A key may stand behind AUTH, and is not remembered.
        read = _read_once if line[:4].upper() == b"AUTH" else _read_command
        handler, argument = read(line)
        return handler(self, argument)

    def _ehlo(self, name: str) -> Step:
        if not self._hello(name):
            return replies.BAD_HELO
        keywords = ["PIPELINING", f"SIZE {self._policy.max_message_bytes}", "8BITMIME", "SMTPUTF8", "CHUNKING"]
        if self._tls_offered and not self._tls:
            keywords.append("STARTTLS")
        return replies.ehlo(self._policy.hostname, *keywords, *self._more_keywords(), "ENHANCEDSTATUSCODES", "HELP")

    def _helo(self, name: str) -> Step:
        return replies.helo(self._policy.hostname) if self._hello(name) else replies.BAD_HELO

    def _hello(self, name: str) -> bool:
        if not name or len(name) > 255 or " " in name:
            return False
        self._client, self._mail = name, None  # RFC 5321 §4.1.4: as though by RSET
        return True

    def _starttls(self, _: str) -> Step:
        if not self._tls_offered:
            return replies.NO_TLS
        return replies.ALREADY_TLS if self._tls else replies.READY_FOR_TLS

    def _rset(self, _: str) -> Step:
        self._mail = None
        return replies.RESET

    def _auth(self, argument: str) -> Step:
        return self._authenticate(argument)

    # The envelope

    def _mail_from(self, argument: str) -> Step:
        if not self._client:
            return replies.HELO_FIRST
        if self._mail is not None:
            return replies.NESTED_MAIL
        try:
            path = syntax.read_reverse_path(argument)
        except syntax.BadSyntax:
            return replies.BAD_MAIL
        if path.parameters and (refusal := self._refuse_parameters(path.parameters)):
            return refusal
        smtputf8 = "SMTPUTF8" in path.parameters
        if not smtputf8 and not path.mailbox.isascii():
            return replies.NEEDS_SMTPUTF8
        if path.mailbox and not _is_address(path.mailbox):
            return replies.BAD_SENDER
        self._mail = Transaction(path.mailbox or None, smtputf8=smtputf8)
        return self._admit(self._mail)

    def _refuse_parameters(self, parameters: Mapping[str, str | None]) -> Reply | None:
        for name, value in parameters.items():
            check = _PARAMETERS.get(name)
            if check is None:
                return replies.UNKNOWN_PARAMETER
            if not check(value):
                return replies.BAD_PARAMETER
        # RFC 1870 §6.1: why send what will be refused?
        return self._too_big() if int(parameters.get("SIZE") or 0) > self._policy.max_message_bytes else None

    def _rcpt_to(self, argument: str) -> Step:
        mail = self._mail
        if mail is None:
            return replies.MAIL_FIRST
        if mail.chunked:
            return replies.IN_CHUNKS
        try:
            path = syntax.read_forward_path(argument)
        except syntax.BadSyntax:
            return replies.BAD_RCPT
        if path.parameters:
            return replies.UNKNOWN_PARAMETER
        if mail.rcpt_to >= self._policy.max_recipients:
            return replies.TOO_MANY_RECIPIENTS
        if not mail.smtputf8 and not path.mailbox.isascii():
            return replies.NEEDS_SMTPUTF8
        return self._look_up(mail, path.mailbox)

    def _look_up(self, mail: Transaction, mailbox: str) -> Step:
        if mailbox.lower() == "postmaster":  # RFC 5321 §4.5.1
            mailbox = f"{mailbox}@{self._policy.service_domain}"
        try:
            address = _read_address(mailbox)
        except BadAddress:
            return replies.BAD_RECIPIENT
        return self._find(mail, mailbox, address)

    # The data

    def _data(self, _: str) -> Step:
        mail = self._mail
        if mail is None:
            return replies.MAIL_FIRST
        if mail.chunked:
            return replies.IN_CHUNKS  # RFC 3030 §2: a mail comes by DATA or by BDAT
        if not mail.recipients:
            return replies.NO_RECIPIENTS
        self._framer.expect_data()
        self.take = self._commit
        return replies.START_DATA

    def _bdat(self, argument: str) -> Step:
        try:
            chunk = syntax.read_chunk(argument)
        except syntax.BadSyntax:
            return replies.BAD_BDAT  # how much to skip is not known: the session ends
        if chunk.size > 2 * self._policy.max_message_bytes:
            return replies.too_big(self._policy.max_message_bytes, closes=True)
        # RFC 3030 §2: the octets of a refused chunk follow all the same.
        refusal = self._refuse_chunk(chunk)
        self._framer.expect_chunk(chunk.size, keep=refusal is None)
        self.take = partial(self._chunk, chunk, refusal)
        return None

    def _refuse_chunk(self, chunk: syntax.Chunk) -> Reply | None:
        mail = self._mail
        if mail is None:
            return replies.MAIL_FIRST
        if not mail.recipients:
            return replies.NO_RECIPIENTS
        if mail.refusal is None and len(mail.body or b"") + chunk.size > self._policy.max_message_bytes:
            mail.drop(self._too_big())
        return mail.refusal

    def _chunk(self, chunk: syntax.Chunk, refusal: Reply | None, octets: bytes) -> Step:
        self.take = self._command
        mail = self._mail
        refusal = refusal or (mail.refusal if mail else replies.MAIL_FIRST)
        if mail is None or refusal is not None:
            self._mail = None if chunk.last else mail
            return refusal
        if chunk.last:
            return self._commit(octets if mail.body is None else bytes(mail.body + octets))
        mail.body = mail.body or bytearray()
        mail.body += octets
        return replies.chunk_received(chunk.size)

    def _commit(self, octets: bytes) -> Step:
        mail = self._end_transaction()
        if refusal := self._refuse_octets(octets):
            self._note("smtp_mail_refused", mail_from=mail.mail_from, size=len(octets), status=refusal.status)
            return refusal
        return self._hand_over(mail, octets)

    def _refuse_octets(self, octets: bytes) -> Reply | None:
        if body.has_line_over(octets, self._policy.max_line):
            return replies.LINE_TOO_LONG
        if body.has_received_over(octets, self._policy.max_received_fields):
            return replies.MAIL_LOOP
        return None

    def _done(self) -> None:
        """Count a mail that is durable: what a client may do wrong or in vain begins anew."""
        self._errors = self._commands = 0
        metrics.accepted()

    # What the two kinds of server answer differently

    def _more_keywords(self) -> tuple[str, ...]:
        """Return what EHLO tells beyond what both do."""
        return ()

    @abstractmethod
    def _authenticate(self, argument: str) -> Step:
        """Answer AUTH."""

    @abstractmethod
    def _admit(self, mail: Transaction) -> Step:
        """Answer a MAIL that is well-formed."""

    @abstractmethod
    def _find(self, mail: Transaction, mailbox: str, address: Address) -> Step:
        """Answer an RCPT that is well-formed, and add it to the mail if it is taken."""

    @abstractmethod
    def _hand_over(self, mail: Transaction, octets: bytes) -> Step:
        """Answer the end of the data."""

    # Smaller sentences

    def _end_transaction(self) -> Transaction:
        mail = self._mail
        assert mail is not None
        self._mail = None
        self.take = self._command
        return mail

    def _too_big(self) -> Reply:
        return replies.too_big(self._policy.max_message_bytes)

    def _local_error(self, failure: BaseException, **fields: object) -> Reply:
        """Log why, and say nothing of it."""
        if isinstance(failure, StoreUnavailable | Unavailable):
            _log.warning("smtp_store_unavailable", ip=self.ip, error=repr(failure), **fields)
        else:
            _log.error("smtp_bug", ip=self.ip, exc_info=failure, **fields)
        return replies.LOCAL_ERROR

    def _note(self, event: str, **fields: object) -> None:
        _log.info(event, ip=self.ip, helo=self._client, **fields)


def _read_once(line: bytes) -> tuple[Callable[[Session, str], Step], str]:
    """Return what answers a command line, and the argument it is to be called with."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return _always(replies.NOT_TEXT), ""
    if not (text.isprintable() or syntax.is_text(text)):
        return _always(replies.NOT_TEXT), ""
    verb, _, argument = text.partition(" ")
    verb, argument = verb.upper(), argument.strip(" ")
    if argument and verb in _BARE_VERBS:
        return _always(replies.NO_ARGUMENT), ""
    handler = _VERBS.get(verb)
    if handler is None:
        return _always(replies.NOT_SMTP if verb in _FOREIGN else replies.UNKNOWN_COMMAND), ""
    return handler, argument


_read_command = lru_cache(maxsize=1024)(_read_once)  # clients say the same few things, none over `max_command`
_read_address = lru_cache(maxsize=4096)(parse_address)  # the same parties write again and again


def _is_address(text: str) -> bool:
    try:
        _read_address(text)
    except BadAddress:
        return False
    return True


def _always(reply: Reply) -> Callable[[Session, str], Step]:
    return lambda _session, _argument: reply


_VERBS: Final[Mapping[str, Callable[[Session, str], Step]]] = {
    "EHLO": Session._ehlo,
    "HELO": Session._helo,
    "MAIL": Session._mail_from,
    "RCPT": Session._rcpt_to,
    "DATA": Session._data,
    "BDAT": Session._bdat,
    "RSET": Session._rset,
    "STARTTLS": Session._starttls,
    "AUTH": Session._auth,
    "NOOP": _always(replies.NOOP),
    "HELP": _always(replies.HELP),
    "VRFY": _always(replies.CANNOT_VERIFY),
    "EXPN": _always(replies.NO_EXPN),
    "QUIT": _always(replies.BYE),
}
_BARE_VERBS: Final = frozenset({"DATA", "RSET", "QUIT", "STARTTLS"})

# RFC 1870 §4: up to 20 digits. RFC 6152 §2, RFC 6531 §3.4. Parameters of RCPT: none are offered.
_PARAMETERS: Final[Mapping[str, Callable[[str | None], bool]]] = {
    "SIZE": lambda value: value is not None and len(value) <= 20 and value.isascii() and value.isdigit(),
    "BODY": lambda value: value is not None and value.upper() in ("7BIT", "8BITMIME"),
    "SMTPUTF8": lambda value: value is None,
}

_BROKEN: Final[Mapping[type[framing.FramingError], Reply]] = {
    framing.BareLf: replies.BARE_LF,
    framing.BareCr: replies.BARE_CR,
    framing.BareEnd: replies.BARE_END,
    framing.CommandTooLong: replies.COMMAND_TOO_LONG,
    framing.CommandEndless: replies.COMMAND_ENDLESS,
}
