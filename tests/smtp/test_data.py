"""The data: every octet as sent, one end, and what is refused at it."""

import asyncio

import pytest

from daimon.kit.errors import Unavailable

from .conftest import Receiver, Serve
from .fakes import UNAVAILABLE

BEGIN = """
    C: MAIL FROM:<a@example.org>
    C: RCPT TO:<x@daimon.email>
    S: 250 2.1.0 *
    S: 250 2.1.5 *
    C: DATA
    S: 354 *
"""


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"a\r\n..\r\n...\r\n.\r\n", b"a\r\n.\r\n..\r\n"),
        (b".a\r\n.\r\n", b"a\r\n"),
        (b"a\r\n\r\n.\r\n", b"a\r\n\r\n"),
        (b"lone\nLF and lone\rCR\r\n.\r\n", b"lone\nLF and lone\rCR\r\n"),
        (b"a\n.b\r.c\r\n.\r\n", b"a\n.b\r.c\r\n"),
        (b"a\n..\n\r\n.\r\n", b"a\n..\n\r\n"),
        (b"a\r\r\n.\r\n", b"a\r\r\n"),
        (b"a\r\n\x00.\r\nb\r\n.\r\n", b"a\r\n\x00.\r\nb\r\n"),
        (bytes(range(256)).replace(b"\n.", b"\n") + b"\r\n.\r\n", bytes(range(256)) + b"\r\n"),
    ],
)
async def test_octets_are_kept(receiver: Receiver, sent: bytes, kept: bytes) -> None:
    """RFC 5321 §4.5.2: a dot is taken off where one was put on; nothing else changes, nothing is added."""
    client = await receiver.hello()
    await client.follow(BEGIN)
    await client.send(sent)
    await client.follow("S: 250 2.0.0 *\nC: NOOP\nS: 250 2.0.0 *")
    assert receiver.octets == [kept]


SMUGGLED = [
    rb"\n.\n", rb"\n.\r\n", rb"\r\n.\n", rb"\r.\r\n", rb"\r\n.\rx", rb"\r.\r", rb"\r.\n", rb"\n.\rx", rb"\n.\r",
    rb"\r\n.\r\r\n", rb"\r\r\n.\n", rb"\n\n.\n", rb"\n\r.\r\n", rb"\r\n\r.\r\n",
]  # fmt: skip


@pytest.mark.parametrize("end", SMUGGLED)
@pytest.mark.parametrize("start", [rb"a", rb""])
async def test_smuggling_is_refused_by_name(receiver: Receiver, start: bytes, end: bytes) -> None:
    """CVE-2023-51764 and its kin: neither the first mail nor the one hidden in it is taken; the session ends."""
    client = await receiver.hello()
    await client.follow(BEGIN)
    hidden = r"MAIL FROM:<boss@example.org>\r\nRCPT TO:<y@daimon.email>\r\nDATA\r\nhidden\r\n.\r\n"
    await client.follow(f"C> {start.decode()}{end.decode()}{hidden}\nS: 550 5.5.2 Bare <CR> or <LF> *\nEOF")
    assert receiver.octets == []
    assert receiver.directory.asked == ["x@daimon.email"]


async def test_what_follows_the_end_is_judged_by_itself(receiver: Receiver) -> None:
    """A bare line end behind a mail, in the same packet, costs the session but not the mail."""
    client = await receiver.hello()
    await client.follow(BEGIN)
    await client.follow(r"""
        C> ..stuffed\r\n.\r\nNOOP\r\n.\n
        S: 250 2.0.0 Queued
        S: 250 2.0.0 Ok
        S: 500 5.5.2 Bare <LF> *
        EOF
    """)
    assert receiver.octets == [b".stuffed\r\n"]


@pytest.mark.parametrize("end", [r".\n", r".\rx", r"\n.\n"])
async def test_smuggling_at_the_very_start_of_the_data(receiver: Receiver, end: str) -> None:
    """The line before the data ends with CRLF, so a dot may stand first."""
    client = await receiver.hello()
    await client.follow(BEGIN + f"    C> {end}\n    S: 550 5.5.2 *\n    EOF")


async def test_a_client_that_only_knows_lf_is_told(receiver: Receiver) -> None:
    """It is not left waiting for the reply to an end that never comes."""
    client = await receiver.hello()
    await client.follow(BEGIN + r"    C> one\ntwo\n.\n" + "\n    S: 550 5.5.2 *\n    EOF")


async def test_a_refusal_is_read_by_a_client_that_is_still_sending(receiver: Receiver) -> None:
    """The connection is not cut before our last reply has arrived."""
    client = await receiver.hello()
    await client.follow(BEGIN)
    for _ in range(40):
        await client.send(b"x\n.\n" + b"y" * 65_536)
    await client.follow("S: 550 5.5.2 *\nEOF")


