"""Tails: an event is read once and told to many, each number once and in order, whatever gets lost."""

import asyncio
import contextlib

import pytest

from daimon.db.scope import Scope
from daimon.events.models import EventType
from daimon.feed import tail
from daimon.feed.errors import CursorExpired
from daimon.feed.memory import Memory
from daimon.feed.models import Wanted
from daimon.feed.reach import Reach
from daimon.feed.tail import Tails
from daimon.kit import ids

from .conftest import Feed, follow


async def test_a_subscriber_gets_every_event_once(feed: Feed) -> None:
    """From its place on: what was there before, and what comes while it follows."""
    await feed.many(3)
    with feed.tails.subscribe(feed.account_id, 1) as subscriber:
        assert await follow(subscriber, feed.everything, 3) == [2, 3]
        waiting = asyncio.create_task(follow(subscriber, feed.everything, 5))
        await feed.many(2)
        feed.ring()
        assert await waiting == [4, 5]


async def test_many_subscribers_cost_one_query(feed: Feed) -> None:
    """Whoever is at the end is told from memory."""
    await feed.many(1)
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(feed.tails.subscribe(feed.account_id, 0)) for _ in range(200)]
        assert await asyncio.gather(*(follow(each, feed.everything, 1) for each in crowd)) == [[1]] * 200
        settled = asyncio.gather(*(follow(each, feed.everything, 2) for each in crowd))
        await feed.many(1)
        feed.ring()
        assert await settled == [[2]] * 200
        before = feed.reads
        following = asyncio.gather(*(follow(each, feed.everything, 12) for each in crowd))
        await feed.many(10)
        feed.ring()
        assert await following == [list(range(3, 13))] * 200
        assert feed.reads - before == 1


