"""What one client, and all of them together, may take."""

import asyncio

from daimon.smtpd.limits import SMALL, Room, network_of, plain_ip

from .conftest import Serve
from .test_data import BEGIN


async def test_connections_in_all(serve: Serve) -> None:
    """One too many is told to come later; a place that becomes free is given away."""
    receiver = await serve(max_connections=2)
    first, _ = await receiver.hello(), await receiver.hello()
    await (await receiver.connect()).follow("S: 421 4.3.2 *\nEOF")
    await first.follow("C: QUIT\nS: 221 *\nEOF")
    await receiver.hello()


async def test_connections_of_one_address(serve: Serve) -> None:
    """The same by address."""
    receiver = await serve(max_connections_per_ip=1)
    first = await receiver.hello()
    await (await receiver.connect()).follow("S: 421 4.7.0 *\nEOF")
    await first.follow("C: QUIT\nS: 221 *\nEOF")
    await receiver.hello()


async def test_errors_end_a_session(serve: Serve) -> None:
    """Counted since the last mail accepted."""
    receiver = await serve(max_errors=3)
    client = await receiver.hello()
    bad = "C: XYZZY\nS: 500 5.5.1 *\n"
    for _ in range(2):
        await client.follow(bad * 2 + BEGIN + "C: .\nS: 250 2.0.0 *")
    await client.follow(bad * 3 + "S: 421 4.7.0 *\nEOF")


async def test_commands_end_a_session(serve: Serve) -> None:
    """A client that only talks and never sends a mail is sent away."""
    receiver = await serve(max_commands=10)
    client = await receiver.hello()
    for _ in range(3):
        await client.follow("C: NOOP\nS: 250 2.0.0 *\n" * 3 + BEGIN + "C: .\nS: 250 2.0.0 *")
    await client.follow("C: NOOP\nS: 250 2.0.0 *\n" * 10 + "C: NOOP\nS: 421 4.7.0 *\nEOF")


async def test_a_flood_of_pipelined_commands_is_read_as_it_is_answered(serve: Serve) -> None:
    """A client that never reads its replies is not read either, and loses its connection."""
    receiver = await serve(max_commands=10**9)
    client = await receiver.hello()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    flood = b"NOOP\r\n" * 100_000
    client.writer.write(flood * 10)
    other = await receiver.hello()
    await other.follow("C: NOOP\nS: 250 *")
    client.writer.transport.resume_reading()  # type: ignore[attr-defined]
    for _ in range(1000):
        assert await client.reply() == "250 2.0.0 Ok"
    client.writer.transport.abort()


async def test_mails_over_the_memory_limit_wait_for_room(serve: Serve) -> None:
    """Twenty mails that do not fit at once are all received, one after the other if need be."""
    receiver = await serve(max_bytes_in_flight=2**20)
    body = b"x" * 76 + b"\r\n"
    mail = body * (2**20 // len(body))

    async def send() -> None:
        client = await receiver.hello()
        await client.follow(BEGIN)
        await client.send(mail + b".\r\n")
        await client.follow("S: 250 2.0.0 *")

    await asyncio.wait_for(asyncio.gather(*(send() for _ in range(20))), 60)
    assert receiver.octets == [mail] * 20


async def test_small_mails_pass_when_large_ones_wait(serve: Serve) -> None:
    """A house full of large mails does not stop the small."""
    receiver = await serve(max_bytes_in_flight=2 * SMALL)
    receiver.acceptor.gate.clear()
    large = await receiver.hello()
    await large.follow(BEGIN)
    await large.send(b"x" * 4 * SMALL + b"\r\n.\r\n")
    await receiver.acceptor.on_begun.wait()
    receiver.acceptor.gate.set()
    small = await receiver.hello()
    await small.follow(BEGIN + "C: .\nS: 250 2.0.0 *")
    await large.follow("S: 250 2.0.0 *")


def test_room_never_stops_its_oldest_holder() -> None:
    """Else mails that are all half received would wait for each other."""
    called: list[str] = []
    holders = {name: (lambda name=name: called.append(name)) for name in "abc"}
    room = Room(100)
    assert room.hold(holders["a"], 60)
    assert not room.hold(holders["b"], 60)
    assert not room.hold(holders["c"], 10)
    assert room.hold(holders["a"], 300)
    room.release(holders["a"])
    assert sorted(called) == ["b", "c"]
    assert room.hold(holders["b"], 95)
    assert not room.hold(holders["c"], 95)
    room.release(holders["c"])
    assert room.hold(holders["b"], 100)
    room.release(holders["b"])
    room.release(holders["b"])
    assert room.hold(holders["c"], 100)


def test_room_calls_the_next_oldest() -> None:
    """When the oldest leaves and there is still too much, its successor goes on."""
    called: list[str] = []
    holders = {name: (lambda name=name: called.append(name)) for name in "abc"}
    room = Room(100)
    assert room.hold(holders["a"], 100)
    assert not room.hold(holders["b"], 200)
    assert not room.hold(holders["c"], 200)
    room.release(holders["a"])
    assert called == ["b"]


def test_an_ipv6_client_is_its_network() -> None:
    """A client has a /64 to choose addresses from; a mapped address is the IPv4 it maps."""
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff") == "2001:db8::/64"
    assert network_of("192.0.2.1") == "192.0.2.1"
    assert plain_ip("::ffff:192.0.2.1") == "192.0.2.1"
    assert plain_ip("fe80::1%eth0") == "fe80::1"
