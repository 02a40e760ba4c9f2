"""The dialogue of a server that takes mail to be sent (RFC 6409): only who shows a key is heard (RFC 4954)."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final
from uuid import UUID

from daimon.kit.clock import Clock
from daimon.kit.errors import DaimonError
from daimon.mail.address import Address, parse_address
from daimon.outbound.errors import BadSubmission
from daimon.smtpd import framing, metrics, replies, sasl
from daimon.smtpd.collaborators import Desk, Login, Posted
from daimon.smtpd.framing import Framer
from daimon.smtpd.policy import Policy
from daimon.smtpd.replies import Reply
from daimon.smtpd.session import Session, Step
from daimon.smtpd.transaction import Commit, Lookup, Transaction

_AUTH: Final = "AUTH " + " ".join(sasl.MECHANISMS)


class Submitting(Session):
    """A dialogue with whoever has mail for anybody, and a key."""

    def __init__(self, framer: Framer, *, desk: Desk, policy: Policy, clock: Clock, tls_offered: bool) -> None:
        super().__init__(framer, policy=policy, clock=clock, tls_offered=tls_offered)
        self._desk = desk
        self._login: Login | None = None
        self._exchange: sasl.Exchange | None = None
        self._failures = 0

    # What the connection asks and tells

    def broken(self, error: framing.FramingError) -> Reply:
        """Return the answer to octets that are not SMTP; an AUTH under way is over."""
        if self._exchange is not None:
            self._exchange, self.take = None, self._command
        return super().broken(error)

    def judge(self, refusal: Reply) -> Reply | None:
        """Count a permanent refusal; a client that guesses gets to guess a few times only."""
        if refusal.code == replies.AUTH_FAILED.code:
            self._failures += 1
            if self._failures >= self._policy.max_auth_failures:
                return replies.TOO_MANY_ERRORS
        return super().judge(refusal)

    def forget(self) -> None:
        """Be as at the beginning: who was let in has to show the key again."""
        super().forget()
        self._login = self._exchange = None

    def takes_more_lookups(self, running: int) -> bool:
        """Tell that nothing is looked up side by side: what is waited for decides on all that comes after it."""
        return False

    # AUTH

    def _more_keywords(self) -> tuple[str, ...]:
        return (_AUTH,) if self._is_private else ()

    @property
    def _is_private(self) -> bool:
        """Whether a key may be shown here: nobody listens on the way, or there is no way."""
        return self._tls or ip_address(self.ip).is_loopback

    def _authenticate(self, argument: str) -> Step:
        if not self._client:
            return replies.HELO_FIRST
        if self._login is not None:
            return replies.ALREADY_IN  # RFC 4954 §4
        if self._mail is not None:
            return replies.AUTH_IN_MAIL
        if not self._is_private:
            return replies.TLS_FIRST
        mechanism, _, initial = argument.partition(" ")
        if mechanism.upper() not in sasl.MECHANISMS:
            return replies.NO_MECHANISM
        self._exchange = sasl.Exchange(mechanism.upper())
        if not initial:
            return self._challenge(self._exchange)
        return self._respond(b"" if initial == "=" else initial.encode())  # RFC 4954 §4: `=` is an empty response

    def _challenge(self, exchange: sasl.Exchange) -> Step:
        self.take = self._respond
        return replies.challenge(exchange.challenge or "")

    def _respond(self, response: bytes) -> Step:
        exchange, self.take = self._exchange, self._command
        assert exchange is not None
        if response == b"*":
            self._exchange = None
            return replies.AUTH_CANCELLED
        try:
            exchange.respond(response)
            if exchange.challenge is not None:
                return self._challenge(exchange)
            user, password = exchange.credentials()
        except sasl.BadResponse:
            self._exchange = None
            return replies.BAD_AUTH
        login = Login(user, password, self.ip)
        return Lookup(self._desk.admit(login), lambda outcome: self._let_in(login, outcome))

    def _let_in(self, login: Login, failure: BaseException | None) -> Reply:
        self._exchange = None
        if failure is None:
            self._login = login
            return replies.AUTHENTICATED
        return self._refused(failure, replies.auth_refusal)

    # The envelope

    def _refuse_parameters(self, parameters: Mapping[str, str | None]) -> Reply | None:
        # RFC 4954 §5: whoever else a mail may be from is nothing that a client can be trusted in.
        return super()._refuse_parameters({name: value for name, value in parameters.items() if name != "AUTH"})

    def _admit(self, mail: Transaction) -> Step:
        if self._login is None:
            self._mail = None
            return replies.AUTH_FIRST
        mail_from = parse_address(mail.mail_from) if mail.mail_from else None
        return Lookup(self._desk.check(self._login, mail_from), self._checked)

    def _checked(self, failure: BaseException | None) -> Reply:
        if failure is None:
            return replies.MAIL_OK
        self._mail = None
        return self._refused(failure, replies.submission_refusal)

    def _find(self, mail: Transaction, mailbox: str, address: Address) -> Step:
        mail.add(str(address), mailbox, address)
        return replies.RCPT_OK

    # The data

    def _hand_over(self, mail: Transaction, octets: bytes) -> Step:
        if self._login is None:
            return replies.AUTH_FIRST
        rcpt_to = [address for _, address in mail.recipients.values()]
        return Commit(self._desk.take(self._login, Posted(rcpt_to, octets, mail.smtputf8)), self._taken)

    def _taken(self, outcome: UUID | BaseException) -> Reply:
        if isinstance(outcome, UUID):
            self._done()
            metrics.submitted()
            return replies.queued_as(outcome)
        return self._refused(outcome, replies.submission_refusal)

    def _refused(self, failure: BaseException, render: "replies.Rendering") -> Reply:
        if isinstance(failure, DaimonError | BadSubmission):
            reply = render(failure)
            self._note("smtp_submission_refused", why=type(failure).__name__, status=reply.status)
            return reply
        return self._local_error(failure)
