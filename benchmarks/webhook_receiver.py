"""Endpoints for webhooks in a process of their own, as cheap as they can be: `python -m benchmarks.webhook_receiver`.

The path says how they answer: `/well/…` at once, `/hang/…` never, `/reset/…` by hanging up, `/drip/…` an octet a
second. For each request whose body says when its event was committed (`"at"`, monotonic seconds), the delay is kept by
path.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_AT = re.compile(rb'"at": ?([0-9.]+)')
_WELL = b"HTTP/1.1 204 No Content\r\n\r\n"


class Receiver:
    """A running receiver."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self._process = process
        self.port = port

    def url(self, path: str) -> str:
        """Return the URL of an endpoint."""
        return f"http://127.0.0.1:{self.port}{path}"

    def count(self) -> int:
        """Return how many requests came since the last `take`."""
        return int(self._ask("count"))

    def take(self) -> dict[str, list[float]]:
        """Return the delays of all requests by path, in seconds, and forget them."""
        taken: dict[str, list[float]] = json.loads(self._ask("take"))
        return taken

    def _ask(self, command: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(command, file=self._process.stdin, flush=True)
        return self._process.stdout.readline()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.webhook_receiver"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield Receiver(process, int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()


class Endpoint(asyncio.Protocol):
    """One connection."""

    def __init__(self, delays: "dict[str, list[float]]") -> None:
        self._delays = delays
        self._waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            head = self._waiting[:end]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._waiting) < whole:
                return
            body, self._waiting = self._waiting[end + 4 : whole], self._waiting[whole:]
            self._answer(head.split(b" ", 2)[1].decode(), body)

    def _answer(self, path: str, body: bytes) -> None:
        at = _AT.search(body)
        self._delays[path].append(time.monotonic() - float(at[1]) if at else 0.0)
        match path.split("/")[1]:
            case "well":
                self.transport.write(_WELL)
            case "reset":
                self.transport.abort()
            case "drip":
                self._drip(_WELL)

    def _drip(self, left: bytes) -> None:
        if left and not self.transport.is_closing():
            self.transport.write(left[:1])
            asyncio.get_running_loop().call_later(1, self._drip, left[1:])


async def _serve() -> None:
    delays: dict[str, list[float]] = defaultdict(list)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Endpoint(delays), "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    while command := await loop.run_in_executor(None, sys.stdin.readline):
        if command.strip() == "count":
            print(sum(map(len, delays.values())), flush=True)
        else:
            print(json.dumps(delays), flush=True)
            delays.clear()


if __name__ == "__main__":
    asyncio.run(_serve())
