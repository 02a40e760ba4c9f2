"""What a worker counts, and how much waits."""

import asyncio

from daimon.inbound.accept import Acceptor
from daimon.kit import metrics
from daimon.supervisor import backlog
from daimon.supervisor.backlog import Backlog

from .conftest import House, MakeLanes
from .mails import mail
from .readings import perilous
from .test_parked import POISON


def counted() -> dict[str, float]:
    """Return the sum of every counter of this process, over all labels; of a histogram, the sum of its values."""
    sums: dict[str, float] = {}
    for name, _, values in metrics.own().series():
        sums[name] = sums.get(name, 0) + values[-1]
    return sums


async def test_mails_are_counted_by_what_became_of_them(house: House, make_lanes: MakeLanes) -> None:
    """Shown, shown though unread, parked."""
    await house.do(POISON)
    inbox = await house.open_inbox()
    before = counted()
    for octets in (mail("One"), mail("Two", body="Please: exits"), mail("Poison")):
        await house.accept(octets, inbox)
    await make_lanes(house.clock, perilous).drain()
    after = counted()
    for name, number in (("shown_total", 2), ("unread_total", 1), ("parked_total", 1)):
        assert after[f"daimon_inbound_{name}"] - before.get(f"daimon_inbound_{name}", 0) == number


async def test_commits_are_counted_with_their_mails(house: House) -> None:
    """Mails that wait at one moment share a commit."""
    inbox = await house.open_inbox()
    acceptor = Acceptor(house.db)
    before = counted().get("daimon_accept_commit_mails", 0)
    await asyncio.gather(*(acceptor.commit(house.accepted(mail(), inbox)) for _ in range(20)))
    assert counted()["daimon_accept_commit_mails"] - before == 20


async def test_what_waits_is_counted(house: House) -> None:
    """Queued and parked."""
    await house.do(POISON)
    inbox = await house.open_inbox()
    await house.accept(mail("Poison"), inbox)
    await house.lanes.drain()
    await house.accept(mail("One"), inbox)
    async with house.db.read() as db:
        assert await backlog.measure(db) == Backlog(accepted=1, parked=1, to_send=0, ready=0)
