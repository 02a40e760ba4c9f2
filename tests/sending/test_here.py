"""Mail that stays on the server: to its inboxes, and to the simulator."""

import asyncio

from .conftest import Post, worker


async def test_mail_between_inboxes_arrives_in_one_hop(working: Post) -> None:
    """It is delivered with all its events and comes in as any mail does, its octets unchanged."""
    other = await working.edge.create_inbox(working.key, username="other")
    sent = await working.sent(to="other+tag@daimon.email", subject="Hi", body="From here to there")
    [message] = await working.received(other["id"])
    assert (message["subject"], message["from_address"]) == ("Hi", "agent@daimon.email")
    assert (message["message_id"], message["labels"]) == (sent["message_id"], ["tag"])
    [delivery] = await working.decided(sent["id"])
    assert delivery["status"] == "delivered"
    assert delivery["attempts"][0]["host"] == "local"
    assert (await working.get(f"/v1/inboxes/{working.inbox}/messages/{sent['id']}"))["status"] == "delivered"
    for kind in ("message.sent", "message.delivered"):
        [event] = await working.events(kind)
        assert event["message"]["id"] == sent["id"]
    key = {"Authorization": f"Bearer {working.key}"}
    raws = [
        (await working.edge.http.get(f"/v1/inboxes/{inbox}/messages/{each}/raw", headers=key)).content
        for inbox, each in ((working.inbox, sent["id"]), (other["id"], message["id"]))
    ]
    assert raws[0] == raws[1]


async def test_an_answer_stands_in_the_thread(working: Post) -> None:
    """A reply goes to whom the mail is from, with its subject and references; both sides see one thread."""
    other = await working.edge.create_inbox(working.key, username="other")
    sent = await working.sent(to="other@daimon.email", subject="Question")
    [question] = await working.received(other["id"])
    answered = await working.edge.http.post(
        f"/v1/inboxes/{other['id']}/messages/{question['id']}/reply",
        json={"body": "Answer"}, headers={"Authorization": f"Bearer {working.key}"},
    )  # fmt: skip
    assert answered.status_code == 202, answer_text(answered)
    assert answered.json()["result"]["thread_id"] == question["thread_id"]
    [answer] = await working.received()
    assert (answer["subject"], answer["in_reply_to"]) == ("Re: Question", sent["message_id"])
    assert answer["thread_id"] == sent["thread_id"]


def answer_text(answer: object) -> str:
    """Return what an answer says, for a failing assertion."""
    return str(getattr(answer, "text", ""))


async def test_an_inbox_that_is_not_there_bounces(working: Post) -> None:
    """On a domain of this server nobody else can be asked."""
    sent = await working.sent(to="nobody-here@daimon.email")
    [delivery] = await working.decided(sent["id"])
    assert delivery["status"] == "bounced"
    assert delivery["attempts"][0]["enhanced_status"] == "5.1.1"
    [event] = await working.events("message.bounced")
    assert event["delivery"]["recipient"] == "nobody-here@daimon.email"
    assert (await working.get("/v1/usage"))["totals"]["bounced"] == 1


async def test_the_simulator_plays_outcomes(working: Post) -> None:
    """Delivered, refused for good, for now, and for no fault of the recipient."""
    to = [f"{name}@simulator.daimon.email" for name in ("delivered", "bounce", "soft-bounce+x", "blocked", "unknown")]
    sent = await working.sent(to=to)
    states = {each["recipient"].partition("@")[0]: each for each in await working.decided(sent["id"])}
    assert {name: each["status"] for name, each in states.items()} == {
        "delivered": "delivered", "bounce": "bounced", "soft-bounce+x": "deferred", "blocked": "failed",
        "unknown": "bounced",
    }  # fmt: skip
    assert states["blocked"]["attempts"][0]["scope"] == "infrastructure"
    assert states["soft-bounce+x"]["next_attempt_at"] is not None
    assert (await working.get(f"/v1/inboxes/{working.inbox}/messages/{sent['id']}"))["status"] == "deferred"
    await working.execute("update outbound_queue set due_at = now() where not ready")
    states = {each["recipient"].partition("@")[0]: each for each in await working.decided(sent["id"], "deferred")}
    assert [each["outcome"] for each in states["soft-bounce+x"]["attempts"]] == ["deferred", "delivered"]
    assert len(await working.events("message.deferred")) == 1
    assert len(await working.events("message.sent")) == 1


async def test_the_simulator_echoes(working: Post) -> None:
    """What is sent to echo comes back into the thread."""
    sent = await working.sent(to="echo@simulator.daimon.email", subject="Anybody?", body="Hello there")
    [echo] = await working.received()
    assert (echo["subject"], echo["thread_id"]) == ("Re: Anybody?", sent["thread_id"])
    assert "Hello there" in echo["body_text"]


async def test_what_is_sent_without_a_worker_waits_for_one(post: Post) -> None:
    """Every mail that was taken is sent once a worker is there."""
    sent = [await post.sent(to="delivered@simulator.daimon.email", subject=str(n)) for n in range(20)]
    async with worker(post):
        for each in sent:
            [delivery] = await post.decided(each["id"])
            assert delivery["status"] == "delivered"


async def test_two_workers_share_the_queue(post: Post) -> None:
    """Each mail is sent by one of them, once."""
    sent = [await post.sent(to="delivered@simulator.daimon.email") for _ in range(40)]
    async with worker(post), worker(post):
        found = await asyncio.gather(*(post.decided(each["id"]) for each in sent))
    assert all(len(delivery["attempts"]) == 1 for [delivery] in found)
