"""Lending connections: quickly, to whoever waits, and never a broken one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from daimon.db.engine import Database
from daimon.kit.errors import Unavailable


@pytest.fixture
async def single(database_url: str) -> AsyncIterator[Database]:
    """A database with one connection."""
    db = await Database.open(database_url, connections=1)
    yield db
    await db.close()


async def _pid(db: Database) -> int:
    async with db.read() as connection:
        pid: int = await connection.fetchval("select pg_backend_pid()")
        return pid


async def test_a_connection_is_lent_again(single: Database) -> None:
    """One after the other, everyone gets the same one."""
    assert len({await _pid(single) for _ in range(5)}) == 1


async def test_whoever_waits_gets_it_when_it_is_given_back(single: Database) -> None:
    """Fifty at once share one connection, and nobody starves."""
    assert len(set(await asyncio.gather(*(_pid(single) for _ in range(50))))) == 1


async def test_who_waits_longest_is_next(single: Database) -> None:
    """A connection goes from hand to hand in the order of coming, reads and transactions alike."""
    turns: list[int] = []

    async def take(turn: int) -> None:
        lent = single.transaction() if turn % 2 else single.read()
        async with lent as connection:
            await connection.execute("select 1")
            turns.append(turn)

    async with single.read():
        waiting = [asyncio.create_task(take(turn)) for turn in range(5)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert turns == [0, 1, 2, 3, 4]


async def test_who_gives_up_passes_it_on(single: Database) -> None:
    """Cancelled while waiting, and in the very turn of the loop in which the connection was handed over."""
    async with single.read():
        early, late, last = [asyncio.create_task(_pid(single)) for _ in range(3)]
        await asyncio.sleep(0)
        early.cancel()
        await asyncio.sleep(0)
    late.cancel()
    assert await asyncio.wait_for(last, 5)
    for gone in (early, late):
        with pytest.raises(asyncio.CancelledError):
            await gone


async def test_a_lost_connection_is_replaced_for_who_waits(single: Database) -> None:
    """A block that fails gives its connection up; the next in turn gets another."""
    before = await _pid(single)
    waiting = []

    async def fail() -> None:
        async with single.read() as connection:
            waiting.append(asyncio.create_task(_pid(single)))
            await asyncio.sleep(0)
            connection.terminate()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    after = await asyncio.wait_for(waiting[0], 5)
    assert after != before
    assert await _pid(single) == after


async def test_a_connection_that_died_is_replaced(single: Database) -> None:
    """The user of it is told Unavailable, the next one gets a new connection."""
    first = await _pid(single)
    with pytest.raises(Unavailable):
        async with single.read() as connection:
            await connection.execute("select pg_terminate_backend(pg_backend_pid())")
    assert await _pid(single) != first


async def test_a_connection_that_died_idle_is_replaced(database_url: str, single: Database) -> None:
    """What the server closed meanwhile is not lent."""
    first = await _pid(single)
    other = await Database.open(database_url, connections=1)
    async with other.read() as connection:
        await connection.execute("select pg_terminate_backend($1)", first)
        while await connection.fetchval("select true from pg_stat_activity where pid = $1", first):
            pass
    await other.close()
    for _ in range(3):  # the loop may hear of the closed socket only now
        try:
            assert await _pid(single) != first
        except Unavailable:
            continue
        break
    else:
        pytest.fail("the pool did not mend")
    async with asyncio.timeout(5):
        assert await _pid(single) != first


async def test_a_cancelled_query_leaves_a_usable_connection(single: Database) -> None:
    """The next one is not shown the cancelled one's rows."""
    lent = asyncio.Event()

    async def endless() -> None:
        async with single.read() as connection:
            asyncio.get_running_loop().call_soon(lent.set)
            await connection.execute("select pg_sleep(30)")

    query = asyncio.create_task(endless())
    await lent.wait()
    await asyncio.sleep(0.1)  # a cancellation that comes before the query finds nothing to cancel
    query.cancel()
    with pytest.raises(asyncio.CancelledError):
        await query
    assert await _pid(single) > 0


async def test_an_error_rolls_the_transaction_back(single: Database) -> None:
    """Leaving by an exception keeps nothing, and the connection is clean."""
    with contextlib.suppress(ZeroDivisionError):
        async with single.transaction() as connection:
            await connection.execute("insert into event_sequences values (gen_random_uuid(), 1)")
            raise ZeroDivisionError
    async with single.read() as connection:
        assert not connection.is_in_transaction()
        assert await connection.fetchval("select count(*) from event_sequences") == 0


async def test_a_closed_database_is_unavailable(single: Database) -> None:
    """After `close` there is nothing to lend."""
    await _pid(single)
    await single.close()
    with pytest.raises(Unavailable):
        await _pid(single)


async def test_who_ends_a_circle_of_waits_is_told_to_try_again(database_url: str) -> None:
    """PostgreSQL picks one of the two that wait for each other; nothing of it was committed."""
    locked = asyncio.Barrier(2)

    async def lock(db: Database, first: int, second: int) -> bool:
        try:
            async with db.transaction() as connection:
                await connection.execute("select pg_advisory_xact_lock($1)", first)
                await locked.wait()
                await connection.execute("select pg_advisory_xact_lock($1)", second)
        except Unavailable:
            return False
        return True

    db = await Database.open(database_url, connections=2)
    try:
        async with asyncio.timeout(30):
            assert sorted(await asyncio.gather(lock(db, 1, 2), lock(db, 2, 1))) == [False, True]
    finally:
        await db.close()
