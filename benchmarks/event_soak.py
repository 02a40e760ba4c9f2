"""Followers of one account while processes and connections die: does each hear every event once, in its order?

So many subscribers of each kind: server-sent events, WebSockets, long polls, pages, webhooks. Each knows the last
number it saw and nothing else, hangs up at random moments and goes on from there. All follow the whole account, but
long polls, each of which waits at an inbox of its own. Meanwhile mails come in, for one inbox after the other, and the
processes of the server are killed (SIGKILL) at random moments, each role in its turn. In the end each list is compared
with the account's sequence: nothing may be missing, out of order, or there twice. A webhook may be sent
again what it was sent before, under the same id.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import re
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import httpx
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from benchmarks.serving import Serving, command_of, serving, tree
from benchmarks.smtp_load import Session, mail
from daimon.kit import ids

ROLES = ("api", "worker", "smtp")
SENDERS = 4
LOST = (httpx.HTTPError, WebSocketException, OSError, TimeoutError, KeyError, ValueError, RuntimeError)


Events = Sequence[tuple[int, UUID | None]]  # their numbers, and whose they are


class Follower:
    """Somebody who wants to hear everything. `seen` are the numbers in the order in which they came."""

    def __init__(self, server: Serving, key: str, inbox: UUID, first: int, chance: random.Random) -> None:
        self.server = server
        self.headers = {"Authorization": f"Bearer {key}"}
        self.inbox = inbox
        self.chance = chance
        self.last = first
        self.seen: list[int] = []
        self.connections = 0

    async def follow(self) -> None:
        """Connect, hear, hang up or lose the connection, and again, until cancelled."""
        while True:
            self.connections += 1
            with contextlib.suppress(*LOST):
                await self.hear(self.chance.randint(20, 2000))
            await asyncio.sleep(0.05)

    async def hear(self, most: int) -> None:
        """Hear so many events on one connection, at most."""
        raise NotImplementedError

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


class ServerSentEvents(Follower):
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


class Socket(Follower):
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


class LongPoll(Follower):
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


class Pages(Follower):
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


def main() -> int:
    """Print what came of it; 1 if any event was lost or doubled."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=100_000)
    arguments.add_argument("--subscribers", type=int, default=20, help="of each kind")
    arguments.add_argument("--kills", type=float, default=10.0, help="seconds from one to the next, about")
    arguments.add_argument("--seed", type=int, default=random.randrange(1, 1000))
    arguments.add_argument("--minutes", type=float, default=1440.0, help="send no more mails after so long")
    options = arguments.parse_args()
    os.environ["DAIMON_ALLOW_INSECURE_WEBHOOKS"] = "1"
    with serving() as server:
        return asyncio.run(soak(server, options))


async def soak(server: Serving, options: argparse.Namespace) -> int:
    """Let it happen, and judge."""
    chance = random.Random(options.seed)
    key, _ = await server.open_account()
    db = await server.connect()
    inboxes = await _open_inboxes(server, key, options.subscribers)
    account_id = await db.fetchval("select account_id from addresses where address = $1", next(iter(inboxes)))
    first = await db.fetchval("select last from event_sequences where account_id = $1", account_id)
    followers = [
        kind(server, own if kind is LongPoll else key, inbox, first, random.Random(chance.random()))
        for kind in KINDS
        for inbox, own in inboxes.values()
    ]
    following = [asyncio.create_task(follower.follow()) for follower in followers]
    await asyncio.sleep(2)
    killed = dict.fromkeys(ROLES, 0)
    killing = asyncio.create_task(_kill(server, chance, options.kills, killed))
    showing = asyncio.create_task(_show_progress(followers, killed))
    begun = time.perf_counter()
    until = begun + options.minutes * 60
    each = options.events // SENDERS
    await asyncio.gather(*(_send(server, list(inboxes), each, until, chance, killed) for _ in range(SENDERS)))
    killing.cancel()
    while await db.fetchval("select exists (select from inbound_queue)"):  # noqa: ASYNC110 - in another process
        await asyncio.sleep(0.2)
    sent = time.perf_counter() - begun
    expected = await db.fetch(
        "select sequence, inbox_id from events where account_id = $1 and sequence > $2 order by 1", account_id, first
    )
    await _finish(followers, expected)
    took = time.perf_counter() - begun
    held = memory(server)
    for task in (showing, *following):
        task.cancel()
    await asyncio.gather(showing, *following, return_exceptions=True)
    await db.close()
    print(f"{len(expected)} events in {sent:.0f} s, all told after {took:.0f} s; seed {options.seed}")
    print(f"killed: {killed}; MiB at the end: {held}")
    return max(_judge(kind, [each for each in followers if type(each) is kind], expected) for kind in KINDS)


