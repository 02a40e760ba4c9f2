"""Names, and certificates of a made-up authority."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from nameserver import NameServer
from safe_http.endpoints import Certificates


@pytest.fixture
async def names() -> AsyncIterator[NameServer]:
    async with NameServer() as server:
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Let the SMTP client run in the loop that serves, whose transports are of another make, and in Python's own."""
    if not item.path.name.startswith("test_smtp_"):
        return {"asyncio": asyncio.new_event_loop}
    if item.path.name == "test_smtp_peers.py":
        return {"uvloop": uvloop.new_event_loop}
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
