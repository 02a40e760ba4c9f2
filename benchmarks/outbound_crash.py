"""Every 202 is delivered, whatever is killed: sends with a client_id each while API, worker and database die at random.

A client that gets no answer sends the same again. What comes to the receiving server is counted by the name that each
mail carries. In the end every send that was acknowledged has arrived, and of whatever arrived twice the history says
that it may have. With `--cancel`, half of the sends are taken back at some moment: of those nothing may arrive once the
cancellation was answered, and nothing at all may have unless that is told as possible.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import aiohttp
import asyncpg

from benchmarks.serving import Serving, command_of, serving, tree

VICTIMS = ("_role worker", "_role api", "postgres: ")
SENDERS = 16
os.environ["DAIMON_ABUSE_GUARD"] = "false"  # one text to thousands is what is measured
TIERS = json.dumps({"enterprise": {"burst_per_minute": 1_000_000, "concurrent_sends": 1000}})
END_SECONDS = 180.0


def main() -> int:
    """Send, kill, wait and judge; 1 if a mail was lost, or came twice and nothing says so."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sends", type=int, default=10_000)
    arguments.add_argument("--kills", type=float, default=5.0, help="seconds from one to the next, about")
    arguments.add_argument("--seed", type=int, default=random.randrange(1, 1000))
    arguments.add_argument("--same", action="store_true", help="all sends are one, by its client_id")
    arguments.add_argument("--cancel", action="store_true", help="take back half of the sends")
    options = arguments.parse_args()
    chance = random.Random(options.seed)
    return asyncio.run(run(options.sends, options.kills, chance, same=options.same, cancels=options.cancel))


@dataclass
class Sink:
    """A receiving server that counts what comes by the field `X-Send`."""

    came: Counter[str] = field(default_factory=Counter)
    port: int = 0

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Hang up."""
        self._server.close()
        for writer in self._writers:
            writer.close()
        await asyncio.sleep(0.1)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(b"220 sink\r\n")
            while line := await reader.readline():
                await self._answer(line.upper(), reader, writer)
        self._writers.discard(writer)
        writer.close()

    async def _answer(self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if line.startswith(b"EHLO"):
            writer.write(b"250-sink\r\n250 PIPELINING\r\n")
        elif line.startswith(b"DATA"):
            writer.write(b"354 go on\r\n")
            mail = await reader.readuntil(b"\r\n.\r\n")
            self.came[mail.partition(b"\r\nX-Send: ")[2].partition(b"\r\n")[0].decode()] += 1
            writer.write(b"250 2.0.0 taken\r\n")
        else:
            writer.write(b"250 2.0.0 ok\r\n")


async def run(sends: int, seconds: float, chance: random.Random, *, same: bool = False, cancels: bool = False) -> int:
    """Return 1 if something was lost, or came twice untold."""
    sink = Sink()
    await sink.start()
    with serving("--smtp-relay", f"127.0.0.1:{sink.port}", "--tiers", TIERS) as server:
        key, email = await server.open_account()
        killed: Counter[str] = Counter()
        killing = asyncio.create_task(_kill(server, chance, seconds, killed))
        numbers, acknowledged, began = itertools.count(), Counter[str](), time.perf_counter()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as client:
            taken_back = _TakenBack(sink, chance) if cancels else None
            send = _Sender(client, f"{server.api}/v1/inboxes/{email}", key, acknowledged, same, taken_back)
            await asyncio.gather(*(send.all(numbers, sends, killed) for _ in range(SENDERS)))
            killing.cancel()
            submitted = time.perf_counter() - began
            if taken_back:
                await asyncio.gather(*taken_back.running)  # what a dead worker had in hand is free after its lease
        for name in taken_back.cancelled if taken_back else ():
            del acknowledged[name]
        lost = await _missing(sink, acknowledged)
        took = time.perf_counter() - began
        doubled, untold = await _doubled(sink, server)
    await sink.stop()
    mails = f"{acknowledged.total()} sends of {len(acknowledged)} mails"
    print(f"{mails} acknowledged in {submitted:.0f} s, all arrived after {took:.0f} s")
    worst = max(doubled.values(), default=0)
    print(
        f"killed: {dict(killed)}; {len(lost)} lost; {sum(doubled.values())} duplicates, at the most {worst} of one"
        f" mail, {len(untold)} untold"
    )
    late = taken_back.judge() if taken_back else 0
    return int(bool(lost or untold or late))


@dataclass
class _TakenBack:
    """The sends that were taken back: how often each had arrived by then, and whether it may have, as the API says."""

    sink: Sink
    chance: random.Random
    cancelled: dict[str, tuple[int, bool]] = field(default_factory=dict)
    running: list[asyncio.Task[None]] = field(default_factory=list)

    def maybe(self, name: str, url: str, headers: dict[str, str], client: aiohttp.ClientSession) -> None:
        """Take back every second mail, beside what else is sent."""
        if self.chance.random() < 0.5:
            self.running.append(asyncio.create_task(self._take_back(name, url, headers, client)))

    async def _take_back(self, name: str, url: str, headers: dict[str, str], client: aiohttp.ClientSession) -> None:
        """Take a mail back, or be told that it is too late."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with client.post(f"{url}/cancel", headers=headers) as answer:
                    text = await answer.text()
                    if answer.status == 200:
                        self.cancelled[name] = (self.sink.came[name], "may have it" in text)
                        return
                    if "MESSAGE_DECIDED" in text:
                        return
                    assert answer.status in (409, 500, 503), text
            await asyncio.sleep(0.1)

    def judge(self) -> int:
        """Print what became of them, and return of how many too much."""
        late = [name for name, (came, _) in self.cancelled.items() if self.sink.came[name] > came]
        untold = [name for name, (came, doubtful) in self.cancelled.items() if came and not doubtful]
        told = sum(doubtful for _, doubtful in self.cancelled.values())
        print(
            f"{len(self.cancelled)} cancelled, {told} of them told as doubtful;"
            f" {len(late)} arrived afterwards, {len(untold)} had arrived untold"
        )
        return len(late) + len(untold)


