"""What is tried again, on real sockets that fail by script."""

import socket
from collections.abc import Callable, Sequence

import pytest

from daimon_email import (
    InboxNotFound,
    NoAnswer,
    NotFound,
    RateLimited,
    ServerError,
    Unavailable,
    UnexpectedAnswer,
)

from .conftest import Connect
from .scripted import ScriptedServer, answer, failure, result

Start = Callable[[Sequence["bytes | None"]], ScriptedServer]  # quoted, so that Python 3.9 can read it

WHO = {
    "key_id": "key_1",
    "scope": "account",
    "account_id": "acc_1",
    "permissions": [],
    "tier": "free",
    "status": "active",
}
INBOX = {
    "id": "inbox_1",
    "account_id": "acc_1",
    "username": "a",
    "domain": "d",
    "email": "a@d",
    "status": "active",
    "tier": "free",
    "created_at": "2026-03-16T10:30:00Z",
    "updated_at": "2026-03-16T10:30:00.123Z",
}
SOON = 0


def test_a_lost_connection_is_made_again(connect: Connect, scripted: Start) -> None:
    """A server that closes without an answer is asked again."""
    peer = scripted([None, result(**WHO)])
    assert connect(base_url=peer.url).whoami().key_id == "key_1"
    assert [asked.line for asked in peer.asked] == ["GET /v1/whoami HTTP/1.1"] * 2


def test_a_post_is_repeated_under_one_idempotency_key(connect: Connect, scripted: Start) -> None:
    """So the server can tell that it is the same one; the next call has another key."""
    busy = failure(409, "REQUEST_IN_PROGRESS", retry_after=SOON)
    peer = scripted([None, busy, result(**INBOX), result(**INBOX)])
    client = connect(base_url=peer.url)
    client.inboxes.create(username="a")
    client.inboxes.create(username="a")
    keys = [asked.headers["idempotency-key"] for asked in peer.asked]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert {asked.body for asked in peer.asked} == {b'{"username": "a"}'}


def test_a_caller_may_choose_the_idempotency_key(connect: Connect, scripted: Start) -> None:
    """A retry after a crash of the caller is then safe, too."""
    peer = scripted([result(**INBOX)])
    connect(base_url=peer.url).inboxes.create(idempotency_key="mine")
    assert peer.asked[0].headers["idempotency-key"] == "mine"


@pytest.mark.parametrize("refusal", [failure(429, "RATE_LIMIT_EXCEEDED", retry_after=SOON),
                                     failure(503, "UNAVAILABLE", retry_after=SOON),
                                     answer(502, b"<html>", Retry_After="0")])  # fmt: skip
def test_a_busy_server_is_asked_again_when_it_says(connect: Connect, scripted: Start, refusal: bytes) -> None:
    """429 and 5xx, also a proxy's, wait for what Retry-After says."""
    assert connect(base_url=scripted([refusal, result(**WHO)]).url).whoami().tier == "free"


def test_a_long_retry_after_is_the_callers_to_wait_for(connect: Connect, scripted: Start) -> None:
    """Nobody shall hang for an hour in a call."""
    peer = scripted([failure(429, "RATE_LIMIT_EXCEEDED", retry_after=3600, code="INBOX_CREATE_RATE_LIMIT")])
    with pytest.raises(RateLimited) as refused:
        connect(base_url=peer.url).inboxes.create()
    assert (refused.value.retry_after, refused.value.reason) == (3600, "INBOX_CREATE_RATE_LIMIT")


def test_trying_again_has_an_end(connect: Connect, scripted: Start) -> None:
    """After `max_retries` the last error is raised."""
    peer = scripted([failure(503, "UNAVAILABLE", retry_after=SOON)] * 3)
    with pytest.raises(Unavailable):
        connect(base_url=peer.url, max_retries=2).whoami()
    assert len(peer.asked) == 3


def test_a_delete_that_may_be_done_is_not_repeated(connect: Connect, scripted: Start) -> None:
    """The second try would find nothing, and its 404 would hide that the first one worked."""
    peer = scripted([None, answer(502, b""), failure(503, "UNAVAILABLE", retry_after=SOON),
                     result(id="inbox_1", deleted=True)])  # fmt: skip
    inboxes = connect(base_url=peer.url).inboxes
    with pytest.raises(NoAnswer):
        inboxes.delete("inbox_1")
    with pytest.raises(ServerError):
        inboxes.delete("inbox_1")
    assert inboxes.delete("inbox_1").id == "inbox_1"


def test_a_mistake_is_not_repeated(connect: Connect, scripted: Start) -> None:
    """4xx says that the same request will fail again."""
    peer = scripted([failure(404, "INBOX_NOT_FOUND")])
    with pytest.raises(InboxNotFound):
        connect(base_url=peer.url).inboxes.get("inbox_1")
    assert len(peer.asked) == 1


def test_no_server_is_told_as_such(connect: Connect) -> None:
    """A refused connection is NoAnswer, not an error of the HTTP library."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with pytest.raises(NoAnswer, match="No answer came"):
        connect(base_url=url, max_retries=1).whoami()


def test_another_kind_of_server_is_told_as_such(connect: Connect, scripted: Start) -> None:
    """A page, an answer without a result and a result of another shape are not answers of this API."""
    odd = [{"result": "yes"}, {"result": {**WHO, "expires_at": "soon"}}]
    peer = scripted([answer(200, b"<html>"), answer(200, {"ok": True}), *(answer(200, each) for each in odd),
                     answer(302, b"")])  # fmt: skip
    client = connect(base_url=peer.url)
    for _ in range(5):
        with pytest.raises(UnexpectedAnswer):
            client.whoami()


def test_a_field_that_an_older_server_lacks_is_missed_when_it_is_read(connect: Connect, scripted: Start) -> None:
    """The rest of the answer is as good as ever; what may be null is None."""
    who = connect(base_url=scripted([result(key_id="key_1")]).url).whoami()
    assert (who.key_id, who.pod_id) == ("key_1", None)
    with pytest.raises(AttributeError, match="the server told no 'tier' of this Whoami"):
        _ = who.tier


def test_fields_of_a_newer_server_do_not_disturb(connect: Connect, scripted: Start) -> None:
    """Also codes: an unknown one is raised by its status. What is told can be read."""
    peer = scripted([result(**WHO, colour="blue"), failure(404, "WHALE_NOT_FOUND", tide="low")])
    client = connect(base_url=peer.url)
    who = client.whoami()
    assert (who.scope, who.colour) == ("account", "blue")
    with pytest.raises(NotFound) as refused:
        client.whoami()
    assert (type(refused.value), refused.value.code) == (NotFound, "WHALE_NOT_FOUND")
