"""Dispatch survives: workers that die, rings that are lost, clocks that step, a database that goes away."""

import asyncio
import random
import sys
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from aiohttp import web

from daimon.db.scope import Scope
from daimon.kit import ids
from daimon.webhooks import leasing
from daimon.webhooks.models import DeliveryStatus
from daimon.webhooks.pace import FIRST_OPEN, MOST_OPEN
from daimon.webhooks.repository import WebhookRepository

from . import process
from .conftest import Endpoint, Heard, Post, endpoint, eventually

TESTS = Path(__file__).parents[1]


async def test_a_worker_that_is_killed_loses_nothing(post: Post) -> None:
    """With attempts under way. The next one goes on behind what was written, and repeats the rest, ids and all."""
    gate = asyncio.Event()

    async def wait(_: Heard) -> web.StreamResponse:
        await gate.wait()
        return web.Response()

    async with endpoint(wait) as receiver:
        webhook = await post.webhook(receiver.url)
        dying = await asyncio.create_subprocess_exec(sys.executable, "-m", process.__name__, post.db.url, cwd=TESTS)
        await post.happen(12)
        await receiver.has(FIRST_OPEN)
        dying.kill()
        await dying.wait()
        row = await post.sql("select array[leased_by::text, cursor::text] from webhooks")
        assert row[0] is not None
        assert row[1] == "0"
        gate.set()
        await post.sql("update webhooks set leased_until = now() - interval '1 second'")
        async with post.working():
            await receiver.has(12 + FIRST_OPEN)
            await post.settled(webhook, lambda found: found.cursor == 12)
    named: dict[int, set[str]] = {}
    for heard in receiver.heard:
        named.setdefault(heard.sequence, set()).add(heard.headers["webhook-id"])
    assert sorted(named) == list(range(1, 13))
    assert all(len(names) == 1 for names in named.values())
    assert [d.sequence for d in await post.deliveries(webhook)] == list(range(1, 13))


async def test_workers_killed_again_and_again_lose_nothing(post: Post) -> None:
    """A dozen webhooks, a hundred events, seven kills at any moment."""
    count, seen = 100, random.Random(7)
    async with AsyncExitStack() as stack:
        receivers = [await stack.enter_async_context(endpoint()) for _ in range(12)]
        webhooks = [await post.webhook(receiver.url) for receiver in receivers]
        happening = asyncio.create_task(_slowly(post, count))
        for _ in range(7):
            dying = await asyncio.create_subprocess_exec(sys.executable, "-m", process.__name__, post.db.url, cwd=TESTS)
            heard = sum(len(receiver.heard) for receiver in receivers)
            some = seen.randrange(1, 150)
            await eventually(lambda: _heard_more(receivers, min(heard + some, 12 * count)))  # noqa: B023 - awaited here
            dying.kill()
            await dying.wait()
            await post.sql("update webhooks set leased_until = now() - interval '1 second'")
        await happening
        async with post.working():
            for webhook in webhooks:
                await post.settled(webhook, lambda found: found.cursor == count)
        for webhook, receiver in zip(webhooks, receivers, strict=True):
            assert set(receiver.numbers) == set(range(1, count + 1))
            log = await post.deliveries(webhook)
            assert [d.sequence for d in log] == list(range(1, count + 1))
            firsts = list(dict.fromkeys(receiver.numbers))
            assert max(abs(number - at) for at, number in enumerate(firsts, 1)) <= MOST_OPEN


async def _slowly(post: Post, count: int) -> None:
    for _ in range(count):
        await post.happen()
        await asyncio.sleep(0.01)


async def _heard_more(receivers: list[Endpoint], count: int) -> bool:
    return sum(len(set(receiver.numbers)) for receiver in receivers) >= min(count, 12 * 100)


async def test_two_workers_send_each_event_once(post: Post) -> None:
    """A webhook is one worker's at a time."""
    async with endpoint() as first, endpoint() as second, post.working(), post.working():
        await post.webhook(first.url)
        await post.webhook(second.url)
        await post.happen(50)
        assert sorted(await first.has(50)) == list(range(1, 51))
        assert sorted(await second.has(50)) == list(range(1, 51))
    assert (len(first.heard), len(second.heard)) == (50, 50)


async def test_a_lost_ring_loses_nothing(post: Post) -> None:
    """Nobody told of the events: the walk over all webhooks finds them."""
    async with endpoint() as receiver, post.working():
        await post.webhook(receiver.url)
        await post.happen(3, quietly=True)
        assert await receiver.has(3) == [1, 2, 3]


