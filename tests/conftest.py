"""What every test may ask for: a real PostgreSQL, and a fresh database in it."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import npm
from daimon.db.embedded import EmbeddedPostgres
from databases import fresh_database, make_template
from once import Once

_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30  # octets, for a server on each of several cores


def _quickest_place() -> Path | None:
    """Return a file system in memory, if there is one with room: fresh databases are made ten times as fast there."""
    return _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A server of its own for this test run, without fsync, with the template of fresh databases."""
    directory = Path(tempfile.mkdtemp(prefix="daimon-test-", dir=_quickest_place()))
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


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    """What all processes of this run share."""
    ours = tmp_path_factory.getbasetemp()
    return Once(ours if worker_id == "master" else ours.parent)


@pytest.fixture(scope="session")
def typescript_client(once: Once) -> Path:
    """A directory with the TypeScript client as docs/quick-start.md installs it, and the tarball of `npm pack`."""
    return once.made("typescript", npm.install_client)
