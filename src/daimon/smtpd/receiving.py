"""The dialogue of a server that mail comes in at: it asks who is reached, and keeps what is for them."""

from functools import partial

from daimon.inbound.errors import RecipientRefused
from daimon.inbound.models import Accepted, Peer, Recipient
from daimon.kit.clock import Clock
from daimon.mail.address import Address
from daimon.mail.envelope import Envelope
from daimon.smtpd import replies
from daimon.smtpd.collaborators import Acceptor, Directory
from daimon.smtpd.framing import Framer
from daimon.smtpd.policy import Policy
from daimon.smtpd.replies import Reply
from daimon.smtpd.session import Session, Step
from daimon.smtpd.transaction import Commit, Lookup, Transaction


class Receiving(Session):
    """A dialogue with whoever has mail for the inboxes here."""

    def __init__(
        self,
        framer: Framer,
        *,
        directory: Directory,
        acceptor: Acceptor,
        policy: Policy,
        clock: Clock,
        tls_offered: bool,
    ) -> None:
        super().__init__(framer, policy=policy, clock=clock, tls_offered=tls_offered)
        self._directory = directory
        self._acceptor = acceptor

    def _authenticate(self, argument: str) -> Step:
        return replies.no_auth(self._policy.submission_port)

    def _admit(self, mail: Transaction) -> Step:
        return replies.MAIL_OK

    def _find(self, mail: Transaction, mailbox: str, address: Address) -> Step:
        try:
            found = self._directory.find(address)
        except RecipientRefused as refusal:
            return self._found(mail, mailbox, refusal)
        if isinstance(found, Recipient):
            return self._found(mail, mailbox, found)
        return Lookup(found, partial(self._found, mail, mailbox))

    def _found(self, mail: Transaction, mailbox: str, found: Recipient | BaseException) -> Reply:
        if isinstance(found, Recipient):
            # Two that reach one inbox (by sub-address, say) bring it one copy.
            mail.add((found.account_id, found.inbox_id), mailbox, found)
            return replies.RCPT_OK
        if isinstance(found, RecipientRefused):
            self._note("smtp_recipient_refused", rcpt_to=mailbox, mail_from=mail.mail_from, why=type(found).__name__)
            return replies.refusal(found)
        return self._local_error(found, rcpt_to=mailbox)

    def _hand_over(self, mail: Transaction, octets: bytes) -> Step:
        paths = tuple([path for path, _ in mail.recipients.values()])
        recipients = tuple([recipient for _, recipient in mail.recipients.values()])
        envelope, peer = Envelope(mail.mail_from, paths, mail.smtputf8), Peer(self.ip, self._client, self._tls)
        accepted = Accepted(envelope, recipients, octets, peer, self._clock())
        return Commit(self._acceptor.commit(accepted), self._committed)

    def _committed(self, failure: BaseException | None) -> Reply:
        if failure is not None:
            return self._local_error(failure)
        self._done()
        return replies.QUEUED  # RFC 5321 §4.2.5: from here on it is ours
