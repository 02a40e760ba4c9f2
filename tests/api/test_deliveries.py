"""The log of a webhook over HTTP, and what is sent again."""

from typing import Any

from daimon.events.retention import EVENTS_KEPT
from daimon.kit import ids

from .conftest import Edge, Opened
from .podding import create_pod
from .test_webhooks import call, make
from .worlds import log_delivery


async def webhook_with_log(edge: Edge) -> tuple[Opened, str, list[str]]:
    account = await edge.open_account()
    made = await make(edge, account.account_api_key)
    log = [
        await log_delivery(edge, made["id"], status=status, sequence=number)
        for number, status in enumerate(("succeeded", "failed", "pending", "failed"), start=1)
    ]
    return account, f"/v1/webhooks/{made['id']}", log


async def test_the_newest_comes_first(edge: Edge) -> None:
    """With its attempts, page by page, by status and type."""
    account, url, log = await webhook_with_log(edge)
    seen: list[dict[str, Any]] = []
    cursor = ""
    while True:
        _, page = await call(edge, account.account_api_key, "GET", f"{url}/deliveries?limit=3{cursor}")
        seen += page["deliveries"]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [each["id"] for each in seen] == log[::-1]
    assert seen[0]["attempts"][0]["url"] == "http://127.0.0.1:4999/hook"
    for query, expected in (
        ("status=failed", [log[3], log[1]]),
        ("event=pod.created", log[::-1]),
        ("event=key.rotated", []),
    ):
        _, page = await call(edge, account.account_api_key, "GET", f"{url}/deliveries?{query}")
        assert [each["id"] for each in page["deliveries"]] == expected
    assert await call(edge, account.account_api_key, "GET", f"{url}/deliveries?cursor=x") == (400, "INVALID_CURSOR")


async def test_one_is_sent_again(edge: Edge) -> None:
    """At once, whatever came of it; not to a webhook that is disabled."""
    account, url, log = await webhook_with_log(edge)
    key = account.account_api_key
    for delivery in log[:2]:
        status, shown = await call(edge, key, "POST", f"{url}/deliveries/{delivery}/retry")
        assert (status, shown["status"], shown["attempt_count"]) == (202, "pending", 1)
        assert shown["next_attempt_at"] == shown["updated_at"]
    other = await make(edge, key)
    missing = (404, "DELIVERY_NOT_FOUND")
    assert await call(edge, key, "POST", f"/v1/webhooks/{other['id']}/deliveries/{log[0]}/retry") == missing
    assert await call(edge, key, "POST", f"{url}/deliveries/{ids.show(ids.Kind.DELIVERY, ids.new())}/retry") == missing
    await call(edge, key, "PATCH", url, {"status": "disabled"})
    assert await call(edge, key, "POST", f"{url}/deliveries/{log[0]}/retry") == (409, "STATE_CONFLICT")
    assert await call(edge, key, "POST", f"{url}/replay", {"after": 0}) == (409, "STATE_CONFLICT")


async def test_a_range_is_sent_again(edge: Edge) -> None:
    """Named by numbers or ids of events, open at its end or not."""
    account = await edge.open_account()
    key = account.account_api_key
    made = await make(edge, key)
    url = f"/v1/webhooks/{made['id']}/replay"
    for _ in range(3):
        await create_pod(edge, account)
    _, page = await call(edge, key, "GET", "/v1/events")
    events = page["events"]
    last = events[-1]["sequence"]
    status, replay = await call(edge, key, "POST", url, {"after": 0})
    assert (status, replay["after"], replay["until"], replay["webhook_id"]) == (202, 0, last, made["id"])
    wish = {"after": events[0]["event_id"], "before": events[-1]["event_id"], "events": ["pod.created"]}
    status, replay = await call(edge, key, "POST", url, wish)
    assert (status, replay["after"], replay["until"], replay["events"]) == (202, 1, last - 1, ["pod.created"])
    for body, expected in (
        ({"after": last}, (422, "VALIDATION_FAILED")),
        ({"after": 2, "before": 3}, (422, "VALIDATION_FAILED")),
        ({"after": last + 5}, (400, "INVALID_CURSOR")),
        ({"after": "evt_" + "0" * 32}, (400, "INVALID_CURSOR")),
        ({"after": "yesterday"}, (400, "INVALID_CURSOR")),
        ({"after": -1}, (422, "VALIDATION_FAILED")),
        ({}, (422, "VALIDATION_FAILED")),
        ({"after": 0, "events": ["x"]}, (422, "VALIDATION_FAILED")),
    ):
        assert await call(edge, key, "POST", url, body) == expected, body
    async with edge.database.transaction() as db:
        account_id = ids.read(ids.Kind.ACCOUNT, account.account_id)
        await db.execute("delete from events where account_id = $1 and sequence <= 2", account_id)
    assert EVENTS_KEPT.days == 30
    assert await call(edge, key, "POST", url, {"after": 0}) == (410, "CURSOR_EXPIRED")
