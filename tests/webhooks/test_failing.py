"""What an endpoint that fails hears: the same again by the ladder, less at once, and all of it in the end."""

import asyncio
from datetime import timedelta

import pytest
from aiohttp import web

from daimon.db.scope import Scope
from daimon.kit import ids
from daimon.webhooks import backlog, service
from daimon.webhooks.models import DeliveryStatus, WebhookStatus
from daimon.webhooks.pace import FIRST_OPEN, MOST_OPEN

from .conftest import Heard, Post, endpoint, well


async def test_an_endpoint_that_hangs_delays_no_other(post: Post) -> None:
    """Others hear everything while its requests are still open."""

    async def hang(_: Heard) -> web.StreamResponse:
        await asyncio.sleep(3600)
        raise AssertionError

    async with endpoint(hang) as bad, endpoint() as good, post.working():
        await post.webhook(bad.url)
        await post.webhook(good.url)
        await post.happen(40)
        assert await good.has(40) == list(range(1, 41))
        await bad.has(1)
        assert bad.open >= 1
    assert bad.most_open <= FIRST_OPEN


async def test_a_failure_is_tried_again_under_the_same_id(post: Post) -> None:
    """By the ladder; meanwhile the next events go on."""
    answers = iter([500, 302, 200])

    async def fail_first(heard: Heard) -> web.StreamResponse:
        status = next(answers) if heard.sequence == 1 else 200
        return web.Response(status=status, text="x" * 5000, headers={"Location": "http://127.0.0.1:9/"})

    async with endpoint(fail_first) as receiver, post.working():
        webhook = await post.webhook(receiver.url)
        await post.happen()
        await post.settled(webhook, lambda found: found.failure_count == 1)
        [first] = await post.deliveries(webhook)
        assert first.next_attempt_at is not None
        assert timedelta(seconds=4) < first.next_attempt_at - first.created_at < timedelta(seconds=8)
        await post.happen()
        await receiver.has(2)
        await post.settled(webhook, lambda found: found.cursor == 2)
        await post.poke(webhook, timedelta(seconds=6))
        await post.settled(webhook, lambda found: found.failure_count == 1)
        await receiver.has(3)
        await post.poke(webhook, timedelta(seconds=40))
        await receiver.has(4)
        await post.settled(webhook, lambda found: found.failure_count == 0)
        await post.logged(webhook, lambda log: log[0].status is not DeliveryStatus.PENDING)
    assert receiver.numbers == [1, 2, 1, 1]
    assert len({heard.headers["webhook-id"] for heard in receiver.heard}) == 2
    first = (await post.deliveries(webhook))[0]
    assert [attempt.status for attempt in first.attempts] == [500, 302, 200]
    assert (first.status, first.attempt_count, first.next_attempt_at) == (DeliveryStatus.SUCCEEDED, 3, None)
    assert len(first.attempts[0].answer) == 2048


async def test_many_retries_are_each_sent_once(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them are due at once than are read at a time, and fewer than may be begun; none is begun twice."""
    monkeypatch.setattr(backlog, "READ", 4)

    async def down(_: Heard) -> web.StreamResponse:
        return web.Response(status=500)

    async with endpoint(down) as receiver, post.working():
        webhook = await post.webhook(receiver.url)
        await post.happen(6)
        await post.settled(webhook, lambda found: found.cursor == 6)
        receiver.answer = well
        await post.happen(MOST_OPEN)  # now it may be sent so many at a time again
        await post.settled(webhook, lambda found: found.cursor == 6 + MOST_OPEN)
        receiver.heard.clear()
        async with post.db.transaction() as db:
            for each in (await post.deliveries(webhook))[:6]:
                await service.retry(db, Scope(post.account_id), webhook.id, each.id, post.clock())
        await post.poke(webhook)
        log = await post.logged(webhook, lambda log: all(d.status is DeliveryStatus.SUCCEEDED for d in log))
    assert sorted(receiver.numbers) == [1, 2, 3, 4, 5, 6]
    assert {d.attempt_count for d in log if d.sequence <= 6} == {2}


async def test_gone_disables(post: Post) -> None:
    """410: nothing is sent any more, and the log says why."""

    async def gone(_: Heard) -> web.StreamResponse:
        return web.Response(status=410)

    async with endpoint(gone) as receiver, post.working():
        webhook = await post.webhook(receiver.url)
        await post.happen()
        after = await post.settled(webhook, lambda found: found.status is WebhookStatus.DISABLED)
        await post.happen(3)
        await post.poke(webhook)
    assert after.disabled_reason is not None
    assert "410" in after.disabled_reason
    assert receiver.numbers == [1]
    [delivery] = await post.deliveries(webhook)
    assert (delivery.status, delivery.next_attempt_at) == (DeliveryStatus.FAILED, None)


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_heeded(post: Post, status: int) -> None:
    """Nothing goes to the endpoint until then; then everything does."""

    async def busy(heard: Heard) -> web.StreamResponse:
        return web.Response(status=status if len(receiver.heard) == 1 else 200, headers={"Retry-After": "600"})

    async with endpoint(busy) as receiver, post.working():
        webhook = await post.webhook(receiver.url)
        await post.happen()
        await post.settled(webhook, lambda found: found.failure_count == 1)
        await post.happen(5)
        await post.poke(webhook, timedelta(seconds=500))
        [delivery] = await post.deliveries(webhook)
        assert delivery.next_attempt_at is not None
        assert delivery.next_attempt_at - delivery.created_at > timedelta(seconds=599)
        assert receiver.numbers == [1]
        await post.poke(webhook, timedelta(seconds=200))
        assert sorted(await receiver.has(7)) == [1, 1, 2, 3, 4, 5, 6]


async def test_an_endpoint_that_fails_too_often_is_probed_and_heals(post: Post) -> None:
    """Twenty failures in a row; the account is told; then one at a time, and when it is well again all the rest."""

    async def down(_: Heard) -> web.StreamResponse:
        return web.Response(status=500)

    async with endpoint(down) as receiver, endpoint() as other, post.working():
        webhook = await post.webhook(receiver.url, events=("pod.created",))
        await post.webhook(other.url, events=("webhook.unhealthy",))
        await post.happen(50)
        after = await post.settled(webhook, lambda found: found.status is WebhookStatus.UNHEALTHY)
        assert after.failure_count == 20
        [told] = (await other.has(1)) and other.heard
        assert told.event["data"]["webhook"] == {
            "id": ids.show(ids.Kind.WEBHOOK, webhook.id),
            "status": "unhealthy",
            "failure_count": 20,
        }
        tried = len(receiver.heard)
        receiver.most_open = 0
        for probe in range(3):
            await post.poke(webhook, timedelta(minutes=7))
            await receiver.has(tried + probe + 1)
            await post.settled(webhook, lambda found, probe=probe: found.failure_count == 21 + probe)
        assert (receiver.most_open, len(receiver.heard)) == (1, tried + 3)
        receiver.answer = well
        await post.poke(webhook, timedelta(minutes=7))
        await post.settled(webhook, lambda found: found.status is WebhookStatus.ACTIVE)
        first = list(dict.fromkeys(receiver.numbers))
        while len(set(receiver.numbers)) < 50:
            await post.poke(webhook, timedelta(days=2))
            await receiver.has(len(receiver.heard) + 1)
        assert first == sorted(first)
        await post.logged(webhook, lambda log: all(d.status is DeliveryStatus.SUCCEEDED for d in log))
    assert {d.status for d in await post.deliveries(webhook)} == {DeliveryStatus.SUCCEEDED}
    assert sorted(d.sequence for d in await post.deliveries(webhook)) == list(range(1, 51))
