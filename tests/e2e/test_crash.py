"""Whatever is killed: every `250` is readable exactly once."""

import asyncio
import contextlib
import itertools
import os
import random
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import asyncpg
import httpx
import pytest
from ledger import Inbox, Ledger, Mailbox, Refused, SmtpClient, until

from daimon.db.embedded import running_url
from serving import FREE_PORTS, Serving, command_of, is_running

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "5"))
SEED = int(os.environ.get("CRASH_SEED", "0")) or random.randrange(1, 1000)  # another course each time
MOMENTS = 3  # of a round
SENDERS = 4
ACCOUNTS, INBOXES_OF_EACH = 3, 3
RAW_SAMPLE = 100

Serve = Callable[..., Serving]


def children_of(pid: int) -> list[int]:
    """Return the children of a process, whichever of its threads made them."""
    with contextlib.suppress(OSError):
        return [
            int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()
        ]
    return []


def session_of(leader: int) -> list[int]:
    """Return the processes of a session: a role is the leader of its own."""
    found = []
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            if os.getsid(int(entry.name)) == leader:
                found.append(int(entry.name))
    return found


def like(pids: Sequence[int], pattern: str) -> list[int]:
    """Return those that run a command like this."""
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            if re.search(pattern, command_of(pid)):
                found.append(pid)
    return found


class Crashing:
    """A server under load of which anything may be killed, and that is started again when all of it is."""

    def __init__(self, serve: Serve, data_dir: Path) -> None:
        self._serve = serve
        self._data_dir = data_dir
        self.server = self._started()
        self.api, self.smtp_port = self.server.api, self.server.smtp_port

    def victim(self, what: str) -> int | None:
        """Return a process to kill, if there is one at this moment."""
        match what:
            case "api" | "smtp" | "worker":
                found = like(children_of(self.server.process.pid), f"_role {what}")
            case "forkserver":
                # One that was killed comes back with the next reader: until then, the reader that outlived it.
                found = self._readers(lambda pid, worker: pid in children_of(worker)) or self._readers(lambda *_: True)
            case "reader":
                found = self._readers(lambda pid, worker: pid not in children_of(worker))
            case "backend":
                found = like(children_of(self._postmaster()), r"^postgres: .*\[local\]")
            case "postmaster":
                found = [self._postmaster()]
            case _:
                found = [self.server.process.pid]
        return next(filter(is_running, found), None)

    async def kill(self, victims: Sequence[str]) -> None:
        """Kill a process of each kind, all at once, as soon as there are some."""

        found: dict[str, int] = {}

        async def killed() -> bool:
            found.clear()
            found.update((what, pid) for what in victims if (pid := self.victim(what)))
            if all_there := len(found) == len(victims):
                for pid in found.values():
                    with contextlib.suppress(ProcessLookupError):  # it dies with its parent
                        os.kill(pid, signal.SIGKILL)
            return all_there

        await until(killed, told=lambda: f"to kill: {victims}, there: {found}\n{self._scene()}")
        if "supervisor" in victims:
            await asyncio.to_thread(self.server.process.wait)
            ports = (f"--http-port={self.api.rpartition(':')[2]}", f"--smtp-port={self.smtp_port}")
            self.server = await asyncio.to_thread(self._started, *ports)

    def end(self) -> None:
        """Stop the server as an operator does."""
        assert self.server.end() == 0

    def _scene(self) -> str:
        """Return what the server said, and what it consists of."""
        family = children_of(self.server.process.pid)
        worker = next(iter(like(family, "_role worker")), 0)
        processes = [
            f"{pid} {command_of(pid)}" for pid in {*family, *session_of(worker), *children_of(self._postmaster())}
        ]
        return "\n".join([self.server.said(), *processes])

    def _started(self, *arguments: str) -> Serving:
        return self._serve(self._data_dir, *FREE_PORTS, *arguments).ready()

    def _readers(self, wanted: Callable[[int, int], bool]) -> list[int]:
        """Return the fork server, which is the worker's child, or what it forked. That may outlive it."""
        workers = like(children_of(self.server.process.pid), "_role worker")
        found = [(pid, worker) for worker in workers for pid in like(session_of(worker), "multiprocessing.forkserver")]
        return [pid for pid, worker in found if wanted(pid, worker)]

    def _postmaster(self) -> int:
        with contextlib.suppress(OSError, IndexError, ValueError):
            return self.server.postgres
        return 0


VICTIMS = ("api", "smtp", "worker", "forkserver", "reader", "backend", "postmaster", "supervisor")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client that is told the server's address by each request."""
    async with httpx.AsyncClient(timeout=30) as client:
        yield client


def moments(chance: random.Random) -> list[list[str]]:
    """Return all victims in random order, cut into some moments at random."""
    order = chance.sample(VICTIMS, len(VICTIMS))
    cuts = [0, *sorted(chance.sample(range(1, len(order)), MOMENTS - 1)), len(order)]
    return [order[start:end] for start, end in itertools.pairwise(cuts)]


