"""What every test may ask for: a real PostgreSQL, and a fresh database in it."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from daimon.db.embedded import EmbeddedPostgres
from databases import fresh_database, make_template


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A server of its own for this test run, without fsync, with the template of fresh databases."""
    directory = Path(tempfile.mkdtemp(prefix="daimon-test-"))
    server = EmbeddedPostgres(directory, durable=False)
    server.start()
    try:
        asyncio.run(make_template(server))
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
async def database_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A fresh database with the whole schema and no rows, dropped after the test."""
    async with fresh_database(postgres) as url:
        yield url


@pytest.fixture
async def empty_database_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A fresh database without any schema."""
    async with fresh_database(postgres, template="template1") as url:
        yield url
