"""What is tried again, on real sockets that fail by script."""

import pickle
import re
import socket
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from daimon_email import (
    BadRequest,
    Detail,
    Forbidden,
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


def test_a_proxys_date_is_waited_for(connect: Connect, scripted: Start) -> None:
    """As RFC 9110 lets Retry-After be one; one far away is the caller's, and what is neither counts for nothing."""
    [past, far] = [formatdate(time.time() + seconds, usegmt=True) for seconds in (-60, 3600)]
    peer = scripted([answer(502, b"", Retry_After=past), answer(503, b"", Retry_After="soon"), result(**WHO),
                     answer(503, b"", Retry_After=far)])  # fmt: skip
    client = connect(base_url=peer.url)
    assert client.whoami().tier == "free"
    with pytest.raises(ServerError) as refused:
        client.whoami()
    assert refused.value.retry_after is not None
    assert 3000 < refused.value.retry_after <= 3600


@pytest.mark.parametrize("odd", ["-5", "nan", "-inf"])
def test_a_retry_after_that_is_no_time_is_none(connect: Connect, scripted: Start, odd: str) -> None:
    """In the body, too: what a proxy says there leads to no error of another kind."""
    body = b'{"error": "ODD", "retry_after": %s}' % odd.replace("nan", "NaN").replace("inf", "Infinity").encode()
    header = answer(503, {"error": "ODD"}, Retry_After=odd)
    assert connect(base_url=scripted([header, answer(503, body), result(**WHO)]).url).whoami().tier == "free"


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
    """A refused connection is NoAnswer, not an error of the HTTP library; it says where nobody is."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with pytest.raises(NoAnswer, match=rf"No answer came: .*\({re.escape(url)}\)\.$") as refused:
        connect(base_url=f"{url}/v1", max_retries=1).whoami()
    assert not pickle.loads(pickle.dumps(refused.value)).maybe_done
    assert "DAIMON_BASE_URL" in refused.value.next_steps[0]
    with pytest.raises(NoAnswer, match=re.escape(url)):
        connect(base_url=url, max_retries=1).account.save_export("all.zip")


def test_what_may_have_been_done_is_told(connect: Connect, scripted: Start) -> None:
    """The server heard the request, and hung up."""
    with pytest.raises(NoAnswer) as lost:
        connect(base_url=scripted([None]).url, max_retries=0).whoami()
    assert (lost.value.maybe_done, lost.value.next_steps) == (True, [])


def test_another_kind_of_server_is_told_as_such(connect: Connect, scripted: Start) -> None:
    """A page, an answer without a result and a result of another shape are not answers of this API."""
    odd = [{"result": "yes"}, {"result": {**WHO, "expires_at": "soon"}}]
    peer = scripted([answer(200, b"<html>"), answer(200, {"ok": True}), *(answer(200, each) for each in odd),
                     answer(302, b"")])  # fmt: skip
    client = connect(base_url=peer.url)
    for _ in range(5):
        with pytest.raises(UnexpectedAnswer):
            client.whoami()


def test_a_redirect_says_where_to(connect: Connect, scripted: Start) -> None:
    """As http does that should be https."""
    peer = scripted([answer(301, b"", Location="https://daimon.test/v1/whoami")])
    with pytest.raises(UnexpectedAnswer, match=r"leads to https://daimon\.test/v1/whoami; is the base URL right"):
        connect(base_url=peer.url).whoami()
    peer = scripted([answer(302, b"", Location="https://sso.test/login?state=secret")])
    with pytest.raises(UnexpectedAnswer) as refused:  # what stands behind the `?` may let somebody in
        connect(base_url=peer.url).whoami()
    assert "https://sso.test/login;" in str(refused.value)


@pytest.mark.parametrize("odd", ["text", 5, ["a"], {"a": "b"}, True])
def test_an_error_that_is_not_as_it_should_be_is_an_error_all_the_same(
    connect: Connect, scripted: Start, odd: Any
) -> None:
    """A proxy's, perhaps. Whatever stands in a field, what is understood is told, and nothing else is raised."""
    fields = (
        "message",
        "code",
        "next_steps",
        "details",
        "retry_after",
        "current_usage",
        "upgrade_context",
        "request_id",
    )
    peer = scripted([*(answer(400, {"error": "ODD", field: odd}) for field in fields), answer(400, {"error": odd}),
                     answer(400, odd), answer(200, {"result": WHO, "next_steps": odd})])  # fmt: skip
    client = connect(base_url=peer.url)
    for _ in range(10):
        with pytest.raises(BadRequest) as refused:
            client.whoami()
        assert all(isinstance(each, str) for each in refused.value.next_steps)
        assert all(isinstance(each, Detail) for each in refused.value.details)
        assert pickle.loads(pickle.dumps(refused.value)).status == 400
    assert all(isinstance(each, str) for each in client.whoami().next_steps)


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


def test_half_an_export_leaves_nothing_behind(connect: Connect, scripted: Start, tmp_path: Path) -> None:
    """Neither what came of it, nor a change to the one that was there."""
    whole = tmp_path / "all.zip"
    whole.write_bytes(b"of yesterday")
    other = tmp_path / "all.zip.part"  # of somebody else, perhaps another call's
    other.write_bytes(b"not ours")
    peer = scripted([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nPK", failure(403, "FORBIDDEN")])
    account = connect(base_url=peer.url).account
    for refused in (NoAnswer, Forbidden):
        with pytest.raises(refused):
            account.save_export(whole)
    left = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    assert left == {"all.zip": b"of yesterday", "all.zip.part": b"not ours"}
