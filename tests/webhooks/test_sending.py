"""What an endpoint hears: everything it wants, in order, signed, once as long as it answers."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import msgspec
import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook as Verifier

from daimon.db.scope import Scope
from daimon.events.models import EventType
from daimon.kit import ids
from daimon.webhooks import dispatch, secret, service
from daimon.webhooks.models import DeliveryStatus, Webhook, WebhookStatus
from daimon.webhooks.pace import MOST_OPEN
from daimon.webhooks.repository import WebhookRepository

from .conftest import VAULT, Heard, Post, endpoint, eventually


async def test_every_event_arrives_once_and_in_order(post: Post) -> None:
    """Signed twice; the headers say what the body says."""
    signed = secret.make()
    async with endpoint() as receiver, post.working():
        webhook = await post.webhook(receiver.url, signed=signed)
        await post.happen(60)
        assert await receiver.has(60) == list(range(1, 61))
        for heard in receiver.heard:
            assert Verifier(signed).verify(heard.body.decode(), heard.headers)
            event = heard.event
            assert (event["sequence"], event["event_id"]) == (heard.sequence, heard.headers["webhook-id"])
            assert (event["event"], event["webhook_id"]) == ("pod.created", ids.show(ids.Kind.WEBHOOK, webhook.id))
            assert heard.headers["x-daimon-event"] == "pod.created"
            assert heard.headers["x-daimon-signature"].startswith("sha256=")
        after = await post.settled(webhook, lambda found: found.cursor == 60)
    assert (after.status, after.failure_count) == (WebhookStatus.ACTIVE, 0)
    assert after.last_delivered_at is not None
    logged = await post.deliveries(webhook)
    assert [delivery.sequence for delivery in logged] == list(range(1, 61))
    assert {delivery.status for delivery in logged} == {DeliveryStatus.SUCCEEDED}
    attempt = logged[0].attempts[0]
    assert (attempt.status, attempt.url, attempt.error) == (204, receiver.url, None)
    assert "webhook-id" in attempt.headers
    assert not {"webhook-signature", "x-daimon-signature"} & set(attempt.headers)


async def test_a_webhook_hears_what_it_wants(post: Post) -> None:
    """Its pod's, its inbox's, its types; nothing of what was before it."""
    pod, other, inbox = ids.new(), ids.new(), ids.new()
    await post.happen(3)
    async with endpoint() as whole, endpoint() as of_pod, endpoint() as of_inbox, endpoint() as typed, post.working():
        await post.webhook(whole.url)
        await post.webhook(of_pod.url, pod_id=pod)
        await post.webhook(of_inbox.url, inbox_id=inbox)
        await post.webhook(typed.url, events=("inbox.created",))
        await post.happen(pod_id=pod)
        await post.happen(pod_id=other)
        await post.happen(pod_id=pod, inbox_id=inbox, event=EventType.INBOX_CREATED)
        await post.happen(inbox_id=inbox)
        await post.happen(pod_id=pod)
        assert await whole.has(5) == [4, 5, 6, 7, 8]
        assert await of_pod.has(3) == [4, 6, 8]
        assert await of_inbox.has(2) == [6, 7]
        assert await typed.has(1) == [6]
    assert (len(of_pod.heard), len(of_inbox.heard), len(typed.heard)) == (3, 2, 1)


async def test_at_most_so_many_are_under_way(post: Post) -> None:
    """Once it has answered well. The first attempts begin in order, and the next begins when one has ended."""
    gate = asyncio.Event()

    async def wait(_: Heard) -> web.StreamResponse:
        await gate.wait()
        return web.Response()

    async with endpoint() as receiver, post.working():
        webhook = await post.webhook(receiver.url)
        await post.happen(MOST_OPEN)
        await post.settled(webhook, lambda found: found.cursor == MOST_OPEN)
        receiver.answer = wait
        await post.happen(MOST_OPEN * 2)
        await receiver.has(MOST_OPEN * 2)
        assert (await post.get(webhook)).cursor == MOST_OPEN
        gate.set()
        assert sorted(await receiver.has(MOST_OPEN * 3)) == list(range(1, MOST_OPEN * 3 + 1))
        await post.settled(webhook, lambda found: found.cursor == MOST_OPEN * 3)
    assert receiver.most_open == MOST_OPEN


async def test_endpoints_that_failed_share_what_may_be_open(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of them hang, others find room."""
    monkeypatch.setattr(dispatch, "MOST_DOUBTFUL", 2)
    gate, two = asyncio.Event(), asyncio.Event()
    waiting: list[Heard] = []

    async def down(_: Heard) -> web.StreamResponse:
        return web.Response(status=500)

    async def hang(heard: Heard) -> web.StreamResponse:
        waiting.append(heard)
        if len(waiting) == 2:
            two.set()
        await gate.wait()
        return web.Response()

    async with AsyncExitStack() as stack:
        good = await stack.enter_async_context(endpoint())
        bad = [await stack.enter_async_context(endpoint(down)) for _ in range(5)]
        await stack.enter_async_context(post.working())
        await post.webhook(good.url)
        hooks = [await post.webhook(each.url) for each in bad]
        await post.happen(1)
        for hook in hooks:
            await post.settled(hook, lambda found: found.failure_count == 1)
        for each in bad:
            each.answer = hang
        await post.happen(1)
        await two.wait()
        await post.happen(10)
        assert await good.has(12) == list(range(1, 13))
        assert len(waiting) == 2
        gate.set()
        for each in bad:
            await each.has(12)