async def test_what_waits_is_found_after_a_start(post: Post) -> None:
    """A retry that came due, and events that happened, while no worker ran."""

    async def fail_once(_: Heard) -> web.StreamResponse:
        return web.Response(status=500 if len(receiver.heard) == 1 else 200)

    async with endpoint(fail_once) as receiver:
        webhook = await post.webhook(receiver.url)
        async with post.working():
            await post.happen()
            await post.settled(webhook, lambda found: found.failure_count == 1)
        row = await post.sql("select array[leased_by::text, wake_at::text] from webhooks")
        assert row[0] is None
        assert row[1] is not None
        await post.sql("update webhooks set wake_at = now()")
        post.clock.ahead = timedelta(seconds=10)
        async with post.working():
            assert await receiver.has(2) == [1, 1]
            await post.happen(quietly=True)
            assert await receiver.has(3) == [1, 1, 2]


async def test_a_lease_of_a_clock_put_back_is_free(post: Post) -> None:
    """It would hold for an hour, and its worker is gone."""
    async with endpoint() as receiver:
        await post.webhook(receiver.url)
        await post.sql(
            "update webhooks set leased_by = $1, leased_until = now() + interval '1 hour', wake_at = now()", ids.new()
        )
        async with post.working():
            await post.happen()
            assert await receiver.has(1) == [1]


async def test_a_living_lease_is_respected(post: Post) -> None:
    """Another worker's: neither events, nor the walk, nor a change let us send."""
    async with post.db.transaction() as db:
        webhook = await post.webhook("https://example.com/")
        name = (post.account_id, webhook.id)
        other = ids.new()
        assert [leased.name for leased in await leasing.lease(db, other, [name])] == [name]
    await post.happen(quietly=True)
    async with post.db.transaction() as db:
        places = await leasing.places(db, {post.account_id: None})
        assert await leasing.concerned(db, places) == []
        assert (await leasing.behind(db, (UUID(int=0), UUID(int=0)), limit=10))[0] == []
        assert await leasing.to_wake(db, limit=10) == []
        assert await leasing.lease(db, ids.new(), [name]) == []
        assert await leasing.renew(db, ids.new(), {name: 7}) == {}
        assert list(await leasing.renew(db, other, {name: 0})) == [name]


async def test_a_lost_lease_writes_nothing(post: Post) -> None:
    """Somebody else has it by now: what came of our attempts is his to find out again."""
    gate = asyncio.Event()

    async def wait(_: Heard) -> web.StreamResponse:
        await gate.wait()
        return web.Response()

    async with endpoint(wait) as receiver, endpoint() as other, post.working():
        webhook = await post.webhook(receiver.url)
        await post.webhook(other.url)
        await post.happen()
        await receiver.has(1)
        await post.sql(
            "update webhooks set leased_by = $1, leased_until = now() + interval '30 seconds' where id = $2",
            ids.new(), webhook.id,
        )  # fmt: skip
        gate.set()
        await post.happen(2)
        await other.has(3)
    async with post.db.read() as db:
        found = await WebhookRepository(db, Scope(post.account_id)).get(webhook.id)
    assert found.cursor == 0
    assert await post.deliveries(webhook) == []


async def test_a_database_that_goes_away(post: Post) -> None:
    """Its connections are cut again and again: everything arrives, and everything is written in the end."""
    async with endpoint() as receiver, post.working():
        webhook = await post.webhook(receiver.url)
        for _ in range(5):
            await post.happen(20)
            await receiver.has(1)
            async with post.db.read() as db:
                await db.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid() and state is not null"
                )
        await post.settled(webhook, lambda found: found.cursor == 100)
    assert set(receiver.numbers) == set(range(1, 101))
    succeeded = DeliveryStatus.SUCCEEDED.value
    delivered = "select array_agg(distinct sequence) from webhook_deliveries where status = $1"
    assert len(await post.sql(delivered, succeeded)) == 100


async def test_a_webhook_sealed_under_another_key_fails_and_is_logged(post: Post) -> None:
    """The server's secret was changed: nothing can be signed, and the log says what to do."""
    async with endpoint() as receiver, post.working():
        webhook = await post.webhook(receiver.url)
        await post.sql("update webhooks set secret = $1", b"\0" * 80)
        await post.happen()
        await post.settled(webhook, lambda found: found.failure_count == 1)
    [delivery] = await post.deliveries(webhook)
    assert "secret key" in (delivery.attempts[0].error or "")
    assert receiver.heard == []


async def test_what_cannot_be_written_harms_its_own_webhook_alone(post: Post) -> None:
    """Its lane ends, and is left alone for a minute; results that came at the same moment are written."""

    async def down(_: Heard) -> web.StreamResponse:
        return web.Response(status=500)

    async with endpoint(down) as broken, endpoint() as good, post.working():
        bad, well = await post.webhook(broken.url), await post.webhook(good.url)
        await post.sql("update webhooks set failure_count = 2147483647 where id = $1", bad.id)
        await post.happen(30)
        assert await good.has(30) == list(range(1, 31))
        await post.settled(well, lambda found: found.cursor == 30)
        left_alone = "select not_before > now() + interval '30 s' from webhooks where id = $1"
        await eventually(lambda: post.sql(left_alone, bad.id))
    assert (await post.get(bad)).cursor == 0
    assert 1 <= len(broken.heard) <= MOST_OPEN
