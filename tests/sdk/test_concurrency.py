"""One client and several threads, processes and event loops: each gets its own answers, by connections of its own."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trio

from daimon_email import AsyncDaimonClient, DaimonClient, NoAnswer

from .scripted import ScriptedServer, answer
from .test_retries import WHO

MANY = 150  # more than the HTTP library has connections, unless it is told otherwise
FORKING = """
import os, sys
from daimon_email import DaimonClient

with DaimonClient("dm_x", sys.argv[1]) as client:
    client.whoami()
    child = os.fork()
    if child == 0:
        client.whoami()
        client.whoami()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    client.whoami()
"""
JOBS = """
import asyncio, sys, trio
from daimon_email import AsyncDaimonClient

client = AsyncDaimonClient("dm_x", sys.argv[1], max_retries=0)

async def job():
    await client.whoami()
    await client.whoami()

async def last_job():
    async with client:
        await job()

for each in (job, last_job):
    trio.run(each) if sys.argv[2] == "trio" else asyncio.run(each())
"""


class Server(ThreadingHTTPServer):
    """Keeps connections open; `ports` are the other ends of those that requests came by, in order."""

    request_queue_size = 2 * MANY
    daemon_threads = True

    def __init__(self, *, together: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ports: list[int] = []
        self.barrier = threading.Barrier(together)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Answers as soon as so many requests are there."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        """Say who asks."""
        self.server.ports.append(self.client_address[1])
        self.server.barrier.wait(60)
        content = json.dumps({"result": WHO, "next_steps": []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(together: int = 1) -> Iterator[Server]:
    """Answer until the block ends, so many requests at once."""
    with Server(together=together) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_a_forked_process_opens_connections_of_its_own() -> None:
    """On its parent's, either could get the other's answer. The parent goes on with those that it has."""
    with serving() as server:
        subprocess.run([sys.executable, "-c", FORKING, server.url], check=True, timeout=60)
        parent, child, child_again, parent_again = server.ports
    assert parent == parent_again != child == child_again


def test_as_many_calls_as_there_are_threads_run_at_once() -> None:
    """None waits for a connection of another; each may wait long for its mail."""
    with serving(MANY) as server, DaimonClient("dm_x", server.url, max_retries=0) as client:
        threads = [threading.Thread(target=client.whoami) for _ in range(MANY)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(server.ports)) == MANY


async def test_as_many_calls_as_there_are_tasks_run_at_once() -> None:
    """Here, too."""
    with serving(MANY) as server:
        async with AsyncDaimonClient("dm_x", server.url, max_retries=0) as client:
            found = await asyncio.gather(*(client.whoami() for _ in range(MANY)))
    assert len(found) == MANY


@pytest.mark.parametrize("kind", ["asyncio", "trio"])
def test_a_client_may_outlive_its_loop(kind: str) -> None:
    """As one that a module holds does, in a worker that runs each job in a loop of its own."""
    with serving() as server:
        subprocess.run([sys.executable, "-c", JOBS, server.url, kind], check=True, timeout=60)
        assert [server.ports.index(port) for port in server.ports] == [0, 0, 2, 2]


def test_trying_again_needs_no_loop_of_asyncio() -> None:
    """Trio's does as well, also for the pauses."""

    async def ask() -> None:
        async with AsyncDaimonClient("dm_x", "http://127.0.0.1:1", max_retries=1) as client:
            with pytest.raises(NoAnswer):
                await client.whoami()

    trio.run(ask)


def test_a_closed_client_stays_closed() -> None:
    """In whichever loop."""

    async def ask(client: AsyncDaimonClient) -> None:
        with pytest.raises(RuntimeError, match="closed"):
            await client.whoami()

    client = AsyncDaimonClient("dm_x", "http://127.0.0.1:1")
    asyncio.run(client.aclose())
    asyncio.run(ask(client))
    blocking = DaimonClient("dm_x", "http://127.0.0.1:1")
    blocking.close()
    with pytest.raises(RuntimeError, match="closed"):
        blocking.whoami()


async def test_a_list_can_be_fetched_again() -> None:
    """Awaited or read, as a page can be read twice."""
    page = {"result": {"inboxes": [{"id": "inbox_1"}]}, "next_steps": []}
    with ScriptedServer([answer(200, page)] * 3) as server:
        async with AsyncDaimonClient("dm_x", server.url) as client:
            inboxes = client.inboxes.list()
            assert len(await inboxes) == len(await inboxes) == len([each async for each in inboxes]) == 1
