"""What every test may ask for: a real PostgreSQL, and a fresh database in it."""

import asyncio
import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from daimon.db.embedded import EmbeddedPostgres
from databases import fresh_database, make_template

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
def typescript_client(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A directory with the TypeScript client, built in the repository and installed as docs/quick-start.md says.

    Once for a run, by whichever process comes first. What is installed stays as it is when the client is built again.
    """
    ours = tmp_path_factory.getbasetemp()
    directory = (ours if worker_id == "master" else ours.parent) / "typescript"
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.exists():
            _install_typescript_client(directory)
    return directory


def _install_typescript_client(directory: Path) -> None:
    from docs.pages import ROOT, samples

    building = directory.with_suffix(".building")
    building.mkdir()
    (building / "sdk").symlink_to(ROOT / "sdk")
    [commands] = [sample.text for sample in samples("docs/quick-start.md") if "npm ci" in sample.text]
    done = subprocess.run(
        ["bash", "-euc", commands],
        cwd=building,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    installed = building / "node_modules/daimon-email"
    source = installed.resolve()
    installed.unlink()
    shutil.copytree(source, installed, ignore=shutil.ignore_patterns("node_modules"))
    building.rename(directory)
