"""How the server stops."""

import asyncio

from .conftest import Receiver
from .test_data import BEGIN


async def test_idle_sessions_are_told(receiver: Receiver) -> None:
    """421, and no new ones are begun."""
    idle, begun = await receiver.hello(), await receiver.hello()
    await begun.follow("C: MAIL FROM:<a@example.org>\nS: 250 *")
    await receiver.server.drain(patience=10)
    await idle.follow("S: 421 4.3.2 *\nEOF")
    await begun.follow("S: 421 4.3.2 *\nEOF")


async def test_a_mail_on_its_way_is_finished(receiver: Receiver) -> None:
    """In its data or in its commit: it gets its 250 first, and then 421."""
    sending, chunking, committing = [await receiver.hello() for _ in range(3)]
    await sending.follow(BEGIN)
    await chunking.follow(BEGIN.replace("C: DATA", "").replace("S: 354 *", "") + r"C> BDAT 1\r\na" + "\nS: 250 *")
    receiver.acceptor.gate.clear()
    await committing.follow(BEGIN + "C: .")
    await receiver.acceptor.on_begun.wait()
    draining = asyncio.create_task(receiver.server.drain(patience=20))
    await sending.follow("C: text\nC: .")
    await chunking.follow(r"C> BDAT 1 LAST\r\nb")
    receiver.acceptor.gate.set()
    for client in (sending, chunking, committing):
        await client.follow("S: 250 2.0.0 *\nS: 421 4.3.2 *\nEOF")
    await draining
    assert sorted(receiver.octets) == [b"", b"ab", b"text\r\n"]


async def test_patience_ends(receiver: Receiver) -> None:
    """A client that does not finish its mail does not keep the server from stopping."""
    client = await receiver.hello()
    await client.follow(BEGIN)
    await receiver.server.drain(patience=0.05)
    assert receiver.octets == []


async def test_stopping_twice_is_no_harm(receiver: Receiver) -> None:
    """Nor stopping without clients."""
    await receiver.server.drain(patience=1)
    await receiver.server.drain(patience=1)
