"""Workers and cancellations at the same moment: what was answered as cancelled is never sent afterwards."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from httpx import Response

from daimon.kit.clock import utc_now
from daimon.kit.dns import Dns
from daimon.outbound.couriers import MxCourier
from daimon.outbound.dispatch import Dispatcher
from daimon.outbound.return_path import ReturnPaths
from daimon.outbound.routing import Router
from daimon.outbound.tls import TlsDemands
from daimon.worker.outbound import InboxesHere
from nameserver import NameServer

from .conftest import Post
from .peer import ScriptedPeer, usual
from .test_cancel import cancel, cancelled, queued
from .test_out import delivering

ROUNDS = 5
LONG = 31.0  # seconds, after which a lease is over
DOMAINS = ["example.net", *(f"{number}.example.net" for number in range(11))]


@dataclass
class Ticks:
    """What a worker measures its leases by, moved by a test."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Gate(ScriptedPeer):
    """A server that says nothing to DATA until it is opened."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0

    async def asked_by(self, connections: int = 1) -> None:
        """Return once so many wait for the answer."""
        async with asyncio.timeout(20):
            while self.asked < connections:  # noqa: ASYNC110 - several connections count
                await asyncio.sleep(0.01)

    async def _say(self, command: str, writer: asyncio.StreamWriter) -> bytes | None:
        if command.startswith("DATA"):
            self.asked += 1
            await self.opened.wait()
        return await super()._say(command, writer)


@asynccontextmanager
async def couriers(*peers: ScriptedPeer) -> AsyncIterator[list[MxCourier]]:
    """Bring the mail of the domains to each peer."""
    async with NameServer() as names:
        names.add("mx.example.net", "A", "127.0.0.1")
        for domain in DOMAINS:
            names.add(domain, "MX", "10 mx.example.net.")
        yield [
            MxCourier(Router(Dns(names.address), allow_private=True), TlsDemands(utc_now), "daimon.test", each.port)
            for each in peers
        ]


def dispatcher(post: Post, courier: MxCourier, ticks: Ticks) -> Dispatcher:
    """A worker whose steps a test takes."""
    db = post.edge.database
    inboxes = InboxesHere(db, "daimon.email", ReturnPaths(b"s" * 32))
    return Dispatcher(db, inboxes, courier, utc_now, ticks=ticks)


async def expire(post: Post, worker: Dispatcher) -> None:
    """Let a worker's leases be over, as the database sees it."""
    await post.execute("update outbound_queue set due_at = now() where leased_by = $1", worker.worker)


async def test_what_a_worker_holds_is_told_as_in_flight(post: Post) -> None:
    """409 while the peer has not answered; the mail arrives, and then it is decided."""
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(Gate())
        [courier] = await stack.enter_async_context(couriers(peer))
        working = dispatcher(post, courier, Ticks())
        sent = await post.sent(to="a@example.net")
        assert await working.take() == 1
        await peer.asked_by()
        answer = await cancel(post, sent["id"])
        assert (answer.status_code, answer.json()["code"]) == (409, "MESSAGE_IN_FLIGHT")
        assert answer.json()["retry_after"] == 5
        peer.opened.set()
        await post.decided(sent["id"])
        await working.close()
        assert len(peer.mails) == 1
    assert (await cancel(post, sent["id"])).json()["code"] == "MESSAGE_DECIDED"


async def test_some_are_cancelled_and_some_in_flight(post: Post) -> None:
    """The answer tells them apart; repeated, it cancels who was put off meanwhile."""

    def says(command: str, count: int) -> bytes | None:
        return b"450 4.2.1 grey-listed\r\n" if command == "." else usual(command, count)

    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(Gate(says))
        [courier] = await stack.enter_async_context(couriers(peer))
        working = dispatcher(post, courier, Ticks())
        sent = await post.sent(to=["a@example.net", "b@example.org"])
        await post.execute("update outbound_queue set ready = false, due_at = 'infinity' where recipient like 'b@%'")
        assert await working.take() == 1
        await peer.asked_by()
        answer = await cancel(post, sent["id"])
        assert answer.status_code == 200
        assert {each["address"]: each["status"] for each in answer.json()["result"]["recipients"]} == {
            "a@example.net": "queued", "b@example.org": "cancelled",
        }  # fmt: skip
        assert answer.json()["result"]["status"] == "queued"
        assert "1 of the recipients are being sent to" in answer.json()["next_steps"][0]
        peer.opened.set()
        await post.until(sent["id"], "deferred")
        assert (await cancelled(post, sent["id"]))["status"] == "cancelled"
        await working.close()
        assert peer.mails == []
    assert await queued(post) == 0