async def open_inboxes(http: httpx.AsyncClient, api: str) -> list[Inbox]:
    """Open accounts with several inboxes each."""
    inboxes = []
    for _ in range(ACCOUNTS):
        headers: dict[str, str] = {}
        for _ in range(INBOXES_OF_EACH):
            answer = await http.post(f"{api}/v1/inboxes", json={}, headers=headers)
            assert answer.status_code == 201, answer.text
            made = answer.json()["result"]
            inboxes.append(Inbox(made["id"], made["email"], made["inbox_api_key"]))
            if key := made.get("account_api_key"):
                headers = {"Authorization": f"Bearer {key}"}
    return inboxes


async def drained(data_dir: Path) -> None:
    """Return when everything accepted is shown."""

    async def empty() -> bool:
        try:
            connection = await asyncpg.connect(running_url(data_dir))
        except (OSError, asyncpg.PostgresError):
            return False
        try:
            assert await connection.fetch("select error from inbound_parked") == []
            return not await connection.fetchval("select exists (select from inbound_queue)")
        finally:
            await connection.close()

    await until(empty, seconds=60)


@pytest.mark.timeout(600)
async def test_every_250_is_readable_exactly_once_after_kill_9(
    serve: Serve, data_dir: Path, http: httpx.AsyncClient
) -> None:
    """Each process is killed at a random moment under load, in random order, several times over."""
    print(f"again: CRASH_SEED={SEED} CRASH_ROUNDS={ROUNDS}")
    chance = random.Random(SEED)
    house = await asyncio.to_thread(Crashing, serve, data_dir)
    inboxes = await open_inboxes(http, house.api)
    ledger, stop = Ledger(), asyncio.Event()
    senders = [
        asyncio.create_task(ledger.send_until(stop, house.smtp_port, inboxes, random.Random(chance.random())))
        for _ in range(SENDERS)
    ]
    for _ in range(ROUNDS):
        for victims in moments(chance):
            await ledger.more(chance.randint(1, 60))
            await house.kill(victims)
    await ledger.more(10)
    stop.set()
    await asyncio.gather(*senders)
    await drained(data_dir)
    await until(lambda: answers(http, house.api))
    await assert_kept(ledger, inboxes, http, house.api, chance)
    await asyncio.to_thread(house.end)


async def answers(http: httpx.AsyncClient, api: str) -> bool:
    """Whether the API is there."""
    try:
        return (await http.get(f"{api}/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def assert_kept(
    ledger: Ledger, inboxes: Sequence[Inbox], http: httpx.AsyncClient, api: str, chance: random.Random
) -> None:
    """What was promised is there once, octet for octet, nothing is there twice, and the counters agree."""
    http.base_url = httpx.URL(api)
    found: list[tuple[Mailbox, dict[str, str]]] = []
    for inbox in inboxes:
        mailbox = Mailbox(http, inbox)
        messages = await mailbox.messages()
        found += [(mailbox, message) for message in messages]
        counted = {"message_count": len(messages), "unread_count": len(messages), "thread_count": len(messages)}
        assert await mailbox.counters() == counted
    shown = Counter((mailbox.inbox.id, message["subject"]) for mailbox, message in found)
    assert ledger.promised() - shown == Counter(), "a 250 was lost"
    assert shown - ledger.possible() == Counter(), "a mail is there twice, or was never sent"
    for mailbox, message in chance.sample(found, min(RAW_SAMPLE, len(found))):
        assert await mailbox.raw(message["id"]) == ledger.sent[message["subject"]].octets


async def test_a_failed_commit_answers_451_and_keeps_nothing(
    serve: Serve, data_dir: Path, http: httpx.AsyncClient
) -> None:
    """The database goes away while a mail is on its way: nothing of it is kept, and the session goes on afterwards."""
    house = await asyncio.to_thread(Crashing, serve, data_dir)
    [inbox, *_] = await open_inboxes(http, house.api)
    client = await SmtpClient.connect(house.smtp_port)
    await begin_data(client, inbox)
    postmaster = house.server.postgres
    os.kill(house.server.process.pid, signal.SIGSTOP)  # so that nobody starts the database again yet
    os.kill(postmaster, signal.SIGKILL)
    await until(lambda: gone(postmaster))
    await client.send(b"Subject: refused\r\n\r\n.\r\n")
    assert (await client.reply()).startswith("451 4.3.0 ")
    os.kill(house.server.process.pid, signal.SIGCONT)

    async def accepted() -> bool:
        try:
            await begin_data(client, inbox)
        except Refused:
            await client.say("RSET", "250")
            return False
        await client.send(b"Subject: accepted\r\n\r\n.\r\n")
        return (await client.reply()).startswith("250 ")

    await until(accepted)
    await client.close()
    await drained(data_dir)
    await until(lambda: answers(http, house.api))
    http.base_url = httpx.URL(house.api)
    assert [message["subject"] for message in await Mailbox(http, inbox).messages()] == ["accepted"]
    await asyncio.to_thread(house.end)


async def begin_data(client: SmtpClient, inbox: Inbox) -> None:
    """Bring a transaction to where the octets are due."""
    await client.say("MAIL FROM:<sender@sender.example>", "250")
    await client.say(f"RCPT TO:<{inbox.email}>", "250")
    await client.say("DATA", "354")


async def gone(pid: int) -> bool:
    """Whether a process has ended."""
    return not is_running(pid)
