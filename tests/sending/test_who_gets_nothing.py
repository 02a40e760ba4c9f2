"""Recipients that nothing is sent to: those whose server refused for good, who complained, whom a rule forbids."""

from .conftest import Post, worker
from .peer import ScriptedPeer, usual
from .test_out import delivering


async def test_who_does_not_exist_is_suppressed(post: Post) -> None:
    """After one refusal for good nothing more is sent, until somebody lets him go; he who was just full is not."""

    def says(command: str, count: int) -> bytes | None:
        if "gone@" in command:
            return b"550 5.1.1 no such user\r\n"
        return b"552 5.2.2 mailbox full\r\n" if "full@" in command else usual(command, count)

    async with ScriptedPeer(says) as peer, delivering(post, peer):
        first = await post.sent(to=["gone@example.net", "full@example.net"])
        await post.decided(first["id"])
        second = await post.sent(to=["Gone@example.net", "full@example.net", "other@example.net"])
        states = {each["address"]: each["status"] for each in second["recipients"]}
        assert states["Gone@example.net"] == "suppressed"
        assert states["full@example.net"] == states["other@example.net"] == "queued"
        await post.decided(second["id"])
        assert peer.heard("RCPT TO:<Gone@") == 0
    [event] = await post.events("message.rejected")
    assert event["delivery"]["recipient"] == "Gone@example.net"
    only = await post.sent(to="gone@example.net")
    assert only["status"] == "suppressed"
    key = {"Authorization": f"Bearer {post.key}"}
    assert (await post.edge.http.delete("/v1/suppressions/gone@example.net", headers=key)).status_code == 200
    assert (await post.sent(to="gone@example.net"))["status"] == "queued"


async def test_our_own_trouble_suppresses_nobody(post: Post) -> None:
    """A block list that we are on says nothing about the recipient."""

    def says(command: str, count: int) -> bytes | None:
        blocked = b"550 5.7.1 your IP 192.0.2.1 is listed at zen.spamhaus.org\r\n"
        return blocked if command.startswith("RCPT") else usual(command, count)

    async with ScriptedPeer(says) as peer, delivering(post, peer):
        sent = await post.sent(to="a@example.net")
        [delivery] = await post.decided(sent["id"])
        assert (delivery["status"], delivery["attempts"][0]["scope"]) == ("failed", "infrastructure")
        assert (await post.sent(to="a@example.net"))["status"] == "queued"


async def test_the_simulator_suppresses_nobody(post: Post) -> None:
    """Its addresses play the same each time."""
    async with worker(post):
        for address in ("bounce", "complaint"):
            for _ in range(2):
                sent = await post.sent(to=f"{address}@simulator.daimon.email")
                assert sent["status"] == "queued"
                await post.decided(sent["id"])
        await post.told("message.complained")
        assert (await post.sent(to="complaint@simulator.daimon.email"))["status"] == "queued"


async def test_a_rule_forbids_a_recipient(post: Post) -> None:
    """403 that names him; nothing is sent to the others either."""
    key = {"Authorization": f"Bearer {post.key}"}
    rule = {"direction": "outbound", "action": "block", "value": "example.org"}
    assert (await post.edge.http.post("/v1/rules", json=rule, headers=key)).status_code == 201
    answer = await post.send(to=["a@example.net", "b@example.org"])
    assert (answer.status_code, answer.json()["error"]) == (403, "RECIPIENT_BLOCKED")
    assert "b@example.org" in answer.json()["message"]
    dry = await post.send(to="b@example.org", dry_run=True)
    assert dry.status_code == 403
    assert (await post.get(f"/v1/inboxes/{post.inbox}"))["message_count"] == 0
