"""The client's calls about events, webhooks and claims, against a whole server."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Signer

from daimon_email import (
    ApiKeyRevoked,
    DeliveryNotFound,
    Event,
    InvalidCursor,
    InvalidSignature,
    RateLimited,
    StateConflict,
    UnexpectedAnswer,
    ValidationFailed,
    WebhookNotFound,
)

from .conftest import Account, Blocking, Connect
from .scripted import ScriptedServer, answer, failure

Scripted = Callable[[Sequence["bytes | None"]], ScriptedServer]  # quoted, so that Python 3.9 can read it
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL = "https://93.184.215.14/hook"  # an address, so that no name is asked for; nothing is sent there


def test_events_are_listed_page_by_page(account: Account) -> None:
    """Iterating ends with the last; the place to go on from is there all the same."""
    for _ in range(3):
        account.client.inboxes.create()
    page = account.client.events.list(limit=2)
    assert [event.sequence for event in page.result] == [1, 2]
    assert [event.sequence for event in page] == [1, 2, 3, 4]
    last = account.client.events.list(after=2, limit=2)
    assert (last.has_more, last.next_cursor) == (False, "4")
    [event] = account.client.events.list(after=last.result[0].event_id).result
    assert (event.event, event.inbox_id, event.timestamp.tzinfo) == ("inbox.created", event.data["inbox"]["id"], UTC)
    assert account.client.events.list(events=["message.received"], inbox_ids=[account.first.id]).result == []
    with pytest.raises(InvalidCursor):
        account.client.events.list(after=99)


def test_a_message_is_claimed_and_ended(account: Account) -> None:
    """Nothing, one that is released and taken again, acknowledged, and nothing again."""
    messages, inbox = account.client.messages, account.first.email
    assert messages.claim(inbox) is None
    account.receive("Order")
    assert messages.wait(inbox, timeout=30)
    assert messages.claim(inbox, subject="nothing of the kind") is None
    claimed = messages.claim(inbox, lease_seconds=60, from_="login@example.com", has_code=True)
    assert (claimed.message.subject, claimed.claim.claim_count) == ("Order", 1)
    assert claimed.claim.leased_until - datetime.now(UTC) < timedelta(seconds=61)
    assert messages.claim(inbox) is None
    assert messages.release(inbox, claimed.message.id, claimed.claim.lease_id).id == claimed.message.id
    again = messages.claim(inbox)
    with pytest.raises(StateConflict):
        messages.ack(inbox, claimed.message.id, claimed.claim.lease_id)
    assert messages.ack(inbox, again.message.id, again.claim.lease_id).id == claimed.message.id
    assert messages.claim(inbox) is None


def test_a_webhook_is_made_changed_and_deleted(account: Account) -> None:
    """With every call there is about one."""
    webhooks = account.client.webhooks
    made = webhooks.create(url=URL, events=["inbox.created"], client_id="w-1")
    assert made.secret.startswith("whsec_")
    assert made.secret not in repr(made)
    assert webhooks.create(url=URL, events=["inbox.created"], client_id="w-1").secret is None
    assert [each.id for each in webhooks.list(status="active")] == [made.id]
    assert webhooks.update(made.id, description="Mine", events=[]).events == []
    assert webhooks.get(made.id).description == "Mine"
    assert webhooks.rotate_secret(made.id).secret != made.secret
    assert webhooks.replay(made.id, after=0, events=["message.received"]).until == 1
    assert webhooks.deliveries(made.id, status="failed").result == []
    with pytest.raises(DeliveryNotFound):
        webhooks.retry(made.id, "dlv_1")
    assert webhooks.update(made.id, status="disabled").disabled_reason == "paused"
    with pytest.raises(StateConflict):
        webhooks.test(made.id)
    assert webhooks.delete(made.id).deleted
    with pytest.raises(WebhookNotFound):
        webhooks.get(made.id)
    with pytest.raises(ValidationFailed):
        webhooks.create(url="https://10.0.0.1/")


def signed(body: str, *, seconds_ago: int = 0) -> dict[str, str]:
    """Return headers as the published library makes them."""
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    signature = Signer(SECRET).sign("evt_1", at, body)
    return {
        "Webhook-Id": "evt_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": f"v1a,xx v1,?? v1,AAAA {signature}",
    }


EVENT = {
    "event": "inbox.created", "event_id": "evt_1", "sequence": 7, "timestamp": "2026-11-27T12:00:00.000Z",
    "account_id": "acc_1", "pod_id": None, "inbox_id": "inbox_1", "webhook_id": "wh_1", "data": {"inbox": {"id": "x"}},
}  # fmt: skip


@pytest.fixture
def webhooks(connect: Connect) -> Any:
    return connect(base_url="http://daimon.test").webhooks


def test_a_request_to_a_webhook_is_verified(webhooks: Any) -> None:
    """As the published library signs it, one signature of several; the event comes back."""
    body = json.dumps(EVENT)
    event = webhooks.verify(body, signed(body), SECRET)
    assert (event.event, event.sequence, event.webhook_id) == ("inbox.created", 7, "wh_1")
    assert webhooks.verify(body.encode(), signed(body, seconds_ago=290), SECRET) == event


@pytest.mark.parametrize("fault", ["body", "secret", "id", "old", "early", "no time", "bad time", "no signature"])
def test_a_request_that_is_not_ours_is_refused(webhooks: Any, fault: str) -> None:
    """Whatever is wrong with it."""
    body, secret = json.dumps(EVENT), SECRET
    headers = signed(body, seconds_ago={"old": 310, "early": -310}.get(fault, 0))
    if fault == "body":
        body += " "
    elif fault == "secret":
        secret = SECRET.replace("M", "N")
    elif fault == "id":
        headers["Webhook-Id"] = "evt_2"
    elif fault == "bad time":
        headers["webhook-timestamp"] = "9" * 5000
    elif fault.startswith("no "):
        del headers[f"webhook-{fault[3:].replace('time', 'timestamp')}"]
    with pytest.raises(InvalidSignature):
        webhooks.verify(body, headers, secret)


def test_what_is_no_secret_is_said(webhooks: Any) -> None:
    """It is a mistake of the program's, not of the request."""
    body = json.dumps(EVENT)
    for wrong in ("whsec_?", "", "whsec_", " ", None, b"whsec_"):
        with pytest.raises(ValueError, match="whsec_"):
            webhooks.verify(body, signed(body), wrong)


