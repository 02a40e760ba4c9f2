"""Mail that a rule blocks: kept aside, seen only by who looks for it, and as any other once it is released."""

import asyncio
from typing import Any

import pytest

from .conftest import Edge, Opened, bearer
from .podding import create_pod
from .test_rules import call, make
from .trails import trail_of

MAIL = b"From: %s\r\nTo: agent@daimon.email\r\nSubject: %s\r\nMessage-ID: <%s@example.org>\r\n%s\r\nCode 123456.\r\n"
REFERS = b"References: <%s@example.org>\r\n"


async def deliver(
    edge: Edge, account: Opened, subject: str, sender: str = "Eve <eve@spam.example>", to: str = ""
) -> None:
    """Let a mail arrive whose envelope's sender is login@example.com."""
    refers = REFERS % to.encode() if to else b""
    await edge.deliver(account.id, octets=MAIL % (sender.encode(), subject.encode(), subject.encode(), refers))


async def subjects(edge: Edge, account: Opened, query: str = "") -> list[str]:
    status, page = await call(edge, account.inbox_api_key, "GET", f"/v1/inboxes/{account.id}/messages{query}")
    assert status == 200, page
    return [message["subject"] for message in page["messages"]]


async def blocked(edge: Edge, account: Opened, subject: str = "Blocked") -> dict[str, Any]:
    """Return the one message of a subject that is blocked, with its URL."""
    url = f"/v1/inboxes/{account.id}/messages"
    _, page = await call(edge, account.inbox_api_key, "GET", url + "?label=blocked")
    [message] = [message for message in page["messages"] if message["subject"] == subject]
    return {**message, "url": f"{url}/{message['id']}"}


async def counters(edge: Edge, account: Opened) -> tuple[int, ...]:
    _, inbox = await call(edge, account.inbox_api_key, "GET", f"/v1/inboxes/{account.id}")
    return inbox["message_count"], inbox["unread_count"], inbox["thread_count"]


async def received(edge: Edge, account: Opened) -> int:
    _, usage = await call(edge, account.account_api_key, "GET", "/v1/usage")
    count: int = usage["totals"]["received"]
    return count


async def told(edge: Edge, account: Opened) -> list[dict[str, Any]]:
    """Return the events of messages."""
    _, page = await call(edge, account.account_api_key, "GET", "/v1/events?after=0")
    return [event for event in page["events"] if event["event"].startswith("message.")]


async def with_block(edge: Edge) -> Opened:
    """Open an account that blocks spam.example, with a blocked mail in its inbox."""
    account = await edge.open_account()
    await make(edge, account.inbox_api_key)
    await deliver(edge, account, "Blocked")
    return account


async def test_a_blocked_mail_is_seen_by_who_looks_for_it(edge: Edge) -> None:
    """In the list of what is blocked, by its id, and as it was received; nowhere else, and it is counted nowhere."""
    account = await with_block(edge)
    await deliver(edge, account, "Fine", sender="Ann <ann@fine.example>")
    assert await subjects(edge, account) == ["Fine"]
    assert await subjects(edge, account, "?unread=true&sort=oldest") == ["Fine"]
    assert await counters(edge, account) == (1, 1, 1)
    assert await received(edge, account) == 1
    message = await blocked(edge, account)
    assert (message["subject"], message["status"], message["labels"], message["read"]) == (
        "Blocked", "blocked", ["blocked"], False,
    )  # fmt: skip
    status, shown = await call(edge, account.inbox_api_key, "GET", message["url"])
    assert (status, shown["body_text"]) == (200, "Code 123456.")
    raw = await edge.http.get(message["url"] + "/raw", headers=bearer(account.inbox_api_key))
    assert b"Subject: Blocked" in raw.content
    url = f"/v1/inboxes/{account.id}"
    _, threads = await call(edge, account.inbox_api_key, "GET", f"{url}/threads")
    assert [thread["subject"] for thread in threads["threads"]] == ["Fine"]
    status, _ = await call(edge, account.inbox_api_key, "GET", f"{url}/threads/{message['thread_id']}")
    assert status == 404


async def test_a_blocked_mail_is_handed_to_nobody(edge: Edge) -> None:
    """Neither to who waits, nor to who claims; `message.blocked` tells of it, and which rule it was."""
    account = await with_block(edge)
    url = f"/v1/inboxes/{account.id}/messages"
    assert await call(edge, account.inbox_api_key, "GET", url + "/wait?timeout=0") == (200, None)
    assert await call(edge, account.inbox_api_key, "GET", url + "/wait?timeout=0&after=0") == (200, None)
    assert await call(edge, account.inbox_api_key, "POST", url + "/claim", {}) == (200, None)
    message = await blocked(edge, account)
    [event] = await told(edge, account)
    _, page = await call(edge, account.account_api_key, "GET", "/v1/rules")
    assert event["event"] == "message.blocked"
    assert event["data"] == {
        "message": {
            "id": message["id"], "inbox_id": account.id, "from_address": "eve@spam.example", "subject": "Blocked",
        },
        "rule_id": page["rules"][0]["id"],
        "level": "inbox",
    }  # fmt: skip


