"""The embedded PostgreSQL meets what earlier runs left."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from daimon.db.embedded import EmbeddedPostgres, running_url
from serving import is_running


async def begin(url: str, sql: str) -> "tuple[asyncpg.Connection[asyncpg.Record], asyncio.Task[str], int]":
    """Start a statement and return its connection, its task and its backend."""
    connection = await asyncpg.connect(url)
    pid = await connection.fetchval("select pg_backend_pid()")
    return connection, asyncio.create_task(connection.execute(sql)), pid


async def answer(url: str) -> None:
    """Return if a server answers there. Raises OSError."""
    connection = await asyncpg.connect(url)
    await connection.close()


def test_stops_a_server_that_was_left_behind(tmp_path: Path) -> None:
    """As after a killed supervisor on a system that does not end its children."""
    first = EmbeddedPostgres(tmp_path, durable=False)
    first.start()
    second = EmbeddedPostgres(tmp_path, durable=False)
    second.start()
    try:
        assert first.has_ended()
        assert second.pid != first.pid
    finally:
        second.stop()
        first.stop()


async def test_stops_the_orphans_of_a_killed_server(tmp_path: Path) -> None:
    """A backend in the middle of a long statement does not notice its server's death by itself."""
    first = EmbeddedPostgres(tmp_path, durable=False)
    first.start()
    busy = "do $$ declare x bigint := 0; begin loop x := x + 1; end loop; end $$"
    connection, running, backend = await begin(first.url, busy)
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    second = EmbeddedPostgres(tmp_path, durable=False)
    await asyncio.to_thread(second.start)
    try:
        assert not is_running(backend)
        with pytest.raises((asyncpg.PostgresError, OSError)):
            await running
    finally:
        connection.terminate()
        second.stop()
        first.stop()


def test_begins_anew_after_a_killed_first_start(tmp_path: Path) -> None:
    """What a start had made that was killed in the middle is thrown away."""
    code = "import pathlib, sys, daimon.db.embedded as e; e.EmbeddedPostgres(pathlib.Path(sys.argv[1])).start()"
    start = subprocess.Popen([sys.executable, "-c", code, tmp_path])
    while not any(tmp_path.glob("postgres.new-*/base")):
        assert start.poll() is None
    start.kill()
    start.wait()
    assert not (tmp_path / "postgres").exists()
    server = EmbeddedPostgres(tmp_path, durable=False)
    server.start()
    server.stop()


async def test_a_long_path_does(tmp_path: Path) -> None:
    """A Unix socket's path is short (unix(7)), a directory's need not be; others cannot enter the socket's place."""
    server = EmbeddedPostgres(tmp_path / ("d" * 100), durable=False)
    server.start()
    try:
        await answer(server.url)
        assert running_url(server.directory) == server.url
        [sockets] = re.findall("host=(.*)", server.url)
        assert os.stat(sockets).st_mode & 0o077 == 0
    finally:
        server.stop()
    with pytest.raises(FileNotFoundError):
        os.stat(sockets)


def test_comes_back_where_it_was(tmp_path: Path) -> None:
    """Also where the path is long: those who were told the URL go on, and a lock that nobody holds is in no way."""
    server = EmbeddedPostgres(tmp_path / ("d" * 100), durable=False)
    server.start()
    try:
        before, pid = server.url, server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        while not server.has_ended():
            time.sleep(0.01)
        server.start()
        assert (server.url, server.pid == pid) == (before, False)
        asyncio.run(answer(before))
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can restore a copy as root's")
def test_takes_a_restored_copy_that_is_roots(tmp_path: Path) -> None:
    """A backup unpacked by root without its owners is handed to PostgreSQL's user."""
    server = EmbeddedPostgres(tmp_path, durable=False)
    server.start()
    server.stop()
    subprocess.run(["chown", "-R", "0:0", tmp_path / "postgres"], check=True)
    server.start()
    server.stop()
