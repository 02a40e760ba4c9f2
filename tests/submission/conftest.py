"""A submission server over the account of `post`, and clients of the standard library."""

import asyncio
import base64
import contextlib
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
import pytest_asyncio
import uvloop

from daimon.keys.cache import KeyCache
from daimon.keys.failures import AuthFailures
from daimon.keys.use import KeyUses
from daimon.kit.clock import utc_now
from daimon.smtpd import tls
from daimon.smtpd.desk import SubmissionDesk
from daimon.smtpd.policy import Policy
from daimon.smtpd.reading import TwoReaders
from daimon.smtpd.server import SubmissionServer
from sending.conftest import Post, post, working
from smtp.client import Client

__all__ = ["post", "working"]
R = TypeVar("R")
POLICY = Policy(hostname="smtp.daimon.email", service_domain="daimon.email", max_message_bytes=2**20, max_line=998)
MAIL = b"From: Agent <agent@daimon.email>\r\nTo: Friend <friend@daimon.email>\r\nSubject: Hello\r\n\r\nHi there.\r\n"


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Production runs on uvloop."""
    return {"uvloop": uvloop.new_event_loop}


@dataclass
class Submission:
    """A running submission server."""

    post: Post
    desk: SubmissionDesk
    port: int
    context: ssl.SSLContext
    clients: list[Client] = field(default_factory=list)

    async def talk(self, act: Callable[[smtplib.SMTP], R]) -> R:
        """Return what a client does with a connection that has begun TLS; a thread of its own waits for the replies."""

        def run() -> R:
            with smtplib.SMTP("127.0.0.1", self.port, "client.example", timeout=30) as client:
                client.starttls(context=self.context)
                return act(client)

        return await asyncio.to_thread(run)

    async def submit(
        self,
        octets: bytes = MAIL,
        *to: str,
        user: str = "agent@daimon.email",
        key: str | None = None,
        options: tuple[str, ...] = (),
    ) -> str:
        """Submit a mail as `sendmail` would, and return the id of the message."""

        def act(client: smtplib.SMTP) -> str:
            client.login(user, key or self.post.key)
            return posted(client, octets, *to, options=options)

        return await self.talk(act)

    async def client(self) -> Client:
        """Return a client that follows transcripts."""
        client = await Client.connect(self.port)
        self.clients.append(client)
        return client

    async def hang_up(self) -> None:
        """Close the clients."""
        for client in self.clients:
            await client.close()


Serve = Callable[..., Awaitable[Submission]]


def posted(
    client: smtplib.SMTP,
    octets: bytes = MAIL,
    *to: str,
    mail_from: str = "agent@daimon.email",
    options: tuple[str, ...] = (),
) -> str:
    """Send a mail in a session that is authenticated, and return the id of the message; raise what is refused."""
    _ok(client.mail(mail_from, options))
    for address in to or ("friend@daimon.email",):
        _ok(client.rcpt(address))
    return _ok(client.data(octets)).removeprefix("2.0.0 Queued as ")


def _ok(reply: tuple[int, bytes]) -> str:
    if reply[0] != 250:
        raise smtplib.SMTPResponseException(*reply)
    return reply[1].decode()


@pytest.fixture(scope="session")
def tls_context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """The server's certificate."""
    directory: Path = tmp_path_factory.mktemp("tls")
    return tls.self_made(directory, hostname="smtp.daimon.email", now=utc_now())


@pytest.fixture(scope="session")
def trusting() -> ssl.SSLContext:
    """A client that asks for no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest_asyncio.fixture
async def desk(post: Post) -> AsyncIterator[SubmissionDesk]:
    """A desk of which `post`'s account is a user; a network is refused after five guesses."""
    services = post.edge.services
    reader = TwoReaders()
    yield SubmissionDesk(
        services.db,
        services.mailroom,
        keys=KeyCache(services.db, utc_now),
        failures=AuthFailures(5),
        uses=KeyUses(),
        reader=reader,
        clock=utc_now,
    )
    reader.close()


@pytest_asyncio.fixture
async def serve(
    post: Post, desk: SubmissionDesk, tls_context: ssl.SSLContext, trusting: ssl.SSLContext
) -> AsyncIterator[Serve]:
    """Start servers: `await serve(implicit_tls=True)` changes the policy, `reader` who reads the mails."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*, reader: TwoReaders = desk.reader, **changes: Any) -> Submission:
            policy = msgspec.structs.replace(POLICY, **changes)
            desk.reader = reader
            server = SubmissionServer(desk=desk, policy=policy, tls=tls_context, clock=utc_now)
            sock = socket.create_server(("127.0.0.1", 0))
            submission = Submission(post, desk, sock.getsockname()[1], trusting)
            await server.start(sock)
            stack.push_async_callback(server.drain, patience=5)
            stack.push_async_callback(submission.hang_up)
            return submission

        yield start


@pytest_asyncio.fixture
async def submission(serve: Serve) -> Submission:
    """A server with the usual policy."""
    return await serve()


def b64(text: str) -> str:
    """Return a text as AUTH carries it."""
    return base64.b64encode(text.encode()).decode()


def with_header(*fields: str) -> bytes:
    """Return a mail with these fields alone."""
    return "".join(f"{field}\r\n" for field in fields).encode() + b"\r\nHi there.\r\n"
