"""A mail on its way, and what the dialogue waits for."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, NamedTuple

from daimon.smtpd.replies import Reply


class Lookup(NamedTuple):
    """Something that has to be looked up for a command; `settle` makes the reply of what is found or raised."""

    awaitable: Awaitable[Any]
    settle: Callable[[Any], Reply]


class Commit(NamedTuple):
    """A mail being made durable; `settle` makes the reply of the outcome."""

    awaitable: Awaitable[Any]
    settle: Callable[[Any], Reply]


class Transaction:
    """From MAIL to the end of the data."""

    __slots__ = ("body", "mail_from", "rcpt_to", "recipients", "refusal", "smtputf8")

    def __init__(self, mail_from: str | None, *, smtputf8: bool) -> None:
        self.mail_from = mail_from
        self.smtputf8 = smtputf8
        self.rcpt_to = 0  # forward-paths accepted, those that say the same twice included
        self.recipients: dict[Hashable, tuple[str, Any]] = {}  # the path as written, and whom it reaches
        self.body: bytearray | None = None  # the chunks so far
        self.refusal: Reply | None = None  # why what is coming in is not kept

    @property
    def chunked(self) -> bool:
        """Whether BDAT has begun."""
        return self.body is not None or self.refusal is not None

    def add(self, key: Hashable, mailbox: str, recipient: object) -> None:
        """Count a forward-path; of several with one key, the first stays."""
        self.rcpt_to += 1
        self.recipients.setdefault(key, (mailbox, recipient))

    def drop(self, refusal: Reply) -> None:
        """Keep nothing of the body, now or later, and answer this."""
        self.body, self.refusal = None, refusal
