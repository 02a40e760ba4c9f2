"""Reading mail in a process of its own: whatever it dies of, it costs the mail at hand alone."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daimon.inbound import isolation
from daimon.inbound.isolation import Reader, Unread
from daimon.inboxes.arrival import Understood

from .conftest import House, MakeLanes, findings
from .mails import mail
from .readings import CRASHES, perilous


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    """A reader that some mails are the end of."""
    made = Reader(perilous, cpu_seconds=1.0)
    yield made
    made.close()


def asking(how: str) -> bytes:
    """Return a mail that asks the reader to come to grief."""
    return mail("Bad", body=f"Please: {how}")


@pytest.mark.parametrize("how", CRASHES)
async def test_a_reader_that_dies_is_replaced(reader: Reader, how: str) -> None:
    """The mails before are read, the bad one is told from them, and the next reading finds a new process."""
    good = mail("Good")
    read = await reader.read([good, asking(how), good])
    assert [type(each) for each in read] == [Understood, Unread]
    assert (read[1] is Unread.TOO_SLOW) == (how == "loops") or how == "eats memory"  # whichever limit it meets first
    [again] = await reader.read([good])
    assert isinstance(again, Understood)
    assert again.subject == "Good"


async def test_a_reader_killed_by_somebody_else_tries_again(reader: Reader) -> None:
    """It may not have been the mail's fault."""
    await reader.read([mail()])
    kill_readers()
    [read] = await reader.read([mail("Still read")])
    assert isinstance(read, Understood)


async def test_a_mail_whose_reader_is_always_killed(reader: Reader) -> None:
    """Not for ever."""
    [read] = await reader.read([asking("is killed")])
    assert read is Unread.KILLED


async def test_the_fork_server_may_be_killed(reader: Reader) -> None:
    """The next reader brings a new one."""
    await reader.read([mail()])
    for pid in fork_servers():
        os.kill(pid, signal.SIGKILL)
    kill_readers()
    [read] = await reader.read([mail("Still read")])
    assert isinstance(read, Understood)


async def test_a_worker_that_stood_still_does_not_blame_the_mail(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on after its deadline, by the clock, is past, as after SIGSTOP or in a paused machine."""
    monkeypatch.setattr(isolation, "_WALL_SECONDS", 2.0)
    await reader.read([mail()])
    reading = asyncio.create_task(reader.read([mail("Read meanwhile")]))
    for _ in range(5):  # far enough to have asked
        await asyncio.sleep(0)
    assert reader._busy.locked()
    asyncio.get_running_loop().call_soon(time.sleep, 3.5)  # nothing else of this process runs on
    [read] = await reading
    assert isinstance(read, Understood)


def _stop(pid: int) -> None:
    """Stop a process, and return when it runs no more, on whichever core it was."""
    os.kill(pid, signal.SIGSTOP)
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        pass


async def test_a_reader_that_stands_still_is_given_up(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """It uses no CPU time, so that limit does not end it."""
    monkeypatch.setattr(isolation, "_WALL_SECONDS", 0.0)
    await reader.read([mail()])
    for child in multiprocessing.active_children():
        _stop(child.pid or 0)
    assert await reader.read([mail("Never read")]) == [Unread.TOO_SLOW]
    monkeypatch.undo()
    [read] = await reader.read([mail("Read by the next")])
    assert isinstance(read, Understood)


@pytest.mark.parametrize("how", [*CRASHES, "is killed"])
async def test_a_mail_that_kills_every_reader_is_shown(house: House, make_lanes: MakeLanes, how: str) -> None:
    """With its header, its octets and a finding; its neighbours as they are, each once."""
    lanes = make_lanes(house.clock, perilous)
    mine, other = await house.open_inbox(), await house.open_inbox()
    for inbox, octets in ((mine, mail("One")), (mine, asking(how)), (mine, mail("Two")), (other, mail("Three"))):
        await house.accept(octets, inbox)
    await lanes.drain()
    shown = {message.subject: findings(message) for message in await house.messages(mine)}
    assert set(shown) == {"One", "Two", "Bad"}
    assert "unparsed" in shown["Bad"]
    assert "unparsed" not in shown["One"] + shown["Two"]
    assert await house.subjects(other) == ["Three"]
    assert await house.rows("select (select count(*) from inbound_queue), (select count(*) from inbound_parked)") == [
        (0, 0)
    ]


async def test_a_reader_killed_mid_mail_loses_nothing_and_doubles_nothing(house: House) -> None:
    """Readers are killed again and again while they work."""
    inbox = await house.open_inbox()
    sent = [mail(f"{number}") for number in range(300)]
    for octets in sent:
        await house.accept(octets, inbox)
    working = asyncio.create_task(house.lanes.drain())
    for _ in range(12):
        await asyncio.sleep(0.03)  # some mails later; nothing waits for it
        kill_readers()
    await working
    shown = await house.rows("select r.octets from messages m join raw_mails r on r.id = m.raw_id")
    assert Counter(shown) == Counter((octets,) for octets in sent)


def children_of(pid: int) -> list[int]:
    """Return the children of a process, whichever of its threads made them."""
    return [int(each) for task in Path(f"/proc/{pid}/task").glob("*/children") for each in task.read_text().split()]


def fork_servers() -> list[int]:
    """Return the processes that fork readers for this one."""
    return [pid for pid in children_of(os.getpid()) if "forkserver" in _command(pid)]


def kill_readers() -> None:
    """Kill every reader of this process."""
    for child in multiprocessing.active_children():
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid or 0, signal.SIGKILL)


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()