async def test_a_rotated_secret_signs_beside_the_new_one(post: Post) -> None:
    """For a day; then alone."""
    old = secret.make()
    async with endpoint() as receiver, post.working():
        webhook = await post.webhook(receiver.url, signed=old)
        async with post.db.transaction() as db:
            _, new = await service.rotate_secret(db, Scope(post.account_id), webhook.id, vault=VAULT, now=post.clock())
        await post.happen()
        await receiver.has(1)
        [both] = receiver.heard
        for each in (old, new):
            assert Verifier(each).verify(both.body.decode(), both.headers)
        assert len(both.headers["x-daimon-signature"].split(",")) == 2
        post.clock.ahead += timedelta(hours=25)
        await post.happen()
        await receiver.has(2)
        assert len(receiver.heard[1].headers["webhook-signature"].split()) == 1


async def test_a_range_is_sent_again(post: Post) -> None:
    """Under the same ids, in order, of the types asked for; what happens meanwhile is told as well."""
    async with endpoint() as receiver, post.working():
        webhook = await post.webhook(receiver.url)
        await post.happen(10)
        await post.happen(5, event=EventType.INBOX_CREATED)
        await receiver.has(15)
        before = {heard.sequence: heard.headers["webhook-id"] for heard in receiver.heard}
        receiver.heard.clear()
        await _replay(post, webhook, after=2, until=14, events=("pod.created",))
        await post.poke(webhook)
        assert await receiver.has(8) == [3, 4, 5, 6, 7, 8, 9, 10]
        assert {heard.sequence: heard.headers["webhook-id"] for heard in receiver.heard} == {
            number: before[number] for number in range(3, 11)
        }
        receiver.heard.clear()
        await _replay(post, webhook, after=13, until=15, events=())
        await _replay(post, webhook, after=0, until=1, events=())
        await post.poke(webhook)
        assert await receiver.has(3) == [14, 15, 1]
        await eventually(lambda: _replays_ended(post))
    replayed = [d for d in await post.deliveries(webhook) if d.replay_id]
    assert [d.sequence for d in replayed] == [3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 1]
    assert len({d.replay_id for d in replayed}) == 3


async def _replays_ended(post: Post) -> bool:
    return not await post.sql("select count(*) from webhook_replays where finished_at is null")


async def _replay(post: Post, webhook: Webhook, *, after: int, until: int, events: tuple[str, ...]) -> None:
    async with post.db.transaction() as db:
        await service.replay(
            db, Scope(post.account_id), webhook.id, after=after, until=until, events=events, now=post.clock()
        )


async def test_one_delivery_is_sent_again(post: Post) -> None:
    """When somebody asks for it, though it had succeeded."""
    async with endpoint() as receiver, post.working():
        webhook = await post.webhook(receiver.url)
        await post.happen(3)
        await receiver.has(3)
        await post.settled(webhook, lambda found: found.cursor == 3)
        second = (await post.deliveries(webhook))[1]
        async with post.db.transaction() as db:
            await service.retry(db, Scope(post.account_id), webhook.id, second.id, post.clock())
        await post.poke(webhook)
        assert await receiver.has(4) == [1, 2, 3, 2]
        await post.logged(webhook, lambda log: log[1].attempt_count == 2)


async def test_a_paused_webhook_goes_on_where_it_was(post: Post) -> None:
    """Nothing is sent while it is paused; then what happened meanwhile."""
    async with endpoint() as receiver, post.working():
        webhook = await post.webhook(receiver.url)
        await post.happen(2)
        await receiver.has(2)
        paused = await post.settled(webhook, lambda found: found.cursor == 2)
        await _set(post, paused, WebhookStatus.DISABLED)
        await post.poke(webhook)
        await eventually(lambda: post.sql("select leased_by is null from webhooks"))  # the worker has seen it
        await post.happen(3)
        async with endpoint() as other:
            await post.webhook(other.url)
            await post.happen()
            await other.has(1)  # the worker has seen all of these events
        assert receiver.numbers == [1, 2]
        await _set(post, paused, WebhookStatus.ACTIVE)
        await post.poke(webhook)
        assert await receiver.has(6) == [1, 2, 3, 4, 5, 6]


async def _set(post: Post, webhook: Webhook, status: WebhookStatus) -> None:
    async with post.db.transaction() as db:
        repository = WebhookRepository(db, Scope(post.account_id))
        await repository.change(webhook, msgspec.structs.replace(webhook, status=status))


async def test_a_deleted_webhook_hears_nothing(post: Post) -> None:
    """What is under way ends, and nothing is written of it; then there is silence."""
    gate = asyncio.Event()

    async def wait(_: Heard) -> web.StreamResponse:
        await gate.wait()
        return web.Response()

    async with endpoint(wait) as receiver, endpoint() as other, post.working():
        webhook = await post.webhook(receiver.url)
        await post.webhook(other.url)
        await post.happen()
        await receiver.has(1)
        async with post.db.transaction() as db:
            await WebhookRepository(db, Scope(post.account_id)).delete(webhook.id)
        gate.set()
        await post.poke(webhook)
        await post.happen(3)
        await other.has(4)
        await post.happen()
        await other.has(5)
    assert 5 not in receiver.numbers
    assert await post.sql("select count(*) from webhook_deliveries where webhook_id = $1", webhook.id) == 0
