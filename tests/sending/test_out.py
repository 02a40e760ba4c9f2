"""Mail that leaves the server: by MX, over real sockets, to servers of every mood."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from daimon.kit.clock import utc_now
from daimon.kit.dns import Dns
from daimon.outbound.couriers import MxCourier
from daimon.outbound.routing import Router
from daimon.outbound.smtp import Timeouts
from daimon.outbound.tls import TlsDemands
from nameserver import NameServer

from .conftest import Post, worker
from .peer import ScriptedPeer, usual

QUICK = Timeouts(connect=2, greeting=3, command=3, tls=2, envelope=3, content=2, final_dot=2)


@asynccontextmanager
async def delivering(post: Post, peer: ScriptedPeer, *domains: str) -> AsyncIterator[NameServer]:
    """A worker that sends by MX; the domains' mail goes to the peer."""
    async with AsyncExitStack() as stack:
        names = await stack.enter_async_context(NameServer())
        for domain in domains or ("example.net",):
            names.add(domain, "MX", f"10 mx.{domain}.")
            names.add(f"mx.{domain}", "A", "127.0.0.1")
        router = Router(Dns(names.address), allow_private=True)
        courier = MxCourier(router, TlsDemands(utc_now), "daimon.test", peer.port, QUICK)
        await stack.enter_async_context(worker(post, courier))
        yield names


async def test_a_mail_goes_to_the_mx(post: Post) -> None:
    """With its return path, to all recipients of the domain in one go; the octets are those that were stored."""
    async with ScriptedPeer() as peer, delivering(post, peer):
        sent = await post.sent(to=["a@example.net", "b@example.net"], subject="Hi", body=".dots\n..\n")
        found = await post.decided(sent["id"])
    assert [each["status"] for each in found] == ["delivered", "delivered"]
    assert found[0]["attempts"][0]["host"] == "mx.example.net"
    assert found[0]["attempts"][0]["reply"] == "taken"
    [mail] = peer.mails
    assert sorted(mail.rcpt_to) == ["a@example.net", "b@example.net"]
    assert mail.mail_from.startswith("b+")
    key = {"Authorization": f"Bearer {post.key}"}
    raw = await post.edge.http.get(f"/v1/inboxes/{post.inbox}/messages/{sent['id']}/raw", headers=key)
    assert raw.content == mail.octets


async def test_recipients_are_refused_each_for_himself(post: Post) -> None:
    """One is taken, one refused for good, one for now."""

    def says(command: str, count: int) -> bytes | None:
        if "gone@" in command:
            return b"550 5.1.1 no such user\r\n"
        return b"450 4.2.1 grey-listed\r\n" if "later@" in command and count == 1 else usual(command, count)

    async with ScriptedPeer(says) as peer, delivering(post, peer):
        sent = await post.sent(to=["ok@example.net", "gone@example.net", "later@example.net"])
        found = {each["recipient"].partition("@")[0]: each for each in await post.decided(sent["id"])}
        assert {name: each["status"] for name, each in found.items()} == {
            "ok": "delivered", "gone": "bounced", "later": "deferred",
        }  # fmt: skip
        assert found["gone"]["attempts"][0]["scope"] == "recipient"
        await post.execute("update outbound_queue set due_at = now() where not ready")
        found = {each["recipient"].partition("@")[0]: each for each in await post.decided(sent["id"], "deferred")}
        assert [each["outcome"] for each in found["later"]["attempts"]] == ["deferred", "delivered"]


async def test_a_connection_is_used_again(post: Post) -> None:
    """Many mails go over few connections."""
    async with ScriptedPeer() as peer, delivering(post, peer):
        sent = [await post.sent(to=f"{n}@example.net") for n in range(30)]
        for each in sent:
            await post.decided(each["id"])
        assert len(peer.mails) == 30
        assert peer.connections < 30


