"""What a worker counts of mail that leaves, and how much waits."""

from counted import counted
from daimon.supervisor import backlog

from .conftest import Post
from .peer import ScriptedPeer, usual
from .test_out import delivering


async def test_attempts_are_counted_by_what_came_of_them(post: Post) -> None:
    """One for each recipient; a first one is measured from when its mail was queued."""

    def says(command: str, count: int) -> bytes | None:
        if "gone@" in command:
            return b"550 5.1.1 no such user\r\n"
        if "later@" in command:
            return b"450 4.2.1 grey-listed\r\n"
        return None if command == "." and count == 2 else usual(command, count)

    before = counted()
    async with ScriptedPeer(says) as peer, delivering(post, peer):
        for to in (["ok@example.net", "gone@example.net", "later@example.net"], ["lost@example.net"]):
            await post.decided((await post.sent(to=to))["id"])
        await post.execute("update outbound_queue set due_at = now() where recipient like 'lost@%'")
        lost = await post.decided((await post.sent(to=["ok@example.net"]))["id"])
        assert [each["status"] for each in lost] == ["delivered"]
        async with post.edge.database.read() as db:
            assert (await backlog.measure(db)).to_send >= 1
    found = counted() - before
    attempts = {labels[1]: number for labels, number in found.items() if labels[0] == "outbound_attempts_total"}
    assert attempts["bounced"] == 1
    assert attempts["deferred"] == 2
    assert found["outbound_ambiguous_total",] == 1
    assert found["outbound_first_attempt_seconds",] == 5
    assert found["outbound_attempt_seconds",] == sum(attempts.values())
    assert 1 <= found["outbound_commit_results",] <= sum(attempts.values())


async def test_what_waits_is_counted(post: Post) -> None:
    """Until a worker takes it, it is ready."""
    sent = [await post.sent(to=["a@example.net", "b@example.net"]) for _ in range(2)]
    async with post.edge.database.read() as db:
        found = await backlog.measure(db)
    assert (found.to_send, found.ready) == (4, 4)
    async with ScriptedPeer() as peer, delivering(post, peer):
        for each in sent:
            await post.decided(each["id"])
    async with post.edge.database.read() as db:
        found = await backlog.measure(db)
    assert (found.to_send, found.ready) == (0, 0)