async def test_a_worker_that_was_asleep_does_not_finish(post: Post) -> None:
    """Its lease ran out, the mail was cancelled, it wakes and renews what it has: the last dot is not written."""
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(Gate())
        [courier] = await stack.enter_async_context(couriers(peer))
        ticks = Ticks()
        asleep = dispatcher(post, courier, ticks)
        sent = await post.sent(to="a@example.net")
        assert await asleep.take() == 1
        await peer.asked_by()
        await expire(post, asleep)
        ticks.now += LONG
        answer = await cancel(post, sent["id"])
        assert answer.json()["result"]["status"] == "cancelled"
        assert any("may have it" in step for step in answer.json()["next_steps"])  # nobody can know this here
        await asleep.renew()
        peer.opened.set()
        await asleep.close()
        assert peer.mails == []
    [delivery] = await post.deliveries(sent["id"])
    assert [(each["outcome"], each["ambiguous"]) for each in delivery["attempts"]] == [("cancelled", True)]


async def test_what_a_lost_worker_left_is_doubtful(post: Post) -> None:
    """Once its lease is over the mail waits again; cancelled then, it is told that it may have been sent."""
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(Gate())
        lost, next_one = await stack.enter_async_context(couriers(peer, peer))
        ticks = Ticks()
        first, second = dispatcher(post, lost, ticks), dispatcher(post, next_one, Ticks())
        sent = await post.sent(to="a@example.net")
        assert await first.take() == 1
        await peer.asked_by()
        await expire(post, first)
        ticks.now += LONG
        assert await second.wake() == 1
        await cancelled(post, sent["id"])
        assert await second.take() == 0
        peer.opened.set()
        await first.close()
        assert peer.mails == []
    [delivery] = await post.deliveries(sent["id"])
    assert delivery["attempts"][-1]["ambiguous"] is True


async def test_a_lease_that_is_not_in_hand_ends(post: Post) -> None:
    """What a worker gave up without a result is renewed no more, so that another one sends it."""
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(Gate())
        one, other = await stack.enter_async_context(couriers(peer, peer))
        ticks = Ticks()
        first = dispatcher(post, one, ticks)
        sent = await post.sent(to="a@example.net")
        assert await first.take() == 1
        await peer.asked_by()
        ticks.now += LONG
        peer.opened.set()
        await first.close()  # it had the lease, as far as the database knows, and did not finish
        assert peer.mails == []
        await expire(post, first)
        await first.renew()
        second = dispatcher(post, other, Ticks())
        assert await second.wake() == 1
        assert await second.take() == 1
        await post.decided(sent["id"])
        await second.close()
        assert len(peer.mails) == 1


async def test_a_mail_that_comes_back_to_its_worker_is_sent_once(post: Post) -> None:
    """Its lease ran out and it was taken again, while it was on its way: it goes on under the new lease."""
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(Gate())
        [courier] = await stack.enter_async_context(couriers(peer))
        ticks = Ticks()
        slow = dispatcher(post, courier, ticks)
        sent = await post.sent(to="a@example.net")
        assert await slow.take() == 1
        await peer.asked_by()
        await expire(post, slow)
        ticks.now += LONG
        assert await slow.wake() == 1
        await slow.take()  # the turn of those behind it
        assert await slow.take() == 1
        assert (await cancel(post, sent["id"])).json()["code"] == "MESSAGE_IN_FLIGHT"
        peer.opened.set()
        [delivery] = await post.decided(sent["id"])
        await slow.close()
        assert delivery["status"] == "delivered"
        assert len(peer.mails) == 1