def test_no_secret_is_no_secret_that_anybody_knows(webhooks: Any) -> None:
    """An environment without it shall not let everybody in who signs with nothing."""
    body, moment = json.dumps(EVENT), str(int(time.time()))
    signature = base64.b64encode(hmac.digest(b"", f"evt_1.{moment}.{body}".encode(), "sha256")).decode()
    headers = {"webhook-id": "evt_1", "webhook-timestamp": moment, "webhook-signature": f"v1,{signature}"}
    with pytest.raises(ValueError, match="whsec_"):
        webhooks.verify(body, headers, "")


def test_a_request_is_verified_as_frameworks_hand_it_over(webhooks: Any) -> None:
    """Octets of any kind, headers as pairs; a body that was parsed already cannot be verified."""
    body = json.dumps(EVENT)
    pairs = [(name.encode(), value.encode()) for name, value in signed(body).items()]  # ASGI
    for octets in (body.encode(), bytearray(body.encode()), memoryview(body.encode())):
        assert webhooks.verify(octets, pairs, f"{SECRET}\n").sequence == 7
    assert webhooks.verify(body, list(signed(body).items()), SECRET).sequence == 7
    with pytest.raises(TypeError, match="as it came"):
        webhooks.verify(EVENT, signed(body), SECRET)
    with pytest.raises(InvalidSignature):
        webhooks.verify(body, signed(body) | {"Webhook-Id": "\udcff"}, SECRET)


def take(stream: Any, count: int) -> list[Event]:
    """Return the next events of a stream of either kind."""
    step = stream.__anext__ if isinstance(stream, Blocking) else stream.__next__
    return [step() for _ in range(count)]


def close(stream: Any) -> None:
    (stream.aclose if isinstance(stream, Blocking) else stream.close)()