async def test_an_overtaken_subscriber_reads_from_the_database(feed: Feed) -> None:
    """More came than a tail holds; nothing is missed."""
    with feed.tails.subscribe(feed.account_id, 0) as quick, feed.tails.subscribe(feed.account_id, 0) as slow:
        assert await quick.next(feed.everything, patience=0) == []
        count = tail.MOST_EVENTS + 500
        for _ in range(3):
            await feed.many(count // 3)
            feed.ring()
        assert await follow(quick, feed.everything, count) == list(range(1, count + 1))
        assert await follow(slow, feed.everything, count, most=37) == list(range(1, count + 1))


async def test_a_lost_ring_delays_and_loses_nothing(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tails look for themselves."""
    monkeypatch.setattr(tail, "LOOK_SECONDS", 0.01)
    stop = asyncio.Event()
    looking = asyncio.create_task(feed.tails.run(feed.db, stop))
    with feed.tails.subscribe(feed.account_id, 0) as subscriber:
        waiting = asyncio.create_task(follow(subscriber, feed.everything, 4))
        await feed.many(4)
        assert await waiting == [1, 2, 3, 4]
    stop.set()
    await looking


async def test_a_lost_database_delays_and_loses_nothing(feed: Feed) -> None:
    """A load that fails is done again at the next ring."""
    with feed.tails.subscribe(feed.account_id, 0) as subscriber:
        await feed.many(1)
        assert await follow(subscriber, feed.everything, 1) == [1]
        async with feed.db.read() as db:
            await db.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        waiting = asyncio.create_task(follow(subscriber, feed.everything, 3))
        await feed.many(2)
        feed.ring()
        assert await waiting == [2, 3]


async def test_what_does_not_match_is_passed(feed: Feed) -> None:
    """The place moves on over events that are not wanted, from memory as from the database."""
    await feed.record(feed.new(), feed.new(EventType.POD_SUSPENDED), feed.new())
    wanted = Reach.within(Scope(feed.account_id), Wanted(frozenset({"pod.suspended"})))
    with feed.tails.subscribe(feed.account_id, 0) as subscriber:
        assert await follow(subscriber, wanted, 3) == [2]
        waiting = asyncio.create_task(follow(subscriber, wanted, 5))
        await feed.record(feed.new(), feed.new(EventType.POD_SUSPENDED))
        feed.ring()
        assert await waiting == [5]


async def test_a_cancelled_wait_moves_nothing(feed: Feed) -> None:
    """Whoever asks again gets what the cancelled call would have got."""
    with feed.tails.subscribe(feed.account_id, 0) as subscriber:
        waiting = asyncio.create_task(subscriber.next(feed.everything))
        await asyncio.sleep(0)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        await feed.many(2)
        feed.ring()
        assert await follow(subscriber, feed.everything, 2) == [1, 2]


async def test_a_place_that_is_not_kept_is_refused(feed: Feed) -> None:
    """With the number of the oldest event that is there, also when none is."""
    await feed.many(5)
    for kept_from in (4, 6):
        async with feed.db.read() as db:
            await db.execute("delete from events where account_id = $1 and sequence < $2", feed.account_id, kept_from)
        with feed.tails.subscribe(feed.account_id, kept_from - 2) as subscriber:
            with pytest.raises(CursorExpired) as expired:
                await subscriber.next(feed.everything)
            assert expired.value.oldest == kept_from


async def test_two_accounts_do_not_hear_each_other(feed: Feed) -> None:
    """A tail holds one account's events."""
    other = Feed(feed.db)
    await other.many(2)
    with feed.tails.subscribe(feed.account_id, 0) as subscriber:
        feed.tails.ring(f"{other.account_id.hex} {feed.account_id.hex}.{ids.new().hex}")
        assert await subscriber.next(feed.everything, patience=0) == []
        assert subscriber.sequence == 0


async def test_all_tails_together_are_bounded(feed: Feed) -> None:
    """The tail that was given nothing for the longest goes first; whoever is behind it misses nothing."""
    other, memory = Feed(feed.db), Memory(most=10_000)
    feed.tails = other.tails = Tails(feed.reading, public_url="http://daimon.test", memory=memory)
    numbers = list(range(1, 31))
    with contextlib.ExitStack() as stack:
        slow, quick, second = (
            stack.enter_context(feed.tails.subscribe(account_id, 0))
            for account_id in (feed.account_id, feed.account_id, other.account_id)
        )
        for each, subscriber in ((feed, quick), (other, second)):
            await each.many(1)
            assert await follow(subscriber, each.everything, 1) == [1]
            settled = asyncio.create_task(follow(subscriber, each.everything, 2))
            await each.many(1)
            each.ring()
            assert await settled == [2]
        for each, subscriber in ((feed, quick), (other, second)) * 2:
            following = asyncio.create_task(follow(subscriber, each.everything, subscriber.sequence + 14))
            await each.many(14)
            each.ring()
            assert await following == numbers[subscriber.sequence - 14 : subscriber.sequence]
            assert 0 < memory.total <= 10_000
        assert await follow(slow, feed.everything, 30, most=4) == numbers
    assert memory.total == 0


async def test_looking_at_all_accounts_is_one_query(feed: Feed) -> None:
    """Only the tails of accounts with something new are loaded."""
    others = [Feed(feed.db) for _ in range(3)]
    stop = asyncio.Event()
    looking = asyncio.create_task(feed.tails.run(feed.db, stop))
    with contextlib.ExitStack() as stack:
        for each in (*others, feed):
            each.tails = feed.tails
            subscriber = stack.enter_context(feed.tails.subscribe(each.account_id, 0))
            await each.many(1)
            assert await follow(subscriber, each.everything, 1) == [1]
            settled = asyncio.create_task(follow(subscriber, each.everything, 2))
            await each.many(1)
            each.ring()
            assert await settled == [2]
        before = feed.reads
        waiting = asyncio.create_task(follow(subscriber, feed.everything, 3))
        await feed.many(1)
        feed.tails.ring_all()
        assert await waiting == [3]
        assert feed.reads - before == 1
    stop.set()
    await looking
