"""The sequence itself: no gaps, no reader overtakes a writer, only whole beginnings are forgotten, bounded work."""

import asyncio
import contextlib
import random
from datetime import timedelta

import pytest

from daimon.db.scope import Scope
from daimon.events import retention, rings
from daimon.events import service as events
from daimon.events.models import EventType
from daimon.events.numbering import sequence_of
from daimon.feed import cursor
from daimon.feed.models import Wanted
from daimon.feed.reach import Reach
from daimon.kit import ids
from daimon.kit.clock import utc_now

from .conftest import Feed, follow


class Undone(Exception):
    """A transaction that is rolled back."""


async def test_no_reader_overtakes_a_writer(feed: Feed) -> None:
    """20 writers in three accounts, some of whose transactions are undone; readers at the end all the while."""
    accounts = [feed, Feed(feed.db), Feed(feed.db)]
    dice = random.Random(7)
    plans = [[(dice.randint(1, 4), dice.random() < 0.3) for _ in range(12)] for _ in range(20)]

    async def record(count: int, *, undo: bool) -> None:
        async with feed.db.transaction() as db:
            await events.record(db, [account.new() for account in accounts for _ in range(count)])
            await asyncio.sleep(0)
            if undo:
                raise Undone

    async def write(plan: list[tuple[int, bool]]) -> int:
        kept = 0
        for count, undo in plan:
            with rings.noticing() as told, contextlib.suppress(Undone):
                await record(count, undo=undo)
            if undo:
                continue
            kept += count
            for account in accounts:
                account.tails.ring(" ".join(told))
        return kept

    total = sum(count for plan in plans for count, undo in plan if not undo)
    with feed.tails.subscribe(feed.account_id, 0) as one, accounts[1].tails.subscribe(accounts[1].account_id, 0) as two:
        readers = asyncio.gather(
            follow(one, feed.everything, total), follow(two, accounts[1].everything, total), _poll(accounts[2], total)
        )
        assert sum(await asyncio.gather(*(write(plan) for plan in plans))) == total
        assert await readers == [list(range(1, total + 1))] * 3


async def _poll(feed: Feed, to: int) -> list[int]:
    """Read page by page, as `GET /v1/events` does."""
    seen: list[int] = []
    place = 0
    while place < to:
        async with feed.db.read() as db:
            looked = await feed.repository(db).after(place, feed.everything, 7)
        seen += [told.sequence for told in looked.told]
        place = looked.to
    return seen


async def test_an_id_ends_in_its_number(feed: Feed) -> None:
    """Written alone or with others."""
    await feed.many(1)
    await feed.many(3)
    async with feed.db.read() as db:
        looked = await feed.repository(db).after(0, feed.everything, 10)
        assert [sequence_of(told.id) for told in looked.told] == [1, 2, 3, 4]
        assert {told.id.version for told in looked.told} == {7}
        shown = ids.show(ids.Kind.EVENT, looked.told[2].id)
        assert await cursor.read(db, Scope(feed.account_id), shown) == 3


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_what_is_forgotten_leaves_no_hole(feed: Feed, limit: int) -> None:
    """An old event behind a young one waits for it; what was before the young one goes, a little at a time."""
    now = utc_now()
    old = now - retention.EVENTS_KEPT - timedelta(days=1)
    await feed.record(feed.new(at=old), feed.new(at=old), feed.new(at=now), feed.new(at=old))
    other = Feed(feed.db)
    await other.record(other.new(at=now), other.new(at=old))
    gone = 1
    while gone:
        async with feed.db.transaction() as db:
            gone = await retention.forget(db, now=now, limit=limit)
        assert gone <= limit
        left = await feed.numbers()
        assert left == list(range(left[0], 5))
    assert (await feed.numbers(), await other.numbers()) == ([3, 4], [1, 2])


async def test_one_call_looks_so_far_and_says_so(feed: Feed) -> None:
    """What no index finds is looked for in a part of a long sequence; what a pod's key sees is found at once."""
    pod = ids.new()
    async with feed.db.transaction() as db:
        await db.execute(
            """
            insert into events (account_id, sequence, id, event, data, created_at)
            select $1, n, gen_random_uuid(), 'inbox.created', '{}', now() from generate_series(1, 50000) n
            """,
            feed.account_id,
        )
        await db.execute("insert into event_sequences values ($1, 50000)", feed.account_id)
    await feed.record(feed.new(EventType.POD_CREATED, pod_id=pod))
    rare = Reach.within(Scope(feed.account_id), Wanted(frozenset({"pod.created"})))
    async with feed.db.read() as db:
        repository, place, steps = feed.repository(db), 0, []
        while place < 50_001:
            looked = await repository.after(place, rare, 10)
            steps.append((looked.to, len(looked.told)))
            place = looked.to
        assert steps == [(20_000, 0), (40_000, 0), (50_001, 1)]
        looked = await repository.after(0, Reach.within(Scope(feed.account_id, (pod,))), 10)
        assert (looked.to, [told.sequence for told in looked.told]) == (50_001, [50_001])


async def test_words_are_collected_where_they_are_recorded(feed: Feed) -> None:
    """By the innermost block around, and by none in a task that runs beside it."""
    other = Feed(feed.db)

    async def beside() -> list[str]:
        with rings.noticing() as told:
            await other.many(1)
            return list(told)

    with rings.noticing() as outer:
        task = asyncio.create_task(beside())
        await feed.many(2)
        with rings.noticing() as inner:
            await other.many(1)
        assert await task == [other.account_id.hex]
    await other.many(1)
    assert (list(outer), list(inner)) == ([feed.account_id.hex], [other.account_id.hex])