def test_events_are_followed_as_they_happen(account: Account) -> None:
    """From a number on, and on with what comes; whole messages."""
    stream = account.client.events.stream(after=0)
    assert [event.event for event in take(stream, 1)] == ["inbox.created"]
    account.receive("Hello")
    [event] = take(stream, 1)
    assert (event.sequence, event.data["message"]["subject"]) == (2, "Hello")
    assert "123456" in event.data["message"]["body_text"]
    close(stream)
    only = account.client.events.stream(after=event.event_id, events=["inbox.created"], inbox_ids=None)
    account.receive()
    made = account.client.inboxes.create()
    assert [each.inbox_id for each in take(only, 1)] == [made.id]
    close(only)


def test_a_stream_that_cannot_begin_is_refused(account: Account) -> None:
    """By the class of its code."""
    with pytest.raises(InvalidCursor):
        take(account.client.events.stream(after=99), 1)


def streamed(*events: str) -> bytes:
    """Return a stream that breaks off."""
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    return (head + "retry: 1000\nid: 3\n\n:\n\n" + "".join(events)).encode()


def told(sequence: int) -> str:
    """Return an event whose text holds what else might be taken for the end of a line."""
    data = json.dumps(EVENT | {"sequence": sequence, "data": {"text": "a\u2028b\u0085c: d"}}, ensure_ascii=False)
    return f"id: {sequence}\nevent: inbox.created\ndata: {data}\n\n"


def test_a_stream_goes_on_where_it_broke_off(connect: Connect, scripted: Scripted) -> None:
    """Behind the last whole event, through lost connections and a server that starts again; no key, no stream."""
    half = told(6)[:-10]
    gone = 'event: error\ndata: {"error": "API_KEY_REVOKED", "message": "It is gone.", "next_steps": []}\n\n'
    server = scripted([
        None, streamed(), None, streamed(told(4), told(5), half), failure(503, "UNAVAILABLE"), streamed(told(6), gone),
    ])  # fmt: skip
    stream = connect("dm_free_x", server.url).events.stream()
    assert [event.sequence for event in take(stream, 3)] == [4, 5, 6]
    with pytest.raises(ApiKeyRevoked):
        take(stream, 1)
    asked = [each.line.split()[1].partition("?")[2] for each in server.asked]
    assert [each for each in asked if each] == ["after=3", "after=3", "after=5", "after=5"]


def test_a_stream_that_is_refused_for_a_while_is_told_unless_it_was_open(connect: Connect, scripted: Scripted) -> None:
    """In the stream's own words, as after a restart, when old connections still count."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    fields = {"error": "RATE_LIMIT_EXCEEDED", "message": "Too many.", "retry_after": 0}
    full = head + f"event: error\ndata: {json.dumps(fields)}\n\n".encode()
    server = scripted([full, full])
    with pytest.raises(RateLimited):
        take(connect("dm_free_x", server.url, max_retries=1).events.stream(), 1)
    assert len(server.asked) == 2
    server = scripted([streamed(told(4)), full, full, full, streamed(told(5))])
    stream = connect("dm_free_x", server.url, max_retries=1).events.stream()
    assert [event.sequence for event in take(stream, 2)] == [4, 5]


def test_a_closed_stream_is_over(connect: Connect, scripted: Scripted) -> None:
    """It is not opened again, however much was there to come."""
    server = scripted([streamed(told(4), told(5)), streamed(told(5))])
    stream = connect("dm_free_x", server.url).events.stream()
    assert take(stream, 1)[0].sequence == 4
    close(stream)
    with pytest.raises((StopIteration, StopAsyncIteration, RuntimeError)):  # no coroutine lets the first out
        take(stream, 1)
    assert len(server.asked) == 1


def test_what_is_no_stream_is_told_as_such(connect: Connect, scripted: Scripted) -> None:
    """Rather than to open a page again and again for events that it does not have."""
    odd = 'id: 4\nevent: inbox.created\ndata: {"half": \n\n'
    server = scripted([answer(200, b"<html>", Content_Type="text/html"), streamed(odd)])
    client = connect("dm_free_x", server.url)
    for _ in range(2):
        with pytest.raises(UnexpectedAnswer):
            take(client.events.stream(), 1)