async def _open_inboxes(server: Serving, key: str, count: int) -> dict[str, tuple[UUID, str]]:
    """Return addresses, each with its inbox and that inbox's own key.

    An agent polls with that: each message that a wider key reads is a row of the audit trail.
    """
    made = [await asyncio.to_thread(server.post, "/v1/inboxes", {}, key) for _ in range(count)]
    return {str(one["email"]): (_uuid(str(one["id"])), str(one["inbox_api_key"])) for one in made}


def _uuid(shown: str) -> UUID:
    read = ids.read(ids.Kind.INBOX, shown)
    assert read is not None
    return read


def _judge(kind: type[Follower], followers: list[Follower], expected: Events) -> int:
    faults = [follower.faults(expected) for follower in followers]
    missing, doubled, disordered = (sum(each) for each in zip(*faults, strict=True))
    repeats = sum(each.repeats for each in followers if isinstance(each, Hook))
    print(
        f"{kind.__name__}: {len(followers)} subscribers, {sum(len(each.seen) for each in followers)} events,"
        f" {sum(each.connections for each in followers)} connections: {missing} lost, {doubled} doubled,"
        f" {disordered} out of order" + (f"; {repeats} sent again under their ids" if kind is Hook else "")
    )
    return int(bool(missing or doubled or disordered))


async def _finish(followers: list[Follower], expected: Events) -> None:
    """Wait until everybody has heard everything, as long as somebody still hears something."""
    wanted = {follower: len(follower.wanted(expected)) for follower in followers}
    heard, since = -1, time.monotonic()
    while not all(len(follower.seen) >= wanted[follower] for follower in followers):
        now = sum(len(follower.seen) for follower in followers)
        if now != heard:
            heard, since = now, time.monotonic()
        elif time.monotonic() - since > 90:
            return
        await asyncio.sleep(0.2)


async def _send(
    server: Serving, addresses: list[str], count: int, until: float, chance: random.Random, killed: dict[str, int]
) -> None:
    """Let so many mails be accepted, and more until each role was killed; one whose 250 got lost is sent again."""
    session: Session | None = None
    while (count > 0 and time.perf_counter() < until) or not all(killed.values()):
        try:
            session = session or await Session.open(server.smtp_port)
            await asyncio.wait_for(
                session.send(addresses[count % len(addresses)], mail(1500, f"{count} {chance.random()}")), 10
            )
            count -= 1
        except (OSError, RuntimeError, TimeoutError, asyncio.IncompleteReadError):
            session = None
            await asyncio.sleep(0.2)


async def _kill(server: Serving, chance: random.Random, seconds: float, killed: dict[str, int]) -> None:
    for role in itertools.cycle(ROLES):
        await asyncio.sleep(seconds * chance.uniform(0.5, 1.5))
        for pid in tree(server.process.pid):
            if f"_role {role}" in command_of(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed[role] += 1
                break


async def _show_progress(followers: list[Follower], killed: dict[str, int]) -> None:
    """Say now and then, on stderr, how much each kind has heard: a long run is to tell where it is."""
    begun = time.perf_counter()
    while True:
        await asyncio.sleep(30)
        heard = {kind.__name__: sum(len(f.seen) for f in followers if type(f) is kind) for kind in KINDS}
        print(f"{time.perf_counter() - begun:.0f} s: heard {heard}, killed {killed}", file=sys.stderr, flush=True)


def memory(server: Serving) -> dict[str, int]:
    """Return the MiB that each role holds."""
    found = {}
    for pid in tree(server.process.pid):
        for role in ROLES:
            if f"_role {role}" in command_of(pid):
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                found[role] = next(int(line.split()[1]) // 1024 for line in lines if line.startswith("Pss:"))
    return found


if __name__ == "__main__":
    sys.exit(main())
