"""Taking back a message that was sent."""

from datetime import timedelta
from typing import Any

from httpx import Response

from api.conftest import bearer
from counted import counted
from daimon.kit.clock import utc_now

from .conftest import Post, worker
from .peer import ScriptedPeer, usual
from .test_out import delivering


def busy(command: str, count: int) -> bytes | None:
    """Take nobody for now whose name begins with `later`."""
    return b"450 4.2.1 grey-listed\r\n" if "<later" in command else usual(command, count)


async def cancel(post: Post, message_id: str, *, key: str | None = None, inbox: str | None = None) -> Response:
    """Ask for a message to be taken back."""
    path = f"/v1/inboxes/{inbox or post.inbox}/messages/{message_id}/cancel"
    return await post.edge.http.post(path, headers=bearer(key or post.key))


async def cancelled(post: Post, message_id: str) -> dict[str, Any]:
    """Take back a message, and return the result."""
    answer = await cancel(post, message_id)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()["result"]
    return result


async def queued(post: Post) -> int:
    """Return how many mails wait or are under way."""
    async with post.edge.database.read() as db:
        found: int = await db.fetchval("select count(*) from outbound_queue")
    return found


async def test_what_waits_is_taken_back(post: Post) -> None:
    """The message and all recipients show it, the queue is empty, and an event tells of each."""
    before = counted()
    sent = await post.sent(to=["a@example.net", "b@example.org"], subject="Too soon")
    result = await cancelled(post, sent["id"])
    assert result["id"] == sent["id"]
    assert result["status"] == "cancelled"
    assert {each["address"]: each["status"] for each in result["recipients"]} == {
        "a@example.net": "cancelled", "b@example.org": "cancelled",
    }  # fmt: skip
    assert await queued(post) == 0
    found = await post.deliveries(sent["id"])
    assert [(each["status"], each["next_attempt_at"]) for each in found] == [("cancelled", None)] * 2
    assert [each["attempts"][-1]["outcome"] for each in found] == ["cancelled"] * 2
    assert not any(each["attempts"][-1]["ambiguous"] for each in found)
    assert (await post.get(f"/v1/inboxes/{post.inbox}/messages/{sent['id']}"))["status"] == "cancelled"
    told = await post.events("message.rejected")
    assert {each["delivery"]["recipient"]: each["delivery"]["status"] for each in told} == {
        "a@example.net": "cancelled", "b@example.org": "cancelled",
    }  # fmt: skip
    assert (counted() - before)["outbound_cancelled_total",] == 2


async def test_a_worker_finds_nothing_of_it(post: Post) -> None:
    """One that begins afterwards sends the next mail, and not that one."""
    sent = await post.sent(to="a@example.net")
    await cancelled(post, sent["id"])
    async with ScriptedPeer() as peer, delivering(post, peer):
        await post.decided((await post.sent(to="b@example.net"))["id"])
        assert [mail.rcpt_to for mail in peer.mails] == [["b@example.net"]]


async def test_what_was_put_off_is_taken_back(post: Post) -> None:
    """Who has it keeps it; who waits for the next attempt never gets it, though its time comes."""
    async with ScriptedPeer(busy) as peer, delivering(post, peer):
        sent = await post.sent(to=["ok@example.net", "later@example.net"])
        await post.decided(sent["id"])
        result = await cancelled(post, sent["id"])
        assert result["status"] == "delivered"
        assert {each["address"]: each["status"] for each in result["recipients"]} == {
            "ok@example.net": "delivered", "later@example.net": "cancelled",
        }  # fmt: skip
        assert await queued(post) == 0
    [told] = await post.events("message.rejected")
    assert told["delivery"]["recipient"] == "later@example.net"
    assert told["delivery"]["next_attempt_at"] is None


async def test_repeating_it_changes_nothing(post: Post) -> None:
    """The same answer, and nothing is told or recorded a second time."""
    sent = await post.sent(to="a@example.net")
    first = await cancel(post, sent["id"])
    again = await cancel(post, sent["id"])
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(await post.events("message.rejected")) == 1
    [delivery] = await post.deliveries(sent["id"])
    assert len(delivery["attempts"]) == 1
    changes = (await post.get("/v1/audit?limit=50"))["audit"]
    [change] = [each for each in changes if each["action"] == "cancel_message"]
    assert change["target"] == sent["id"]
    assert change["before"] == {"status": "queued"}
    assert change["after"] == {"cancelled": ["a@example.net"], "status": "cancelled"}