@dataclass
class _Sender:
    client: aiohttp.ClientSession
    url: str
    key: str
    acknowledged: Counter[str]
    same: bool
    taken_back: _TakenBack | None

    async def all(self, numbers: "itertools.count[int]", most: int, killed: Counter[str]) -> None:
        """Send until so many are sent and each kind of process was killed."""
        for number in numbers:
            if number >= most and len(killed) == len(VICTIMS):
                return
            await self._one("the-one" if self.same else f"send-{number}")

    async def _one(self, name: str) -> None:
        """Send until it is acknowledged; the same client_id makes one mail of it."""
        body = {"to": "somebody@out.example", "subject": name, "headers": {"X-Send": name}, "client_id": name}
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with self.client.post(f"{self.url}/send", json=body, headers=self._headers) as answer:
                    if answer.status in (200, 202):
                        self.acknowledged[name] += 1
                        if self.taken_back:
                            url = f"{self.url}/messages/{(await answer.json())['result']['id']}"
                            self.taken_back.maybe(name, url, self._headers, self.client)
                        return
                    assert answer.status in (500, 503), await answer.text()
            await asyncio.sleep(0.1)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


async def _kill(server: Serving, chance: random.Random, seconds: float, killed: Counter[str]) -> None:
    for victim in itertools.cycle(VICTIMS):
        await asyncio.sleep(seconds * chance.uniform(0.5, 1.5))
        pids = [pid for pid in tree(server.process.pid) if victim in command_of(pid)]
        with contextlib.suppress(ProcessLookupError, IndexError):
            os.kill(chance.choice(pids), signal.SIGKILL)
            killed[victim.strip("_ :").removeprefix("role ")] += 1


async def _missing(sink: Sink, acknowledged: Counter[str]) -> set[str]:
    """Return what has not arrived although there was time enough, leases of workers that were killed included."""
    until = time.perf_counter() + END_SECONDS
    while (missing := acknowledged.keys() - sink.came.keys()) and time.perf_counter() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    return set(missing)


async def _connected(server: Serving) -> "asyncpg.Connection[asyncpg.Record]":
    """Return a connection to the database, which may have been killed a moment ago."""
    for _ in range(100):
        with contextlib.suppress(OSError, asyncpg.PostgresError):
            return await server.connect()
        await asyncio.sleep(0.2)
    return await server.connect()


async def _doubled(sink: Sink, server: Serving) -> tuple[dict[str, int], set[str]]:
    """Return what came too often, once the queue is empty and nothing can come late, and of what nothing says so."""
    connection = await _connected(server)
    until = time.perf_counter() + END_SECONDS
    waiting = "select exists (select from outbound_queue)"
    while await connection.fetchval(waiting) and time.perf_counter() < until:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.2)
    doubled = {name: count - 1 for name, count in sink.came.items() if count > 1}
    told = await connection.fetch(
        """
        select m.subject from messages m join deliveries d on d.account_id = m.account_id and d.message_id = m.id
        where m.subject = any($1) and d.attempts @> '[{"ambiguous": true}]'
        """,
        list(doubled),
    )
    await connection.close()
    return doubled, doubled.keys() - {row["subject"] for row in told}


if __name__ == "__main__":
    sys.exit(main())
