"""The HTTP edge on a real socket, over a fresh database."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from daimon.api.access_log import AccessLog
from daimon.api.app import Api
from daimon.api.catalog import OPERATIONS
from daimon.api.operation import Operation
from daimon.api.server import serve
from daimon.api.services import Services, Submission
from daimon.audit.reads import ReadLog
from daimon.audit.service import Trail
from daimon.billing.links import Links
from daimon.billing.service import Billing
from daimon.db.embedded import EmbeddedPostgres
from daimon.db.engine import Database
from daimon.db.listener import listen
from daimon.db.ringer import Ringer
from daimon.db.walls import API, JOBS, TenantDatabase
from daimon.domains.dkim import KeyVault
from daimon.domains.models import DomainPolicy
from daimon.domains.signing import SigningKeys
from daimon.events import rings
from daimon.feed.tail import Tails
from daimon.inbound import pipeline, understanding
from daimon.inbound.models import QueuedMail, ReadMail
from daimon.inboxes.models import InboxPolicy
from daimon.keys.cache import KeyCache
from daimon.keys.failures import AuthFailures
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.kit.dns import Dns
from daimon.kit.safe_http import SafeHttp
from daimon.mcp.http import WithMcp
from daimon.messages.waiting import Bells
from daimon.notices import sealing
from daimon.outbound import queue
from daimon.outbound.mailroom import Mailroom
from daimon.outbound.return_path import ReturnPaths
from daimon.outbound.road import Road
from daimon.quotas.tiers import TIERS
from daimon.webhooks import wake
from daimon.webhooks.secret import Vault
from databases import fresh_database

if TYPE_CHECKING:
    from .registrar import Registrar

ServeOperations = Callable[[Sequence[Operation]], AbstractAsyncContextManager["Edge"]]

MAIL = b"""From: Login <login@example.com>\r
To: agent@daimon.email\r
Subject: %s\r
Message-ID: <%s@example.com>\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
\r
Your code is 123456.\r
--b\r
Content-Type: text/html; name="a.html"\r
Content-Disposition: attachment; filename="\xc3\xa4 b.html"\r
\r
<script>alert(1)</script>\r
--b--\r
"""


@dataclass
class Opened:
    """An account with its first inbox, as its create answered."""

    id: str
    account_id: str
    email: str
    account_api_key: str
    inbox_api_key: str


@dataclass
class Edge:
    """A running server and a client of it."""

    services: Services
    bells: "WatchedBells"
    http: httpx.AsyncClient
    port: int
    database: Database  # over the wall: for what a test looks at or arranges
    log: io.BytesIO = field(default_factory=io.BytesIO)

    async def open_account(self, **body: object) -> Opened:
        """Create an inbox without a key."""
        answer = await self.http.post("/v1/inboxes", json=body)
        assert answer.status_code == 201, answer.text
        result = answer.json()["result"]
        return Opened(**{name: result[name] for name in Opened.__dataclass_fields__})

    async def create_inbox(self, account_key: str, **body: object) -> dict[str, Any]:
        """Create an inbox with a key."""
        answer = await self.http.post("/v1/inboxes", json=body, headers=bearer(account_key))
        assert answer.status_code == 201, answer.text
        result: dict[str, Any] = answer.json()["result"]
        return result

    async def deliver(self, inbox_id: str, subject: str = "Hello", octets: bytes | None = None) -> bytes:
        """Let a mail arrive in an inbox, as the worker does; return its octets."""
        octets = octets or MAIL % (subject.encode(), subject.encode().hex().encode())
        inbox = ids.read(ids.Kind.INBOX, inbox_id)
        assert inbox is not None
        async with self.database.transaction() as db:
            account_id, address = await db.fetchrow(
                "select account_id, username || '@' || domain from inboxes where id = $1", inbox
            )
            mail = QueuedMail(
                account_id=account_id,
                id=ids.new(),
                mail_from="login@example.com",
                recipients=((address, inbox),),
                peer_ip="127.0.0.1",
                helo="example.com",
                size=len(octets),
                received_at=utc_now(),
            )
            await db.execute("insert into raw_mails values ($1, $2, $3)", account_id, mail.id, octets)
            with rings.noticing() as told:
                await pipeline.show(db, [ReadMail(mail, understanding.fully(octets))])
        Ringer(self.database, rings.CHANNEL).ring(*told)
        return octets


class WatchedBells(Bells):
    """Bells that tell when somebody begins and ends to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.lent = asyncio.Event()
        self.returned = asyncio.Event()

    @contextmanager
    def bell(self, inbox_id: UUID) -> Iterator[asyncio.Event]:
        with super().bell(inbox_id) as event:
            self.lent.set()
            try:
                yield event
            finally:
                self.returned.set()


