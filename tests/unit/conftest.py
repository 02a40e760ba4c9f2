"""A database for what is tested without an edge."""

from collections.abc import AsyncIterator

import pytest

from daimon.db.engine import Database


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A database with eight connections."""
    opened = await Database.open(database_url, connections=8)
    yield opened
    await opened.close()
