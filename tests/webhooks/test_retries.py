"""Retries of a webhook: each is in one pair of hands."""

from daimon.db.scope import Scope
from daimon.kit import ids
from daimon.webhooks import leasing, service
from daimon.webhooks.backlog import READ, Backlog
from daimon.webhooks.retries import Retries

from .conftest import Post, endpoint


async def test_what_is_in_hand_is_not_picked_again(post: Post) -> None:
    """Though it is still due in the database until its outcome is written; nor is what only waits in memory."""
    count = READ + 2
    async with endpoint() as receiver, post.working():
        webhook = await post.webhook(receiver.url)
        await post.happen(count)
        await post.settled(webhook, lambda found: found.cursor == count)
    async with post.db.transaction() as db:
        for each in await post.deliveries(webhook):
            await service.retry(db, Scope(post.account_id), webhook.id, each.id, post.clock())
        [hook] = await leasing.lease(db, ids.new(), [(post.account_id, webhook.id)])
    retries = Retries(Backlog(post.db, hook, "http://daimon.test"))
    assert not retries.is_waiting
    await retries.look()
    picked = []
    while due := await retries.pick(post.clock()):
        await retries.look()
        picked.append(due.delivery)
    assert sorted(each.sequence for each in picked) == list(range(1, count + 1))  # several are due at one moment
    assert retries.due_at is None
    retries.put_down(picked[3].id)
    await retries.look()
    again = await retries.pick(post.clock())
    assert again
    assert again.delivery.id == picked[3].id
    assert await retries.pick(post.clock()) is None


async def test_what_will_be_due_is_waited_for(post: Post) -> None:
    """The earliest counts."""
    webhook = await post.webhook("http://127.0.0.1:9/")
    async with post.db.transaction() as db:
        [hook] = await leasing.lease(db, ids.new(), [(post.account_id, webhook.id)])
    retries, now = Retries(Backlog(post.db, hook, "http://daimon.test")), post.clock()
    await retries.look()
    assert retries.due_at is None
    later = now.replace(year=now.year + 1)
    for moment in (later, now, later):
        retries.expect(moment)
    assert retries.due_at == now
    assert await retries.pick(now) is None
