"""Followers of an account, one class for each kind: each knows the last number it saw, hangs up and goes on."""

import asyncio
import contextlib
import json
import random
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from uuid import UUID

import httpx
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from benchmarks.serving import Serving
from daimon.kit import ids

LOST = (httpx.HTTPError, WebSocketException, OSError, TimeoutError, KeyError, ValueError, RuntimeError)


Events = Sequence[tuple[int, UUID | None]]  # their numbers, and whose they are


class Follower(ABC):
    """Somebody who wants to hear everything. `seen` are the numbers in the order in which they came."""

    def __init__(self, server: Serving, key: str, inbox: UUID, first: int, chance: random.Random) -> None:
        self.server = server
        self.headers = {"Authorization": f"Bearer {key}"}
        self.inbox = inbox
        self.chance = chance
        self.last = first
        self.seen: list[int] = []
        self.connections = 0

    @abstractmethod
    async def follow(self) -> None:
        """Hear events, whatever breaks, until cancelled."""

    def saw(self, sequence: int) -> None:
        """Remember an event."""
        self.seen.append(sequence)
        self.last = sequence

    def wanted(self, events: Events) -> set[int]:
        """Return the numbers of those events that it is to hear."""
        return {sequence for sequence, _ in events}

    def faults(self, events: Events) -> tuple[int, int, int]:
        """Return how many events are missing, how many came twice, and how many in the wrong order."""
        missing = len(self.wanted(events) - set(self.seen))
        doubled = len(self.seen) - len(set(self.seen))
        return missing, doubled, sum(b <= a for a, b in zip(self.seen, self.seen[1:], strict=False))


class Connecting(Follower):
    """One that connects, again and again."""

    async def follow(self) -> None:
        """Connect, hear, hang up or lose the connection, and again, until cancelled."""
        while True:
            self.connections += 1
            with contextlib.suppress(*LOST):
                await self.hear(self.chance.randint(20, 2000))
            await asyncio.sleep(0.05)

    @abstractmethod
    async def hear(self, most: int) -> None:
        """Hear so many events on one connection, at most."""


class ServerSentEvents(Connecting):
    """A stream of lines, gone on with by `Last-Event-ID`."""

    async def hear(self, most: int) -> None:
        wait = httpx.Timeout(10, read=25)
        headers = self.headers | {"Last-Event-ID": str(self.last)}
        async with (
            httpx.AsyncClient(base_url=self.server.api, timeout=wait) as client,
            client.stream("GET", "/v1/events/stream", headers=headers) as answer,
        ):
            answer.raise_for_status()
            said: dict[str, str] = {}
            async for line in answer.aiter_lines():
                if line:
                    name, _, value = line.partition(":")
                    said[name] = value.strip()
                    continue
                if "data" in said and said.get("event") != "error":
                    self.saw(int(said["id"]))
                    most -= 1
                said = {}
                if not most:
                    return


class _Said(msgspec.Struct):
    """Of a WebSocket's message what matters here; to read all of each would take most of the time of a run."""

    type: str
    sequence: int = 0


_read = msgspec.json.Decoder(_Said).decode


class Socket(Connecting):
    """A WebSocket."""

    async def hear(self, most: int) -> None:
        url = self.server.api.replace("http", "ws") + "/v1/stream"
        socket = await connect(url, additional_headers=self.headers, compression=None, proxy=None, max_size=None)
        try:
            await socket.send(json.dumps({"action": "subscribe", "after": self.last}))
            while most:
                said = _read(await asyncio.wait_for(socket.recv(decode=False), 25))
                if said.type == "event":
                    self.saw(said.sequence)
                    most -= 1
        finally:
            socket.transport.abort()  # as a machine that loses its network: nothing is said


class LongPoll(Connecting):
    """One message of its inbox after the other."""

    def wanted(self, events: Events) -> set[int]:
        """Return the numbers of what its inbox received."""
        return {sequence for sequence, inbox in events if inbox == self.inbox}

    async def hear(self, most: int) -> None:
        async with httpx.AsyncClient(base_url=self.server.api, timeout=30, headers=self.headers) as client:
            for _ in range(most):
                parameters = {"after": self.last, "timeout": 20}
                answer = await client.get(
                    f"/v1/inboxes/{ids.show(ids.Kind.INBOX, self.inbox)}/messages/wait", params=parameters
                )
                answer.raise_for_status()
                if answer.json()["result"]:
                    self.saw(int(answer.headers["x-daimon-sequence"]))


class Pages(Connecting):
    """One page after the other; at the end, once a second: each page is a request and a row of the audit trail."""

    size = 100

    async def hear(self, most: int) -> None:
        async with httpx.AsyncClient(base_url=self.server.api, timeout=30, headers=self.headers) as client:
            while most > 0:
                answer = await client.get("/v1/events", params={"after": self.last, "limit": self.size})
                answer.raise_for_status()
                events = answer.json()["result"]["events"]
                for event in events:
                    self.saw(event["sequence"])
                most -= len(events)
                if len(events) < self.size:
                    await asyncio.sleep(1)


class Hook(Follower):
    """A webhook's endpoint. It fails now and then, and takes repeats for what they are by their ids."""

    _head = re.compile(rb"^(content-length|webhook-id|x-daimon-sequence): *(\S+)\r$", re.IGNORECASE | re.MULTILINE)

    async def follow(self) -> None:
        self.ids: dict[int, str] = {}
        self.repeats = self.strangers = 0
        listener = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=100)
        port = listener.sockets[0].getsockname()[1]
        made = await asyncio.to_thread(
            self.server.post, "/v1/webhooks", {"url": f"http://127.0.0.1:{port}/"}, self.headers["Authorization"][7:]
        )
        assert made["status"] == "active"
        async with listener:
            await listener.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(*LOST, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = dict(self._head.findall(await reader.readuntil(b"\r\n\r\n")))
                said = {name.lower().decode(): value.decode() for name, value in head.items()}
                await reader.readexactly(int(said["content-length"]))
                fate = self.chance.random()
                if fate < 0.002:
                    break
                status = b"500 No" if fate < 0.004 else b"204 Yes"
                if status[0] == ord("2") or fate < 0.003:
                    self._heard(int(said["x-daimon-sequence"]), said["webhook-id"])
                writer.write(b"HTTP/1.1 %s\r\ncontent-length: 0\r\n\r\n" % status)
        writer.transport.abort()

    def _heard(self, sequence: int, event_id: str) -> None:
        if sequence not in self.ids:
            self.ids[sequence] = event_id
            self.saw(sequence)
        elif self.ids[sequence] == event_id:
            self.repeats += 1
        else:
            self.strangers += 1

    def faults(self, events: Events) -> tuple[int, int, int]:
        """Return what is missing and what came twice under different ids; retries come when they come."""
        return len(self.wanted(events) - set(self.seen)), self.strangers, 0


KINDS: tuple[type[Follower], ...] = (ServerSentEvents, Socket, LongPoll, Pages, Hook)
