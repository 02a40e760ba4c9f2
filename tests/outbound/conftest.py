"""Names, and certificates of a made-up authority."""

from collections.abc import AsyncIterator

import pytest

from nameserver import NameServer
from safe_http.endpoints import Certificates


@pytest.fixture
async def names() -> AsyncIterator[NameServer]:
    async with NameServer() as server:
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))