async def test_a_lost_answer_is_ambiguous_and_tried_again(post: Post) -> None:
    """The server hangs up after the final dot: nobody knows, so it is sent again, and says so."""

    def says(command: str, count: int) -> bytes | None:
        return None if command == "." and count == 1 else usual(command, count)

    async with ScriptedPeer(says) as peer, delivering(post, peer):
        sent = await post.sent(to="a@example.net")
        [delivery] = await post.decided(sent["id"])
        assert delivery["status"] == "deferred"
        assert delivery["attempts"][0]["ambiguous"] is True
        await post.execute("update outbound_queue set due_at = now() where not ready")
        [delivery] = await post.decided(sent["id"], "deferred")
        assert [each["ambiguous"] for each in delivery["attempts"]] == [True, False]


async def test_who_stalls_is_given_up(post: Post) -> None:
    """A server that says nothing costs a deferral, and nobody else anything."""

    def says(command: str, count: int) -> bytes | None:
        return b"" if not command else usual(command, count)

    async with ScriptedPeer(says) as peer, delivering(post, peer):
        slow = await post.sent(to="a@example.net")
        quick = await post.sent(to="delivered@simulator.daimon.email")
        [delivery] = await post.decided(quick["id"])
        assert delivery["status"] == "delivered"
        [delivery] = await post.decided(slow["id"])
        assert delivery["status"] == "deferred"
        assert "greeting" in delivery["attempts"][0]["reply"]


async def test_a_destination_that_is_down_is_let_alone(post: Post) -> None:
    """After one failure, what waits for it is put off without a try."""
    async with ScriptedPeer() as peer:
        port = peer.port
    gone = ScriptedPeer(port=port)
    async with delivering(post, gone):
        sent = [await post.sent(to=f"{n}@example.net") for n in range(5)]
        found = [(await post.decided(each["id"]))[0] for each in sent]
    assert {each["status"] for each in found} == {"deferred"}
    assert any(each["attempts"][0]["reply"].startswith("connect:") for each in found)
    assert all(each["next_attempt_at"] for each in found)


async def test_a_domain_without_mail_bounces(post: Post) -> None:
    """No such name, null MX: the recipient's fault, and for good."""
    async with ScriptedPeer() as peer, delivering(post, peer) as names:
        names.add("null.test", "MX", "0 .")
        sent = await post.sent(to=["a@nowhere.test", "a@null.test"])
        found = {each["recipient"]: each for each in await post.decided(sent["id"])}
    assert {each["status"] for each in found.values()} == {"bounced"}
    assert found["a@null.test"]["attempts"][0]["enhanced_status"] == "5.1.10"


async def test_other_languages_need_smtputf8(post: Post) -> None:
    """A recipient beyond ASCII is sent to who offers it, and bounces at who does not."""
    async with ScriptedPeer() as peer, delivering(post, peer):
        sent = await post.sent(to="jürgen@example.net", subject="ü")
        [delivery] = await post.decided(sent["id"])
        assert delivery["status"] == "delivered"
        assert "SMTPUTF8" in next(command for command in peer.commands if command.startswith("MAIL"))

    def says(command: str, count: int) -> bytes | None:
        return b"250 peer.test\r\n" if command.startswith("EHLO") else usual(command, count)

    async with ScriptedPeer(says) as peer, delivering(post, peer):
        sent = await post.sent(to="jürgen@example.net")
        [delivery] = await post.decided(sent["id"])
        assert delivery["attempts"][0]["enhanced_status"] == "5.6.7"


async def test_one_slow_destination_holds_up_nobody(post: Post) -> None:
    """A hundred mails for who stalls, and one for who does not."""

    def says(command: str, count: int) -> bytes | None:
        return b"" if command.startswith("EHLO") else usual(command, count)

    async with ScriptedPeer(says) as peer, delivering(post, peer):
        slow = await asyncio.gather(*(post.sent(to=f"{n}@example.net") for n in range(20)))
        quick = await post.sent(to="delivered@simulator.daimon.email")
        await post.decided(quick["id"])
        assert (await post.deliveries(slow[-1]["id"]))[0]["status"] != "delivered"