async def test_who_comes_first_wins(post: Post) -> None:
    """Over leases that ran out: cancelled and never sent, or not cancelled and sent once, whoever is the first."""
    chance, outcomes = Random(7), Counter[str]()
    await post.execute("update accounts set tier = 'enterprise'")
    for _ in range(ROUNDS):
        async with AsyncExitStack() as stack:
            peer = await stack.enter_async_context(Gate())
            one, other = await stack.enter_async_context(couriers(peer, peer))
            ticks = Ticks()
            first, second = dispatcher(post, one, ticks), dispatcher(post, other, Ticks())
            sent = await asyncio.gather(*(post.sent(to=f"a@{domain}") for domain in DOMAINS))
            assert await first.take() == len(DOMAINS)
            await peer.asked_by(len(DOMAINS))
            await expire(post, first)
            ticks.now += LONG
            answered = asyncio.Queue[Response]()

            async def cancel_some(some: Sequence[Any], answered: asyncio.Queue[Response] = answered) -> None:
                for each in some:
                    answered.put_nowait(await cancel(post, each["id"]))

            cancelling = [asyncio.create_task(cancel_some(sent[half::2])) for half in (0, 1)]
            for step in chance.sample([second.wake, second.take, first.renew], 3):
                for _ in range(chance.randint(0, 3)):  # so many are answered between one step and the next
                    await answered.get()
                await step()
            await asyncio.gather(*cancelling)
            peer.opened.set()
            await first.close()
            await expire(post, first)  # what it gave up
            async with asyncio.timeout(60):
                while await queued(post):  # by the second one, who has it or is to have it
                    await second.wake()
                    await second.take()
            await second.close()
            arrived = Counter(recipient for mail in peer.mails for recipient in mail.rcpt_to)
            for each in sent:
                [delivery] = await post.deliveries(each["id"])
                outcome = (delivery["status"], arrived[delivery["recipient"]])
                assert outcome in {("cancelled", 0), ("delivered", 1)}
                outcomes[delivery["status"]] += 1
    assert outcomes.total() == ROUNDS * len(DOMAINS)
    assert outcomes["cancelled"]


async def test_a_worker_and_cancellations_at_full_speed(post: Post) -> None:
    """Hundreds of mails, sent, put off and woken, each cancelled at some moment: every one arrives or is cancelled."""
    chance = Random(11)
    await post.execute("update accounts set tier = 'enterprise'")

    def says(command: str, count: int) -> bytes | None:
        if command.startswith("RCPT") and chance.random() < 0.5:
            return b"450 4.2.1 grey-listed\r\n"
        return usual(command, count)

    answered: dict[str, int] = {}
    too_late: list[str] = []
    async with ScriptedPeer(says) as peer, delivering(post, peer):

        async def one(number: int) -> None:
            sent = await post.sent(to=f"{number}@example.net")
            await asyncio.sleep(chance.random() * 0.05)
            while (answer := await cancel(post, sent["id"])).status_code == 409:
                if answer.json()["code"] == "MESSAGE_DECIDED":
                    return
                await asyncio.sleep(0.01)
            assert answer.json()["result"]["status"] == "cancelled"
            answered[f"{number}@example.net"] = len(peer.mails)

        async def come_due(stop: asyncio.Event) -> None:
            while not stop.is_set():
                await post.execute("update outbound_queue set due_at = now() where not ready and leased_by is null")
                await asyncio.sleep(0.005)

        stop = asyncio.Event()
        due = asyncio.create_task(come_due(stop))
        for first in range(0, 210, 15):
            await asyncio.gather(*(one(number) for number in range(first, first + 15)))
        async with asyncio.timeout(30):
            while await queued(post):  # noqa: ASYNC110 - other processes empty it
                await asyncio.sleep(0.02)
        stop.set()
        await due
        arrived = Counter(recipient for mail in peer.mails for recipient in mail.rcpt_to)
        too_late = [recipient for recipient in answered if recipient in arrived]
    assert too_late == []
    assert set(arrived) | set(answered) == {f"{number}@example.net" for number in range(210)}
    assert set(arrived.values()) <= {1}
    assert answered
