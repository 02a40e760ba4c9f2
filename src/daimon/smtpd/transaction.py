"""A mail on its way, and what the dialogue waits for."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID

from daimon.inbound.models import Recipient
from daimon.smtpd.replies import Reply


class Lookup(NamedTuple):
    """A forward-path the directory is asked for; `settle` makes the reply of what it says."""

    awaitable: Awaitable[Recipient]
    settle: Callable[[Recipient | BaseException], Reply]


class Commit(NamedTuple):
    """A mail being made durable; `settle` makes the reply of the outcome."""

    awaitable: Awaitable[None]
    settle: Callable[[BaseException | None], Reply]


class Transaction:
    """From MAIL to the end of the data."""

    __slots__ = ("body", "mail_from", "rcpt_to", "recipients", "refusal", "smtputf8")

    def __init__(self, mail_from: str | None, *, smtputf8: bool) -> None:
        self.mail_from = mail_from
        self.smtputf8 = smtputf8
        self.rcpt_to = 0  # forward-paths accepted, those that reach one inbox twice included
        self.recipients: dict[tuple[UUID, UUID], tuple[str, Recipient]] = {}
        self.body: bytearray | None = None  # the chunks so far
        self.refusal: Reply | None = None  # why what is coming in is not kept

    @property
    def chunked(self) -> bool:
        """Whether BDAT has begun."""
        return self.body is not None or self.refusal is not None

    def add(self, mailbox: str, recipient: Recipient) -> None:
        """Count a forward-path. Two that reach one inbox (by sub-address, say) bring it one copy."""
        self.rcpt_to += 1
        self.recipients.setdefault((recipient.account_id, recipient.inbox_id), (mailbox, recipient))

    def drop(self, refusal: Reply) -> None:
        """Keep nothing of the body, now or later, and answer this."""
        self.body, self.refusal = None, refusal
