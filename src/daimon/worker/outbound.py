"""The worker's outbound side: one dispatcher over the queue, woken by the commits of submissions."""

import asyncio
from collections.abc import Sequence

from daimon.db import listener
from daimon.db.engine import Connection, Database
from daimon.db.ringer import Ringer
from daimon.inbound import accept
from daimon.inbound.directory import NO_INBOX, reachable, served
from daimon.inbound.models import Accepted, Peer, Recipient
from daimon.kit.clock import Clock
from daimon.mail.address import Address, BadAddress, parse_address
from daimon.mail.envelope import Envelope
from daimon.outbound import queue, simulator
from daimon.outbound.dispatch import Dispatcher
from daimon.outbound.lines import Courier
from daimon.outbound.local import Arriving, Inbox, Inboxes
from daimon.outbound.return_path import ReturnPaths
from daimon.worker.loops import every, work

WAKE_SECONDS = 0.5  # how late what is due may be


async def run(db: Database, *, inboxes: Inboxes, courier: Courier, clock: Clock, stop: asyncio.Event) -> None:
    """Send mail until `stop`, then finish what is under way and give back the rest."""
    dispatcher = Dispatcher(db, inboxes, courier, clock)
    bell = dispatcher.room

    async def wake() -> None:
        if await dispatcher.wake():
            bell.set()

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(listener.listen(db.url, queue.CHANNEL, lambda _: bell.set(), stop, connected=bell.set))
            group.create_task(work(dispatcher.take, bell, stop))
            group.create_task(every(WAKE_SECONDS, wake, stop))
            group.create_task(every(queue.RENEW_SECONDS, dispatcher.renew, stop))
    finally:
        await dispatcher.close()


class InboxesHere:
    """The inboxes of this server, as the outbound road knows them."""

    def __init__(self, db: Database, service_domain: str, return_paths: ReturnPaths) -> None:
        self._domain = service_domain
        self._return_paths = return_paths
        self._simulator = simulator.domain_of(service_domain)
        self._ringer = Ringer(db, accept.CHANNEL)

    async def find(self, db: Connection, addresses: Sequence[str]) -> dict[str, Inbox | None]:
        """Return those of the addresses whose domains are served here: whom each reaches, None for nobody."""
        parsed = {text: address for text in addresses if (address := _parsed(text)) and not address.is_literal}
        outside = {text: each for text, each in parsed.items() if each.domain != self._simulator}
        domains = await served(db, {each.domain for each in outside.values()}, service_domain=self._domain)
        inside = {text: each for text, each in outside.items() if each.domain in domains}
        reached = await reachable(db, list(inside.values())) if inside else {}
        found = {text: reached.get(str(each)) for text, each in inside.items()}
        return {text: Inbox(it.account_id, it.inbox_id) if it else None for text, it in found.items()}

    async def take_in(self, db: Connection, mails: Sequence[Arriving]) -> None:
        """Let mails arrive, in the caller's transaction; what nobody is found for is dropped."""
        unknown = [address for mail in mails if mail.inbox is None and (address := _parsed(mail.recipient))]
        reached = await reachable(db, unknown) if unknown else {}
        accepted = []
        for mail in mails:
            if mail.inbox:
                recipient = Recipient(mail.recipient, *mail.inbox)
            elif found := self._reporting_on(mail.recipient) or reached.get(mail.recipient):
                recipient = found
            else:
                continue
            accepted.append(self._accepted(mail, recipient))
        if accepted:
            await accept.insert(db, accepted)

    def _reporting_on(self, address: str) -> Recipient | None:
        """Return whose return path an address is."""
        sent = self._return_paths.read(address.rpartition("@")[0])
        return Recipient(address, sent.account_id, NO_INBOX) if sent else None

    def ring(self) -> None:
        """Tell that mails have arrived, after the commit."""
        self._ringer.ring(accept.QUICK, accept.SLOW)

    def _accepted(self, mail: Arriving, recipient: Recipient) -> Accepted:
        envelope = Envelope(mail.mail_from, (mail.recipient,), smtputf8=not mail.recipient.isascii())
        return Accepted(envelope, (recipient,), mail.octets, Peer("127.0.0.1", self._domain, tls=False), mail.at)


def _parsed(text: str) -> Address | None:
    try:
        return parse_address(text)
    except BadAddress:
        return None
