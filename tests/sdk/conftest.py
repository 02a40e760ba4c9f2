"""`daimon serve` as a whole, clients of both kinds, and a peer that answers by script."""

import asyncio
import shutil
import smtplib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from daimon_email import AsyncDaimonClient, AsyncEventStream, AsyncPage, CreatedInbox, DaimonClient
from daimon_email._async import AsyncResource
from e2e.serving import FREE_PORTS, Serving
from npm import RUNTIMES, npm

from .scripted import ScriptedServer
from .walking import Peer, peer

Connect = Callable[..., Any]


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A whole server, for all tests of the client and no longer."""
    started = Serving(tmp_path_factory.mktemp("sdk") / "data", *FREE_PORTS, DAIMON_FREE_CREATES_PER_HOUR="0")
    try:
        yield started.ready()
    finally:
        started.process.terminate()
        started.finish()


@pytest.fixture(scope="package")
def project(typescript_client: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program's folder, with what `npm pack` makes installed in it and nothing else of ours."""
    [packed] = typescript_client.glob("*.tgz")
    folder = tmp_path_factory.mktemp("project")
    (folder / "package.json").write_text('{"private": true}')
    npm("install", "--no-audit", "--no-fund", "--offline", str(packed), where=folder)
    for script in RUNTIMES.glob("*.?js"):
        shutil.copy(script, folder)
    return folder


@pytest.fixture(scope="package")
def answering() -> Iterator[Peer]:
    """A peer that answers by script."""
    with peer() as started:
        yield started


class Blocking:
    """An AsyncDaimonClient, called as a DaimonClient is, so that one test speaks for both."""

    def __init__(self, runner: asyncio.Runner, wrapped: Any) -> None:
        self._runner = runner
        self._wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        return self._blocking(getattr(self._wrapped, name))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._blocking(self._wrapped(*args, **kwargs))

    def __iter__(self) -> Iterator[Any]:
        async def collect() -> list[Any]:
            return [item async for item in self._wrapped]

        return iter(self._runner.run(collect()))

    def _blocking(self, value: Any) -> Any:
        async def result() -> Any:
            return await value

        if isinstance(value, Awaitable):
            return self._blocking(self._runner.run(result()))
        asynchronous = callable(value) or isinstance(value, (AsyncPage, AsyncEventStream, AsyncResource))
        return Blocking(self._runner, value) if asynchronous else value


@pytest.fixture(params=["blocking", "asyncio"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Make clients of one kind, and close them after the test."""
    with ExitStack() as held:
        runner = held.enter_context(asyncio.Runner())

        def make(*args: Any, **kwargs: Any) -> Any:
            if request.param == "blocking":
                return held.enter_context(DaimonClient(*args, **kwargs))
            client = Blocking(runner, AsyncDaimonClient(*args, **kwargs))
            held.callback(client.aclose)
            return client

        yield make


@pytest.fixture
def scripted() -> Iterator[Callable[[Sequence[bytes | None]], ScriptedServer]]:
    """Start peers that answer by script."""
    with ExitStack() as held:
        yield lambda script: held.enter_context(ScriptedServer(script))


@pytest.fixture
def account(connect: Connect, served: Serving) -> Any:
    """A client with the key of a fresh account; `first` is its inbox."""
    created = connect(base_url=served.api).inboxes.create()
    client = connect(api_key=created.account_api_key, base_url=served.api)
    return Account(client, created, served)


class Account:
    """A client with an account key, and the account's first inbox."""

    def __init__(self, client: Any, first: CreatedInbox, served: Serving) -> None:
        self.client = client
        self.first = first
        self.served = served

    def receive(self, subject: str = "Hello", body: str = "Your code is 123456.", file: bytes | None = None) -> bytes:
        """Send a mail to the first inbox by SMTP; return its octets."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "Login <login@example.com>", self.first.email, subject
        mail.set_content(body)
        if file is not None:
            mail.add_attachment(file, "application", "pdf", filename="ä.pdf")
        octets = mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        with smtplib.SMTP("127.0.0.1", self.served.smtp_port, local_hostname="example.com", timeout=30) as smtp:
            smtp.sendmail("login@example.com", [self.first.email], octets)
        return octets
