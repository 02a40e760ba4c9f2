"""Who waits for whom: nobody for another account's flood, for a large mail, or for a costly one."""

import asyncio
import os
from pathlib import Path

import pytest

from corpus.hostile import HOSTILE
from daimon.inbound import queue
from daimon.inboxes.models import Inbox

from .conftest import House, findings
from .mails import mail
from .test_isolation import children_of, fork_servers

SLOW = "select count(*) from inbound_queue where slow"
CPU_SECONDS = 2.0  # what any mail may cost


async def test_a_flood_is_not_waited_for(house: House) -> None:
    """Three accounts have 5,000 mails queued before another's one: more than a batch takes; its turn comes at once."""
    flooded = [await house.open_inbox() for _ in range(3)]
    calm = await house.open_inbox()
    octets = mail("Flood")
    for _ in range(50):
        await asyncio.gather(*(house.accept(octets, flooded[number % 3]) for number in range(100)))
    await house.accept(mail("Calm"), calm)
    for _ in range(2):
        await house.lanes.quick.process()
    assert await house.subjects(calm) == ["Calm"]
    assert await house.value("select count(*) from inbound_queue") > 4_000  # type: ignore[operator]


async def test_every_account_has_its_turn(house: House) -> None:
    """With more accounts than a batch holds, each is served before one is served twice."""
    inboxes = [await house.open_inbox() for _ in range(queue.ACCOUNTS * 2)]
    for _ in range(2):
        for inbox in inboxes:
            await house.accept(mail("x"), inbox)
    for _ in range(3):
        await house.lanes.quick.process()
    assert await house.value("select count(distinct inbox_id) from messages") == len(inboxes)


async def test_a_batch_cut_by_its_size_ends_no_round(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One account's mails fill a batch with their octets; the accounts behind it come next, not that one again."""
    greedy, calm, last = [await house.open_inbox() for _ in range(3)]
    octets = mail("Greedy", body="x" * 1000)
    monkeypatch.setattr(queue, "MAX_BYTES", 2 * len(octets) + 100)
    for _ in range(5):
        await house.accept(octets, greedy)
    for inbox in (calm, last):
        await house.accept(octets, inbox)
    counts = [await _shown_after_a_batch(house, greedy, calm, last) for _ in range(4)]
    assert counts == [(2, 0, 0), (2, 1, 1), (4, 1, 1), (5, 1, 1)]


async def test_a_mail_that_fills_a_batch_alone_is_taken(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Larger than a batch may be, it still comes, and its neighbour in the next."""
    first, second = [await house.open_inbox() for _ in range(2)]
    monkeypatch.setattr(queue, "MAX_BYTES", 10)
    for inbox in (first, second):
        await house.accept(mail("Large"), inbox)
    assert [await _shown_after_a_batch(house, first, second) for _ in range(2)] == [(1, 0), (1, 1)]


async def _shown_after_a_batch(house: House, *inboxes: Inbox) -> tuple[int, ...]:
    await house.lanes.quick.process()
    return tuple([len(await house.subjects(inbox)) for inbox in inboxes])


async def test_a_large_mail_waits_in_a_lane_of_its_own(house: House) -> None:
    """The quick lane leaves it alone."""
    inbox = await house.open_inbox()
    await house.accept(mail("Large", body="x" * 5 * 1024 * 1024), inbox)
    await house.accept(mail("Small"), inbox)
    while await house.lanes.quick.process():
        pass
    assert await house.subjects(inbox) == ["Small"]
    assert await house.lanes.slow.process() == 1
    assert await house.subjects(inbox) == ["Small", "Large"]


@pytest.mark.parametrize("behind", [1, 20])
async def test_a_healthy_mail_is_shown_before_the_hostile_ones_in_front_of_it(house: House, behind: int) -> None:
    """The quick lane gives each no more than its moment; the healthy mail is there while they still wait."""
    mine, other = await house.open_inbox(), await house.open_inbox()
    for _ in range(behind):
        await house.accept(HOSTILE["html_short_attributes"](), mine)
    await house.accept(mail("Mine"), mine)
    await house.accept(mail("Other"), other)
    await house.lanes.quick.process()
    assert await house.value(SLOW) == 1  # the first has cost its moment, and the turn is over
    await house.lanes.quick.process()
    assert await house.subjects(other) == ["Other"]
    while "Mine" not in await house.subjects(mine):
        assert await house.lanes.quick.process()
    assert await house.subjects(mine) == ["Mine"]
    assert await house.value(SLOW) == behind


async def test_the_lanes_run_at_once(house: House) -> None:
    """While the slow lane reads a costly mail, the quick one shows what comes in."""
    inbox = await house.open_inbox()
    await house.accept(HOSTILE["html_attributes"](), inbox)
    await house.lanes.quick.process()
    slow = asyncio.create_task(house.lanes.slow.process())
    while house.lanes.slow.turn.served.int == 0:  # it has not taken the mail yet
        await house.value("select 1")
        assert not slow.done()
    await house.accept(mail("Quick"), inbox)
    await house.lanes.quick.process()
    assert not slow.done()
    assert await house.subjects(inbox) == ["Quick"]
    assert await slow == 1
    assert len(await house.subjects(inbox)) == 2


@pytest.mark.slow
async def test_every_hostile_mail_becomes_a_message(house: House) -> None:
    """Each costs at most two seconds of CPU, and says so where it could not be read."""
    inbox = await house.open_inbox()
    costs: dict[str, float] = {}
    for name, build in HOSTILE.items():
        before = spent_by_readers()
        await house.deliver(build(), inbox)
        costs[name] = spent_by_readers() - before
    shown = await house.messages(inbox)
    assert len(shown) == len(HOSTILE)
    assert all(findings(message) for message in shown if not message.subject)
    assert {name: cost for name, cost in costs.items() if cost > CPU_SECONDS} == {}
    assert max(costs.values()) > 0.1  # it is measured at all
    assert await house.rows("select error from inbound_parked") == []


def spent_by_readers() -> float:
    """Return the CPU seconds of all readers so far, as the kernel counted them."""
    return sum(
        _cpu(pid, *_OF_CHILDREN) + sum(_cpu(each, *_OF_ITSELF) for each in children_of(pid)) for pid in fork_servers()
    )


_OF_ITSELF, _OF_CHILDREN = (14, 15), (16, 17)  # fields of proc(5): utime and stime, cutime and cstime


def _cpu(pid: int, *fields: int) -> float:
    values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()  # from field 3 on
    return sum(int(values[field - 3]) for field in fields) / os.sysconf("SC_CLK_TCK")
