"""What the dialogue needs of others: whom an address reaches, and a place that keeps mails."""

from collections.abc import Awaitable
from typing import Protocol

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