def bearer(key: str) -> dict[str, str]:
    """Return the header that sends a key."""
    return {"Authorization": f"Bearer {key}"}


@asynccontextmanager
async def opened_services(url: str) -> AsyncIterator[Services]:
    """Everything that the HTTP edge works with, over one database."""
    db = await TenantDatabase.open(url, connections=8, role=API)
    jobs = await Database.open(url, connections=2, role=JOBS)
    sealing.configure(b"s" * 32)
    trail = Trail(b"s" * 32)
    http = SafeHttp(allow_insecure=True, timeout=2)
    told, posts = Ringer(jobs, rings.CHANNEL), Ringer(jobs, queue.CHANNEL)
    road = Road(
        SigningKeys(KeyVault(b"s" * 32), service_domain="daimon.email", clock=utc_now),
        jobs,
        ReturnPaths(b"s" * 32),
        TIERS,
    )
    yield Services(
        db=db,
        jobs=jobs,
        keys=KeyCache(db, utc_now),
        clock=utc_now,
        bells=WatchedBells(),
        tails=Tails(db.read, public_url="http://daimon.test"),
        ringer=told,
        hooks=Ringer(jobs, wake.CHANNEL),
        posts=posts,
        mailroom=Mailroom(db, road=road, trail=trail, told=told, posts=posts, clock=utc_now),
        http=http,
        vault=Vault(b"s" * 32),
        dns=Dns(("127.0.0.1", 9)),  # nobody is there
        domain_vault=KeyVault(b"s" * 32),
        domain_policy=DomainPolicy("daimon.email", ("mx1.daimon.email", "mx2.daimon.email"), TIERS),
        inbox_policy=InboxPolicy("daimon.email", frozenset({"postmaster"}), 0, TIERS),
        public_url="http://daimon.test",
        submission=Submission("127.0.0.1", 2587, None, 26_214_400),
        secret_key=b"s" * 32,
        stopping=asyncio.Event(),
        auth_failures=AuthFailures(0),
        trail=trail,
        reads=ReadLog(jobs, trail),
        billing=Billing(Links(b"s" * 32, "http://daimon.test"), db.transaction, utc_now),
    )
    await http.close()
    await db.close()
    await jobs.close()


@asynccontextmanager
async def serving(services: Services, operations: Sequence[Operation] = OPERATIONS) -> AsyncIterator[Edge]:
    """Serve operations on an ephemeral port until the block ends."""
    log = io.BytesIO()
    services = replace(services, access_log=AccessLog(log))
    # With its protocol named, asyncio sends each write at once (TCP_NODELAY), as uvloop always does.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(100)
    port = sock.getsockname()[1]
    served = WithMcp(Api(services, operations), public_url=f"http://127.0.0.1:{port}")
    server = asyncio.create_task(serve(served, sock, services.stopping))

    def ring(payload: str) -> None:
        services.bells.ring(payload)
        services.tails.ring(payload)

    listener = asyncio.create_task(listen(services.db.url, rings.CHANNEL, ring, services.stopping))
    looker = asyncio.create_task(services.tails.run(services.jobs, services.stopping))
    database = await Database.open(services.db.url, connections=4)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
        assert isinstance(services.bells, WatchedBells)
        yield Edge(services, services.bells, http, port, database, log)
    services.stopping.set()
    services.bells.ring_all()
    await asyncio.gather(server, listener, looker)
    await served.close()
    await database.close()


@pytest_asyncio.fixture(loop_scope="session")
async def services(database_url: str) -> AsyncIterator[Services]:
    """Services over a fresh database, for a server of the test's own."""
    async with opened_services(database_url) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def fresh_edge(services: Services) -> AsyncIterator[Edge]:
    """The whole API over a fresh database, for tests that stop it, count all rows or change them."""
    async with serving(services) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def edge(postgres: EmbeddedPostgres) -> AsyncIterator[Edge]:
    """The whole API, shared: each test opens accounts of its own in it."""
    async with fresh_database(postgres) as url, opened_services(url) as opened, serving(opened) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def registrar(services: Services) -> "AsyncIterator[Registrar]":
    """The whole API over a fresh database and a DNS of the test's own."""
    from .registrar import registering  # it needs this module

    async with registering(services) as opened:
        yield opened


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run this folder's tests in the loop that the shared server runs in."""
    for item in items:
        if Path(__file__).parent in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