async def test_what_is_decided_is_not_taken_back(post: Post) -> None:
    """Nobody can: 409 says so, and where to look."""
    async with worker(post):
        sent = await post.sent(to="delivered@simulator.daimon.email")
        await post.decided(sent["id"])
        answer = await cancel(post, sent["id"])
    assert (answer.status_code, answer.json()["error"], answer.json()["code"]) == (
        409, "STATE_CONFLICT", "MESSAGE_DECIDED",
    )  # fmt: skip
    assert "/deliveries" in answer.json()["next_steps"][0]
    assert (await post.deliveries(sent["id"]))[0]["status"] == "delivered"


async def test_what_nobody_was_to_get_is_decided(post: Post) -> None:
    """A message to the suppressed alone never waited."""
    answer = await post.edge.http.post(
        "/v1/suppressions", json={"address": "gone@example.net"}, headers=bearer(post.key)
    )
    assert answer.status_code == 201
    sent = await post.sent(to="gone@example.net")
    assert (await cancel(post, sent["id"])).json()["code"] == "MESSAGE_DECIDED"


async def test_received_mail_and_drafts_are_none(post: Post) -> None:
    """A received message is 409, a draft's id is no message; both say what to do."""
    await post.edge.deliver(post.inbox)
    [message] = (await post.get(f"/v1/inboxes/{post.inbox}/messages"))["messages"]
    answer = await cancel(post, message["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "MESSAGE_RECEIVED")
    assert answer.json()["next_steps"]
    tomorrow = (utc_now() + timedelta(days=1)).isoformat()
    scheduled = await post.sent(to="a@example.net", send_at=tomorrow)
    answer = await cancel(post, scheduled["draft_id"])
    assert (answer.status_code, answer.json()["error"]) == (404, "MESSAGE_NOT_FOUND")
    assert answer.json()["next_steps"]


async def test_only_who_may_send_cancels(post: Post) -> None:
    """A key that only reads is 403, another inbox's and another account's 404; the mail waits on."""
    sent = await post.sent(to="a@example.net")

    async def issued(**body: Any) -> str:
        made = await post.edge.http.post("/v1/keys", json=body, headers=bearer(post.key))
        assert made.status_code == 201, made.text
        return str(made.json()["result"]["api_key"])

    reader = await issued(scope="account", name="reader", permissions=["messages:read", "messages:write"])
    answer = await cancel(post, sent["id"], key=reader)
    assert (answer.status_code, answer.json()["error"]) == (403, "FORBIDDEN")
    assert "messages:send" in answer.text
    made = await post.edge.http.post("/v1/inboxes", json={}, headers=bearer(post.key))
    other = made.json()["result"]
    for key, inbox in ((other["inbox_api_key"], post.inbox), (other["inbox_api_key"], other["id"])):
        assert (await cancel(post, sent["id"], key=key, inbox=inbox)).status_code == 404
    stranger = await post.edge.open_account(username="stranger")
    assert (await cancel(post, sent["id"], key=stranger.account_api_key)).status_code == 404
    assert await queued(post) == 1
    assert (await cancelled(post, sent["id"]))["status"] == "cancelled"


async def test_who_may_send_nothing_more_may_still_cancel(post: Post) -> None:
    """An account under review, and an inbox that is suspended: what they take back is sent by nobody."""
    sent = await post.sent(to="a@example.net")
    await post.execute("update accounts set status = 'under_review'")
    await post.execute("update inboxes set status = 'suspended'")
    post.edge.services.keys.forget()
    assert (await post.send(to="b@example.net")).status_code == 403
    assert (await cancelled(post, sent["id"]))["status"] == "cancelled"


async def test_it_counts_as_sent(post: Post) -> None:
    """What was counted when the send was taken stays counted; the abuse guard counts no outcome."""
    sent = await post.sent(to=["a@example.net", "b@example.net"])
    await cancelled(post, sent["id"])
    account = await post.get("/v1/account")
    assert account["limits"]["current_sends_today"] == 2
    async with post.edge.database.read() as db:
        assert await db.fetchval("select count(*) from send_health") == 0
        assert await db.fetchval("select sum(sent) from usage_account_days") == 2


async def test_an_attempt_of_unknown_end_is_told(post: Post) -> None:
    """The peer hung up after the last dot: who was cancelled then may have the mail, and the answer says so."""

    def says(command: str, count: int) -> bytes | None:
        return None if command == "." else usual(command, count)

    async with ScriptedPeer(says) as peer, delivering(post, peer):
        sent = await post.sent(to="a@example.net")
        await post.decided(sent["id"])
        answer = await cancel(post, sent["id"])
    assert answer.json()["result"]["status"] == "cancelled"
    assert any("may have it" in step for step in answer.json()["next_steps"])
    [delivery] = await post.deliveries(sent["id"])
    assert [(each["outcome"], each["ambiguous"]) for each in delivery["attempts"]] == [
        ("deferred", True), ("cancelled", True),
    ]  # fmt: skip