async def test_a_released_mail_is_as_any_other(edge: Edge) -> None:
    """In lists, counters, usage and the thread that it belongs to; told of once, and handed to who claims."""
    account = await with_block(edge)
    await deliver(edge, account, "Question", sender="Ann <ann@fine.example>")
    await deliver(edge, account, "Answer", to="Question")
    message = await blocked(edge, account, "Answer")
    status, shown = await call(edge, account.inbox_api_key, "POST", message["url"] + "/unblock")
    assert status == 200
    assert (shown["id"], shown["status"], shown["labels"], shown["read"]) == (message["id"], "received", [], False)
    assert await subjects(edge, account) == ["Answer", "Question"]
    assert await subjects(edge, account, "?label=blocked") == ["Blocked"]
    assert await subjects(edge, account, f"?thread_id={shown['thread_id']}") == ["Answer", "Question"]
    assert await counters(edge, account) == (2, 2, 1)
    assert await received(edge, account) == 2
    assert [event["event"] for event in await told(edge, account)] == [
        "message.blocked", "message.received", "message.blocked", "message.received",
    ]  # fmt: skip
    url = f"/v1/inboxes/{account.id}/messages/claim"
    claims = [await call(edge, account.inbox_api_key, "POST", url, {}) for _ in range(3)]
    assert [result and result["message"]["subject"] for _, result in claims] == ["Question", "Answer", None]
    [entry, *_] = await trail_of(edge, account, action="unblock_message")
    assert (entry["before"], entry["after"]) == ({"labels": ["blocked"]}, {"labels": []})


async def test_a_mail_is_released_once(edge: Edge) -> None:
    """However many ask for it at the same time, and again later."""
    account = await with_block(edge)
    message = await blocked(edge, account)
    url = message["url"] + "/unblock"
    answers = await asyncio.gather(*(call(edge, account.inbox_api_key, "POST", url) for _ in range(6)))
    assert {status for status, _ in answers} == {200}
    assert len({shown["thread_id"] for _, shown in answers}) == 1
    assert await counters(edge, account) == (1, 1, 1)
    assert await received(edge, account) == 1
    assert [event["event"] for event in await told(edge, account)] == ["message.blocked", "message.received"]


async def test_a_blocked_mail_is_deleted_but_not_changed(edge: Edge) -> None:
    """Its label is the server's own, on every message."""
    account = await with_block(edge)
    message = await blocked(edge, account)
    for body in ({"read": True}, {"labels": []}):
        assert await call(edge, account.inbox_api_key, "PATCH", message["url"], body) == (409, "MESSAGE_BLOCKED")
    assert (await call(edge, account.inbox_api_key, "DELETE", message["url"]))[0] == 200
    for method, url in (("GET", ""), ("DELETE", ""), ("GET", "/raw"), ("POST", "/unblock")):
        assert await call(edge, account.inbox_api_key, method, message["url"] + url) == (404, "MESSAGE_NOT_FOUND")
    assert await counters(edge, account) == (0, 0, 0)
    await deliver(edge, account, "Fine", sender="Ann <ann@fine.example>")
    _, page = await call(edge, account.inbox_api_key, "GET", f"/v1/inboxes/{account.id}/messages")
    url = f"/v1/inboxes/{account.id}/messages/{page['messages'][0]['id']}"
    answer = await call(edge, account.inbox_api_key, "PATCH", url, {"labels": ["blocked"]})
    assert answer == (422, "VALIDATION_FAILED")


@pytest.mark.parametrize(
    ("rules", "sender", "shown"),
    [
        ([("block", "example.com")], "ann@fine.example", False),  # the envelope's sender
        ([("allow", "fine.example")], "ann@fine.example", True),
        ([("allow", "fine.example")], "ann@mail.fine.example", True),
        ([("allow", "fine.example")], "eve@spam.example", False),
        ([("allow", "fine.example"), ("block", "ann@fine.example")], "ann@fine.example", False),
        ([("block", "fine.example"), ("allow", "ann@fine.example")], "ann@fine.example", True),
        ([("block", "fine.example")], "someone who is no address@fine.example", False),
    ],
)
async def test_who_is_shown(edge: Edge, rules: list[tuple[str, str]], sender: str, *, shown: bool) -> None:
    """By the author and by the envelope's sender."""
    account = await edge.open_account()
    for action, value in rules:
        await make(edge, account.inbox_api_key, action=action, value=value)
    await deliver(edge, account, "Mail", sender=sender)
    assert await subjects(edge, account) == (["Mail"] if shown else [])
    assert await subjects(edge, account, "?label=blocked") == ([] if shown else ["Mail"])


async def test_an_inboxs_pod_and_account_have_a_say(edge: Edge) -> None:
    """The pod before the account, for the inboxes that are in it when the mail comes."""
    account = await edge.open_account()
    key = account.account_api_key
    pod = await create_pod(edge, account)
    await make(edge, key)
    await make(edge, pod["pod_api_key"], action="allow")
    shown = []
    for pod_id in (None, pod["id"], None):
        await call(edge, key, "PATCH", f"/v1/inboxes/{account.id}", {"pod_id": pod_id})
        await deliver(edge, account, f"In {pod_id}")
        shown.append(await subjects(edge, account))
    assert shown == [[], [f"In {pod['id']}"], [f"In {pod['id']}"]]
    levels = [event["data"].get("level") for event in await told(edge, account)]
    assert levels == ["account", None, "account"]
