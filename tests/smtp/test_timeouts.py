"""Time-outs, on a clock that runs fast; the tests wait for the server's own 421."""

import asyncio

import pytest

from daimon.smtpd.policy import Timeouts

from .conftest import Serve
from .test_data import BEGIN

FAST = Timeouts(command=0.2, data=0.2, message=30, handshake=0.2, linger=0.2)


def test_the_figures_of_the_rfc_scale() -> None:
    """RFC 5321 §4.5.3.2: five minutes for a command, three for a piece of the data."""
    assert (Timeouts().command, Timeouts().data) == (300, 180)
    assert Timeouts().scaled(0.5) == Timeouts(command=150, data=90, message=1800, handshake=30, linger=2.5)


@pytest.mark.parametrize("said", ["", "C: EHLO x\nS: 250-*", "C> NOO", BEGIN + "C> half a li"])
async def test_a_silent_client_is_sent_away(serve: Serve, said: str) -> None:
    """Before and after EHLO, in a command and in the data."""
    receiver = await serve(timeouts=FAST)
    client = await receiver.connect()
    await client.follow("S: 220 *")
    if said == "" or said.startswith("C> "):
        await client.follow(f"{said}\nS: 421 4.4.2 *\nEOF" if said else "S: 421 4.4.2 *\nEOF")
    else:
        hello = "" if "EHLO" in said else "C: EHLO x\nS: 250-*\n"
        await client.follow(f"{hello}{said}\nS: 421 4.4.2 *\nEOF")
    assert receiver.octets == []


async def test_half_commands_do_not_buy_time(serve: Serve) -> None:
    """A client that drips one octet after the other is told at the same moment as a silent one."""
    receiver = await serve(timeouts=FAST)
    client = await receiver.hello()

    async def drip() -> None:
        while True:
            await client.send(b"x")
            await asyncio.sleep(0.01)

    dripping = asyncio.create_task(drip())
    await client.follow("S: 421 4.4.2 *")
    dripping.cancel()
    with pytest.raises((asyncio.CancelledError, OSError)):
        await dripping


async def test_a_mail_that_drips_ends_too(serve: Serve) -> None:
    """Each piece buys time, but the whole mail has an end."""
    receiver = await serve(timeouts=Timeouts(command=30, data=30, message=0.3, handshake=30, linger=0.2))
    client = await receiver.hello()
    await client.follow(BEGIN)

    async def drip() -> None:
        while True:
            await client.send(b"x")
            await asyncio.sleep(0.01)

    dripping = asyncio.create_task(drip())
    await client.follow("S: 421 4.4.2 *")
    dripping.cancel()
    with pytest.raises((asyncio.CancelledError, OSError)):
        await dripping


async def test_a_slow_commit_is_no_silence(serve: Serve) -> None:
    """While the client waits for us, its clock stands still."""
    receiver = await serve(timeouts=FAST)
    client, other = await receiver.hello(), await receiver.connect()
    receiver.acceptor.gate.clear()
    await client.follow(BEGIN + "C: .")
    await other.follow("S: 220 *\nS: 421 4.4.2 *\nEOF")  # a whole time-out has passed
    receiver.acceptor.gate.set()
    await client.follow("S: 250 2.0.0 *")


async def test_an_unfinished_handshake_ends(serve: Serve) -> None:
    """STARTTLS, and then nothing."""
    receiver = await serve(timeouts=FAST)
    client = await receiver.hello()
    await client.follow("C: STARTTLS\nS: 220 *\nEOF")


async def test_a_mail_that_finds_no_room_is_put_off(serve: Serve) -> None:
    """452 4.3.1 instead of memory without end; what is left of the mail is skipped and the session goes on."""
    receiver = await serve(timeouts=FAST, max_bytes_in_flight=200_000)
    receiver.acceptor.gate.clear()
    first, second = await receiver.hello(), await receiver.hello()
    await first.follow(BEGIN)
    await first.send(b"x" * 400_000 + b"\r\n.\r\n")
    await receiver.acceptor.on_begun.wait()
    await second.follow(BEGIN)
    await second.send(b"y" * 400_000 + b"\r\n.\r\n")
    await second.follow("S: 452 4.3.1 *\nC: NOOP\nS: 250 2.0.0 *")
    receiver.acceptor.gate.set()
    await first.follow("S: 250 2.0.0 *")
    assert [octets[:1] for octets in receiver.octets] == [b"x"]
