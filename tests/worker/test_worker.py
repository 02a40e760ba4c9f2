"""The worker role as it runs: woken by commits, through outages, to a clean end."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from daimon.db.engine import Database
from daimon.worker import inbound
from daimon.worker.loops import work

from .conftest import House
from .mails import mail


@pytest.fixture
async def running(house: House) -> AsyncIterator["asyncio.Task[None]"]:
    """A worker that is asked to stop after the test, and does."""
    stop = asyncio.Event()
    worker = asyncio.create_task(inbound.run(house.db, dns=None, clock=house.clock, stop=stop))
    yield worker
    stop.set()
    await worker


async def shown(house: House, mails: int, worker: "asyncio.Task[None]") -> None:
    """Return when so many messages are there."""
    async with asyncio.timeout(60):
        while await house.value("select count(*) from messages") != mails:
            assert not worker.done()


async def test_a_worker_shows_what_is_accepted(house: House, running: "asyncio.Task[None]") -> None:
    """Small mails and large ones, as they come."""
    inbox = await house.open_inbox()
    await house.accept(mail("Small"), inbox)
    await house.accept(mail("Large", body="x" * 5_000_000), inbox)
    await shown(house, 2, running)
    assert sorted(await house.subjects(inbox)) == ["Large", "Small"]


async def test_a_worker_outlives_its_connections(house: House, running: "asyncio.Task[None]") -> None:
    """All are cut while mail is coming in; every mail is shown once."""
    inbox = await house.open_inbox()
    address, _, query = house.db.url.partition("?")
    name = address.rpartition("/")[2]
    operator = await asyncpg.connect(f"{address.removesuffix(name)}postgres?{query}")
    try:
        for number in range(40):
            await house.accept(mail(f"{number}"), inbox)
            if number % 10 == 5:
                await operator.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name
                )
                await recovered(house.db)
    finally:
        await operator.close()
    await shown(house, 40, running)
    assert sorted(await house.subjects(inbox), key=int) == [f"{number}" for number in range(40)]


async def recovered(db: Database) -> None:
    """Return when the pool has noticed that its connections are gone."""
    for _ in range(20):
        try:
            async with db.read() as connection:
                await connection.fetchval("select 1")
        except Exception:
            continue
        return


async def test_a_parked_mail_is_released_by_the_worker(house: House, running: "asyncio.Task[None]") -> None:
    """Nobody has to ask when it is due."""
    inbox = await house.open_inbox()
    await house.do("alter table messages add constraint no_poison check (subject <> 'Poison')")
    await house.accept(mail("Poison"), inbox)
    async with asyncio.timeout(60):
        while not await house.value("select count(*) from inbound_parked"):
            assert not running.done()
    await house.do("alter table messages drop constraint no_poison")
    await house.do("update inbound_parked set not_before = $1", house.clock())
    await shown(house, 1, running)


async def test_a_step_that_fails_is_tried_again() -> None:
    """A loop ends only when it is asked to."""
    stop, bell, tries = asyncio.Event(), asyncio.Event(), []

    async def step() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("gone")
        if len(tries) == 3:
            stop.set()
        return 1

    await work(step, bell, stop)
    assert len(tries) == 3
