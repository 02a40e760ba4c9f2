"""Data directories and servers for the tests of `daimon serve`."""

import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from admin import Operator

from serving import FREE_PORTS, Serving


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory after its first start and stop."""
    directory = tmp_path_factory.mktemp("prepared") / "data"
    first = Serving(directory, *FREE_PORTS).ready()
    assert first.end() == 0
    return directory


@pytest.fixture(scope="session")
def running(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server for all tests that leave one as it was, or make it heal."""
    directory = tmp_path_factory.mktemp("running") / "data"
    subprocess.run(["cp", "-a", prepared, directory], check=True)
    server = Serving(directory, *FREE_PORTS).ready()
    yield server
    assert server.end() == 0


@pytest.fixture(scope="session")
def generous(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that lets one address take many inboxes."""
    directory = tmp_path_factory.mktemp("generous") / "data"
    subprocess.run(["cp", "-a", prepared, directory], check=True)
    server = Serving(directory, *FREE_PORTS, DAIMON_FREE_CREATES_PER_HOUR="1000").ready()
    yield server
    assert server.end() == 0


@pytest.fixture
def data_dir(prepared: Path, tmp_path: Path) -> Path:
    """A data directory of a server that ran before."""
    subprocess.run(["cp", "-a", prepared, tmp_path / "data"], check=True)
    return tmp_path / "data"


@pytest.fixture
def serve() -> Iterator[Callable[..., Serving]]:
    """Start servers that are ended after the test."""
    started: list[Serving] = []

    def start(data_dir: Path, *arguments: str, **variables: str) -> Serving:
        started.append(Serving(data_dir, *(arguments or FREE_PORTS), **variables))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.terminate()
        each.finish()


def _cannot(why: str) -> None:
    """Skip on a developer's machine; in CI, which is root, a promise that cannot be tried is a failure."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mount small file systems, as root alone can."""
    if os.geteuid() != 0:
        _cannot("only root can mount a small disk")
    mounted: list[Path] = []

    def mount(mebibytes: int) -> Path:
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "none", place], check=False)
        if done.returncode != 0:
            _cannot("this container may not mount a file system")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
async def operator(database_url: str) -> AsyncIterator[Operator]:
    """The operator of a database with nothing in it."""
    connection = await asyncpg.connect(database_url)
    yield Operator(database_url, connection)
    await connection.close()
