"""What every test may ask for: a real PostgreSQL, and a fresh database in it."""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from daimon.db.embedded import EmbeddedPostgres
from daimon.db.migrate import migrate

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A server of its own for this test run, without fsync; `template_daimon` holds the migrated schema."""
    directory = Path(tempfile.mkdtemp(prefix="daimon-test-"))
    server = EmbeddedPostgres(directory, durable=False)
    server.start()
    try:
        asyncio.run(_make_template(server))
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
async def database_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A fresh database with the whole schema and no rows, dropped after the test."""
    name = f"test_{next(_numbers)}"
    await _execute(postgres.url, f"create database {name} template template_daimon strategy file_copy")
    yield database_of(postgres, name)
    await _execute(postgres.url, f"drop database {name} with (force)")


@pytest.fixture
async def empty_database_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A fresh database without any schema."""
    name = f"test_{next(_numbers)}"
    await _execute(postgres.url, f"create database {name}")
    yield database_of(postgres, name)
    await _execute(postgres.url, f"drop database {name} with (force)")


def database_of(server: EmbeddedPostgres, name: str) -> str:
    """Return the URL of another database of the same server."""
    return server.url.replace("/daimon?", f"/{name}?")


async def _make_template(server: EmbeddedPostgres) -> None:
    await _execute(server.url, "create database template_daimon")
    await migrate(database_of(server, "template_daimon"))


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
