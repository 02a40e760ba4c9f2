"""More requests than connections: each gets one in its turn, and none is lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from daimon.db.engine import Database

from .conftest import Edge


@pytest_asyncio.fixture(loop_scope="session")
async def one(fresh_edge: Edge) -> AsyncIterator[Database]:
    """A pool of one connection."""
    db = await Database.open(fresh_edge.services.db.url, connections=1)
    yield db
    await db.close()


async def _backend(db: Database) -> int:
    async with db.read() as connection:
        found: int = await connection.fetchval("select pg_backend_pid()")
    return found


async def test_who_waits_longest_is_next(one: Database) -> None:
    """A connection goes from hand to hand in the order of coming, reads and transactions alike."""
    turns: list[int] = []

    async def take(turn: int) -> None:
        lent = one.transaction() if turn % 2 else one.read()
        async with lent as connection:
            await connection.execute("select 1")
            turns.append(turn)

    async with one.read():
        waiting = [asyncio.create_task(take(turn)) for turn in range(5)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert turns == [0, 1, 2, 3, 4]


async def test_who_gives_up_passes_it_on(one: Database) -> None:
    """Cancelled while waiting, and in the very turn of the loop in which the connection was handed over."""
    async with one.read():
        early, late, last = [asyncio.create_task(_backend(one)) for _ in range(3)]
        await asyncio.sleep(0)
        early.cancel()
        await asyncio.sleep(0)
    late.cancel()
    assert await asyncio.wait_for(last, 5)
    for gone in (early, late):
        with pytest.raises(asyncio.CancelledError):
            await gone


async def test_a_lost_connection_is_replaced_for_who_waits(one: Database) -> None:
    """A block that fails gives its connection up; the next in turn gets another."""
    before = await _backend(one)
    waiting = []

    async def fail() -> None:
        async with one.read() as connection:
            waiting.append(asyncio.create_task(_backend(one)))
            await asyncio.sleep(0)
            connection.terminate()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    after = await asyncio.wait_for(waiting[0], 5)
    assert after != before
    assert await _backend(one) == after
