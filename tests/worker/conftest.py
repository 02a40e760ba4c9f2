"""Accounts, inboxes, mail for them, and lanes that show it."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from daimon.accounts.models import Account, AccountStatus, Tier
from daimon.accounts.repository import AccountRepository
from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.db.scope import Scope
from daimon.db.walls import JOBS
from daimon.events.rings import CHANNEL as EVENTS
from daimon.inbound import understanding
from daimon.inbound.accept import Acceptor
from daimon.inbound.isolation import Reader, Reading
from daimon.inbound.lane import (
    PARTIAL_CPU_SECONDS,
    QUICK_CPU_SECONDS,
    SLOW_CPU_SECONDS,
    QuickLane,
    SlowLane,
)
from daimon.inbound.models import Accepted, Peer, Recipient
from daimon.inboxes.models import Inbox, InboxStatus
from daimon.inboxes.repository import InboxRepository
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.mail.envelope import Envelope
from daimon.messages import service as messages
from daimon.messages.models import Message, MessageQuery, Sort
from daimon.notices import sealing

PEER = Peer("192.0.2.1", "sender.example", tls=False)


@dataclass
class Clock:
    """A clock that a test moves."""

    now: datetime = field(default_factory=utc_now)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, step: timedelta) -> None:
        self.now += step


@dataclass
class Lanes:
    """What one worker process runs."""

    quick: QuickLane
    slow: SlowLane

    @property
    def readers(self) -> list[Reader]:
        """The reader processes of all lanes."""
        return [self.quick.reader, self.slow.whole, self.slow.partial]

    async def drain(self) -> None:
        """Work until the queue holds nothing."""
        while await self.quick.process() + await self.slow.process():
            pass


@dataclass
class House:
    """A server without its sockets."""

    db: Database
    clock: Clock
    lanes: Lanes

    async def open_account(self) -> Account:
        """Make an account without limits."""
        account = Account(ids.new(), Tier.ENTERPRISE, AccountStatus.ACTIVE, None, self.clock())
        async with self.db.transaction() as db:
            await AccountRepository(db, Scope(account.account_id)).add(account)
        return account

    async def open_inbox(self, account: Account | None = None, username: str | None = None) -> Inbox:
        """Make an inbox, of a new account if none is given."""
        account = account or await self.open_account()
        new = ids.new()
        inbox = Inbox(
            id=new,
            account_id=account.account_id,
            pod_id=None,
            username=username or f"box-{new.hex}",
            domain="daimon.email",
            display_name=None,
            status=InboxStatus.ACTIVE,
            message_count=0,
            thread_count=0,
            unread_count=0,
            last_received_at=None,
            client_id=None,
            metadata={},
            created_at=self.clock(),
            updated_at=self.clock(),
        )
        async with self.db.transaction() as db:
            assert await InboxRepository(db, Scope(account.account_id)).add(inbox)
        return inbox

    async def accept(self, octets: bytes, *inboxes: Inbox, tag: str = "") -> None:
        """Accept a mail for inboxes, as SMTP does before it says 250."""
        await Acceptor(self.db).commit(self.accepted(octets, *inboxes, tag=tag))

    def accepted(self, octets: bytes, *inboxes: Inbox, tag: str = "") -> Accepted:
        """Return what SMTP hands over at the end of data."""
        paths = [inbox.email.replace("@", f"+{tag}@" if tag else "@") for inbox in inboxes]
        recipients = [Recipient(path, inbox.account_id, inbox.id) for path, inbox in zip(paths, inboxes, strict=True)]
        envelope = Envelope("ann@example.org", tuple(paths), smtputf8=False)
        return Accepted(envelope, tuple(recipients), octets, PEER, self.clock())

    async def deliver(self, octets: bytes, *inboxes: Inbox, tag: str = "") -> None:
        """Accept a mail and show it."""
        await self.accept(octets, *inboxes, tag=tag)
        await self.lanes.drain()

    async def messages(self, inbox: Inbox) -> list[Message]:
        """Return the messages of an inbox whole, the oldest first."""
        query = MessageQuery(limit=1000, sort=Sort.OLDEST, with_detail=True)
        async with self.db.read() as db:
            return (await messages.page(db, Scope(inbox.account_id), inbox.id, query)).items

    async def subjects(self, inbox: Inbox) -> list[str]:
        """Return the subjects of an inbox's messages, the oldest first."""
        return [message.subject for message in await self.messages(inbox)]

    async def threads(self, inbox: Inbox) -> dict[str, UUID]:
        """Return the thread of each message by its subject."""
        return {message.subject: message.thread_id for message in await self.messages(inbox)}

    async def value(self, sql: str, *parameters: object) -> object:
        """Return one value of the database."""
        async with self.db.read() as db:
            return await db.fetchval(sql, *parameters)

    async def rows(self, sql: str, *parameters: object) -> list[tuple[object, ...]]:
        """Return rows of the database."""
        async with self.db.read() as db:
            return [tuple(row) for row in await db.fetch(sql, *parameters)]

    async def do(self, sql: str, *parameters: object) -> None:
        """Change the database by hand, as its owner."""
        owner = await asyncpg.connect(self.db.url)
        await owner.execute(sql, *parameters)
        await owner.close()


MakeLanes = Callable[..., Lanes]


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A fresh database."""
    sealing.configure(b"s" * 32)
    opened = await Database.open(database_url, connections=8, role=JOBS)
    yield opened
    await opened.close()


@pytest.fixture
def make_lanes(db: Database) -> Iterator[MakeLanes]:
    """Make the lanes of a worker process, with readers that are closed after the test."""
    readers: list[Reader] = []

    def make(clock: Clock, reading: Reading = understanding.fully) -> Lanes:
        quick = Reader(reading, cpu_seconds=QUICK_CPU_SECONDS)
        slow = Reader(reading, cpu_seconds=SLOW_CPU_SECONDS)
        partial = Reader(understanding.barely, cpu_seconds=PARTIAL_CPU_SECONDS)
        ringer = Ringer(db, EVENTS)
        readers.extend((quick, slow, partial))
        return Lanes(QuickLane(db, quick, ringer), SlowLane(db, slow, partial, ringer, clock))

    yield make
    for reader in readers:
        reader.close()


@pytest.fixture
def house(db: Database, make_lanes: MakeLanes) -> House:
    """A server without its sockets, with one worker."""
    clock = Clock()
    return House(db, clock, make_lanes(clock))


def findings(message: Message) -> list[str]:
    """Return the kinds of what is to be distrusted in a message."""
    return [finding.kind for finding in message.summary.safety.findings]
