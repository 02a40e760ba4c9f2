"""What the dialogue needs of others: whom an address reaches, a place that keeps mails, a desk that takes them."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from daimon.inbound.models import Accepted, Recipient
from daimon.mail.address import Address


class Directory(Protocol):
    """Knows whom a forward-path reaches. Look-ups of pipelined RCPTs run side by side.

    An `async def` will do; returning a future saves a task per look-up, the recipient itself the wait as well.
    """

    def find(self, address: Address) -> Recipient | Awaitable[Recipient]:
        """Return the recipient. Raises a RecipientRefused; anything else is told as 451."""
        ...


class Acceptor(Protocol):
    """Keeps mails. An `async def` will do; returning a future saves a task per mail."""

    def commit(self, mail: Accepted) -> Awaitable[None]:
        """Return once the mail is durable. Raises StoreUnavailable, having kept nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Login:
    """What a client showed to be let in, and from where. The key is asked about again with each mail."""

    user: str
    key: str
    ip: str


@dataclass(frozen=True, slots=True)
class Posted:
    """A mail that was submitted: whom it goes to, and its octets."""

    rcpt_to: Sequence[Address]
    octets: bytes
    smtputf8: bool


class Desk(Protocol):
    """Knows the keys, and takes mails to be sent. All raise a DaimonError; anything else is told as 451."""

    async def admit(self, login: Login) -> None:
        """Return if the key is good for the user, and may send."""
        ...

    async def check(self, login: Login, mail_from: Address | None) -> None:
        """Return if a mail may be begun, from an address that the key reaches or from nobody."""
        ...

    async def take(self, login: Login, posted: Posted) -> UUID:
        """Return the id of the message once it is durable. Raises BadSubmission, too; nothing was kept then."""
        ...