async def test_a_mail_over_the_limit_is_refused_at_its_end(serve: Serve) -> None:
    """RFC 1870 §6.3: 552 after the end of data, stuffed dots not counted, and the session goes on."""
    receiver = await serve(max_message_bytes=1000)
    client = await receiver.hello()
    for size, reply in ((1000, "250 2.0.0 *"), (1001, "552 5.3.4 *"), (1900, "552 5.3.4 *")):
        await client.follow(BEGIN)
        await client.send(b"x" * (size - 2) + b"\r\n.\r\n")
        await client.follow(f"S: {reply}")
    await client.follow(BEGIN)
    await client.send(b"..\r\n" * 333 + b".\r\n")
    await client.follow("S: 250 2.0.0 *")
    assert [len(octets) for octets in receiver.octets] == [1000, 999]


async def test_data_without_end_are_cut(serve: Serve) -> None:
    """A client may not go on for ever after its mail was too big."""
    receiver = await serve(max_message_bytes=1000)
    client = await receiver.hello()
    await client.follow(BEGIN)
    await client.send(b"x" * 5000)
    await client.follow("S: 552 5.3.4 *\nEOF")


async def test_lines_may_be_a_mebibyte(receiver: Receiver) -> None:
    """And not an octet longer, wherever in the mail they stand."""
    client = await receiver.hello()
    longest = b"x" * 2**20
    for body, reply in (
        (longest + b"\r\n" + longest + b"\r\n", "250 2.0.0 *"),
        (b"a\r\n" * 100_000 + longest + b"\r\n", "250 2.0.0 *"),
        (b"a\r\n" + longest + b"x\r\n", "552 5.6.0 *"),
        (longest + b"x\r\na\r\n", "552 5.6.0 *"),
    ):
        await client.follow(BEGIN)
        await client.send(body + b".\r\n")
        await client.follow(f"S: {reply}")


async def test_a_loop_is_ended(receiver: Receiver) -> None:
    """RFC 5321 §6.3: a mail with more than a hundred Received fields goes round."""
    client = await receiver.hello()
    for fields, body, reply in (
        (b"Received: x\r\n" * 100, b"", "250 2.0.0 *"),
        (b"Received: x\r\n" * 101, b"", "554 5.4.6 *"),
        (b"X: y\r\n" + b"rEceived: x\r\n" * 101, b"\r\nhello\r\n", "554 5.4.6 *"),
        (b"Subject: x\r\n", b"\r\n" + b"Received: x\r\n" * 500, "250 2.0.0 *"),
    ):
        await client.follow(BEGIN)
        await client.send(fields + body + b".\r\n")
        await client.follow(f"S: {reply}")


@pytest.mark.parametrize("failure", [UNAVAILABLE, Unavailable("secret"), RuntimeError("secret")])
async def test_a_failed_commit_is_451(receiver: Receiver, failure: Exception) -> None:
    """Nothing is promised that was not kept; the reason stays with us; the next mail has its chance."""
    client = await receiver.hello()
    receiver.acceptor.broken = failure
    await client.follow(BEGIN + "    C: .\n    S: 451 4.3.0 Local error; nothing was kept, try again")
    receiver.acceptor.broken = None
    await client.follow(BEGIN + "    C: .\n    S: 250 2.0.0 *")
    assert receiver.octets == [b""]


async def test_250_leaves_after_the_commit(receiver: Receiver) -> None:
    """What is pipelined behind the data waits as well, and its reply comes after."""
    client = await receiver.hello()
    receiver.acceptor.gate.clear()
    await client.follow(BEGIN + "    C: .\n    C: NOOP")
    await asyncio.wait_for(receiver.acceptor.on_begun.wait(), 10)
    assert not client.reader._buffer  # type: ignore[attr-defined]
    receiver.acceptor.gate.set()
    await client.follow("S: 250 2.0.0 Queued\nS: 250 2.0.0 Ok")


async def test_a_client_that_leaves_during_the_commit_does_not_undo_it(receiver: Receiver) -> None:
    """The mail is ours as soon as it is kept; the client may send it again."""
    client = await receiver.hello()
    receiver.acceptor.gate.clear()
    await client.follow(BEGIN + "    C: .")
    await asyncio.wait_for(receiver.acceptor.on_begun.wait(), 10)
    client.writer.transport.abort()
    receiver.acceptor.gate.set()
    await (await receiver.hello()).follow("C: QUIT\nS: 221 *\nEOF")
    assert receiver.octets == [b""]


async def test_a_large_mail_arrives_whole(receiver: Receiver) -> None:
    """Three mebibytes of every octet, in pieces as the network cuts them."""
    client = await receiver.hello()
    line = bytes(octet for octet in range(256) if octet not in b"\r\n.") + b"\r\n"
    body = (line * 13_000)[: 3 * 2**20 - 2] + b"\r\n"
    await client.follow(BEGIN)
    await client.send(body + b".\r\n")
    await client.follow("S: 250 2.0.0 *")
    assert receiver.octets == [body]
