"""A running receiver with written collaborators, and clients that follow transcripts."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop

from daimon.kit.clock import utc_now
from daimon.smtpd import tls
from daimon.smtpd.policy import Policy
from daimon.smtpd.server import SmtpServer

from .client import Client
from .fakes import DOMAIN, FakeAcceptor, FakeDirectory

POLICY = Policy(hostname="mx.daimon.email", service_domain=DOMAIN, max_message_bytes=3 * 2**20)
HELLO = """
    S: 220 mx.daimon.email ESMTP *
    C: EHLO client.example
    S: 250-mx.daimon.email | *
"""


class Receiver:
    """A server on a loopback port, and the clients that were connected to it."""

    def __init__(self, server: SmtpServer, port: int, directory: FakeDirectory, acceptor: FakeAcceptor) -> None:
        self.server = server
        self.port = port
        self.directory = directory
        self.acceptor = acceptor
        self.clients: list[Client] = []

    async def connect(self) -> Client:
        client = await Client.connect(self.port)
        self.clients.append(client)
        return client

    async def hello(self) -> Client:
        """Return a client that has said EHLO."""
        client = await self.connect()
        await client.follow(HELLO)
        return client

    @property
    def octets(self) -> list[bytes]:
        return [mail.octets for mail in self.acceptor.mails]

    async def stop(self) -> None:
        for client in self.clients:
            await client.close()
        self.directory.gate.set()
        self.acceptor.gate.set()
        await self.server.drain(patience=5)


Serve = Callable[..., Awaitable[Receiver]]


@pytest.fixture(scope="session")
def tls_context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    directory: Path = tmp_path_factory.mktemp("tls")
    return tls.self_made(directory, hostname="mx.daimon.email", now=utc_now())


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Production runs on uvloop; the transports of the two differ enough to try both."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture
async def serve(tls_context: ssl.SSLContext) -> AsyncIterator[Serve]:
    """Start receivers: `await serve(max_errors=3)` changes the policy."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*, tls: ssl.SSLContext | None = tls_context, **changes: Any) -> Receiver:
            directory, acceptor = FakeDirectory(), FakeAcceptor()
            policy = msgspec.structs.replace(POLICY, **changes)
            server = SmtpServer(directory=directory, acceptor=acceptor, policy=policy, tls=tls, clock=utc_now)
            sock = socket.create_server(("127.0.0.1", 0))
            port = sock.getsockname()[1]
            await server.start(sock)
            receiver = Receiver(server, port, directory, acceptor)
            stack.push_async_callback(receiver.stop)
            return receiver

        yield start


@pytest.fixture
async def receiver(serve: Serve) -> Receiver:
    """A receiver with the usual policy."""
    return await serve()


Transcript = Callable[[str], Awaitable[None]]


@pytest.fixture
async def transcript(receiver: Receiver) -> Transcript:
    """Follow a transcript from the greeting on."""

    async def follow(text: str) -> None:
        await (await receiver.connect()).follow(text)

    return follow
