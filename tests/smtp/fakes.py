"""A directory and an acceptor that record what they are asked."""

import asyncio
from uuid import UUID, uuid5

from daimon.inbound.errors import DomainNotServed, InboxDeleted, InboxSuspended, StoreUnavailable, UnknownInbox
from daimon.inbound.models import Accepted, Recipient
from daimon.mail.address import Address

ACCOUNT = UUID(int=1)
DOMAIN = "daimon.email"
REFUSED = {
    "nobody": UnknownInbox,
    "gone": InboxDeleted,
    "off": InboxSuspended,
}


class FakeDirectory:
    """Every address of the domain is an inbox, but for those whose name says otherwise.

    `gate` holds look-ups back until it is set; `most_at_once` tells how many ran side by side.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.running = 0
        self.most_at_once = 0
        self.all_here = asyncio.Event()
        self.wanted_at_once = 0

    async def find(self, address: Address) -> Recipient:
        self.asked.append(str(address))
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        if self.running == self.wanted_at_once:
            self.all_here.set()
        try:
            await self.gate.wait()
        finally:
            self.running -= 1
        if address.domain != DOMAIN:
            raise DomainNotServed
        if refusal := REFUSED.get(address.local):
            raise refusal
        if address.local == "bug":
            raise RuntimeError("secret detail")
        return Recipient(str(address), ACCOUNT, uuid5(ACCOUNT, address.base))


class FakeAcceptor:
    """Keeps mails in a list. `gate` holds commits back; with `broken`, nothing is kept."""

    def __init__(self) -> None:
        self.mails: list[Accepted] = []
        self.begun = 0
        self.on_begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.broken: Exception | None = None

    async def commit(self, mail: Accepted) -> None:
        self.begun += 1
        self.on_begun.set()
        await self.gate.wait()
        if self.broken is not None:
            raise self.broken
        self.mails.append(mail)


UNAVAILABLE = StoreUnavailable("the database is away")
