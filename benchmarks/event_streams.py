"""Two thousand clients that follow one account on one API process: what each costs, and how late the last one hears.

One kind after the other: server-sent events, WebSockets, long polls. Memory is the proportional share (PSS) of the API
process, with the clients and without, by client. Then mails are sent one by one, and each client's delay is taken from
the mail's end of data until the event (or the poll's answer) is there. The clients are one process beside the server.
"""

import argparse
import asyncio
import base64
import os
import re
import resource
import struct
import time
from pathlib import Path

from benchmarks.figures import percentile
from benchmarks.serving import Serving, command_of, serving, tree
from benchmarks.smtp_load import Session, mail

_SEQUENCE = re.compile(rb"x-daimon-sequence: (\d+)")
KINDS = ("SSE", "WebSocket", "long poll")


def main() -> None:
    """Print a line a kind."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--clients", type=int, default=2000)
    arguments.add_argument("--mails", type=int, default=10)
    options = arguments.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for kind in KINDS:
        with serving() as ours:  # a fresh one each, or the memory of the last would serve the next
            key, address = asyncio.run(ours.open_account())
            asyncio.run(measure(ours, kind, key, address, options.clients, options.mails))


async def measure(ours: Serving, kind: str, key: str, address: str, clients: int, mails: int) -> None:
    """Open the clients, send the mails, and print what came of it."""
    before = pss(ours)
    loop = asyncio.get_running_loop()
    followers = []
    for start in range(0, clients, 100):  # more at once than the backlog of the socket holds would wait for a second
        opened = await asyncio.gather(
            *(
                loop.create_connection(lambda: Follower(kind, key, address), "127.0.0.1", ours.http_port)
                for _ in range(start, min(start + 100, clients))
            )
        )
        followers += [protocol for _, protocol in opened]
        await asyncio.gather(*(follower.ready.wait() for follower in followers[start:]))
    await asyncio.sleep(1)
    each = (pss(ours) - before) / clients
    session, delays = await Session.open(ours.smtp_port), list[float]()
    for number in range(mails):
        marker = f"{kind} {number} of {mails}"
        for follower in followers:
            follower.expect(marker.encode())
        sent = time.perf_counter()
        await session.send(address, mail(4096, marker))
        heard = await asyncio.wait_for(asyncio.gather(*(follower.heard for follower in followers)), 60)
        delays += [(at - sent) * 1000 for at in heard]
        await asyncio.sleep(0.3)
    await session.close()
    for follower in followers:
        follower.transport.abort()
    await asyncio.sleep(1)
    print(
        f"{kind}: {clients} clients, {each / 1024:.1f} KiB each; end of data to told:"
        f" first {min(delays):.0f}, p50 {percentile(delays, 0.5):.0f}, p99 {percentile(delays, 0.99):.0f} ms"
    )


def pss(ours: Serving) -> int:
    """Return the bytes that the API process holds."""
    [pid] = [pid for pid in tree(ours.process.pid) if "_role api" in command_of(pid)]
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


class Follower(asyncio.Protocol):
    """One client: asks, and notes when it hears what it expects."""

    def __init__(self, kind: str, key: str, address: str) -> None:
        self._kind = kind
        self._head = f"Host: x\r\nAuthorization: Bearer {key}\r\n"
        self._poll = f"GET /v1/inboxes/{address}/messages/wait?timeout=100"
        self._marker = b""
        self._tail = b""
        self._subscribed = False
        self.ready = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self._kind == "SSE":
            self._write(f"GET /v1/events/stream HTTP/1.1\r\n{self._head}\r\n")
        elif self._kind == "WebSocket":
            nonce = base64.b64encode(os.urandom(16)).decode()
            upgrade = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {nonce}\r\n"
            self._write(f"GET /v1/stream HTTP/1.1\r\n{self._head}{upgrade}Sec-WebSocket-Version: 13\r\n\r\n")
        else:
            self._ask(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1)))
            asyncio.get_running_loop().call_later(1.5, self.ready.set)

    def expect(self, marker: bytes) -> None:
        """Look for a text from now on."""
        self._marker, self.heard = marker, asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        if self._kind == "WebSocket" and not self._subscribed:
            self._subscribed = True
            said = b'{"action": "subscribe"}'
            self.transport.write(struct.pack("!BBI", 0x81, 0x80 | len(said), 0) + said)  # masked by zeros
        elif not self.ready.is_set():
            self.ready.set()
        elif self._marker and self._marker in self._tail + data:
            self._marker = b""
            self.heard.set_result(time.perf_counter())
            if self._kind == "long poll":
                found = _SEQUENCE.search(self._tail + data)
                assert found
                self._ask(found[1].decode())
        self._tail = data[-2000:]

    def _ask(self, after: str) -> None:
        self._write(f"{self._poll}&after={after} HTTP/1.1\r\n{self._head}\r\n")

    def _write(self, text: str) -> None:
        self.transport.write(text.encode())


if __name__ == "__main__":
    main()
