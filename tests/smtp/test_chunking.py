"""CHUNKING (RFC 3030): BDAT."""

import pytest

from .conftest import Receiver, Serve

BEGIN = """
    C: MAIL FROM:<a@example.org>
    C: RCPT TO:<x@daimon.email>
    S: 250 2.1.0 *
    S: 250 2.1.5 *
"""


async def test_chunks_make_a_mail(receiver: Receiver) -> None:
    """Octets are taken as they are: no dot is special, no line end is needed."""
    client = await receiver.hello()
    await client.follow(BEGIN)
    await client.follow(r"""
        C> BDAT 8\r\na\r\n.\r\n..
        S: 250 2.0.0 8 octets received
        C> bdat 5 last\r\n\n.\nzz
        S: 250 2.0.0 Queued
        C: NOOP
        S: 250 2.0.0 *
    """)
    assert receiver.octets == [b"a\r\n.\r\n..\n.\nzz"]


@pytest.mark.parametrize(
    ("wire", "octets"),
    [(r"BDAT 4 LAST\r\nabcd", b"abcd"), (r"BDAT 4\r\nabcdBDAT 0 LAST\r\n", b"abcd"), (r"BDAT 0 LAST\r\n", b"")],
)
async def test_the_last_chunk_ends_the_mail(receiver: Receiver, wire: str, octets: bytes) -> None:
    """RFC 3030 §2: `BDAT 0 LAST` is one way to say so."""
    client = await receiver.hello()
    first = "S: 250 2.0.0 4 octets received\n" if "BDAT 0 LAST" in wire and octets else ""
    await client.follow(BEGIN)
    await client.follow(f"C> {wire}\n{first}S: 250 2.0.0 Queued\nC: DATA\nS: 503 5.5.1 *")
    assert receiver.octets == [octets]


async def test_everything_in_one_write(receiver: Receiver) -> None:
    """RFC 3030 §4.2: BDAT needs no go-ahead, so a mail may take one round trip."""
    client = await receiver.hello()
    await client.follow(r"""
        C> MAIL FROM:<>\r\nRCPT TO:<x@daimon.email>\r\nBDAT 3 LAST\r\noneMAIL FROM:<>\r\nRCPT TO:<x@daimon.email>\r\n
        C> BDAT 3 LAST\r\ntwoQUIT\r\n
        S: 250 2.1.0 *
        S: 250 2.1.5 *
        S: 250 2.0.0 *
        S: 250 2.1.0 *
        S: 250 2.1.5 *
        S: 250 2.0.0 *
        S: 221 *
        EOF
    """)
    assert receiver.octets == [b"one", b"two"]


async def test_data_and_bdat_do_not_mix(receiver: Receiver) -> None:
    """RFC 3030 §2: DATA after BDAT is 503; RSET starts afresh."""
    client = await receiver.hello()
    await client.follow(BEGIN)
    await client.follow(r"""
        C> BDAT 4\r\nabcd
        S: 250 2.0.0 *
        C: DATA
        S: 503 5.5.1 *
        C: RCPT TO:<y@daimon.email>
        S: 503 5.5.1 *
        C: MAIL FROM:<>
        S: 503 5.5.1 *
        C: RSET
        S: 250 2.0.0 *
        C> BDAT 4 LAST\r\nabcd
        S: 503 5.5.1 *
    """)
    assert receiver.octets == []


async def test_octets_of_a_refused_chunk_are_skipped(receiver: Receiver) -> None:
    """They are never taken for commands."""
    client = await receiver.hello()
    await client.follow(r"""
        C> BDAT 6\r\nNOOP\r\nNOOP\r\n
        S: 503 5.5.1 *
        S: 250 2.0.0 *
        C: MAIL FROM:<>
        C: RCPT TO:<nobody@daimon.email>
        S: 250 2.1.0 *
        S: 550 5.1.1 *
        C> BDAT 6 LAST\r\nNOOP\r\nMAIL FROM:<>\r\n
        S: 554 5.5.1 *
        S: 250 2.1.0 *
    """)


async def test_a_mail_of_chunks_over_the_limit(serve: Serve) -> None:
    """552 for the chunk that is too much and for all behind it; nothing is kept; the session goes on."""
    receiver = await serve(max_message_bytes=10)
    client = await receiver.hello()
    await client.follow(BEGIN)
    await client.follow(r"""
        C> BDAT 8\r\n12345678BDAT 3\r\n123BDAT 1\r\n1BDAT 1 LAST\r\n1NOOP\r\n
        S: 250 2.0.0 *
        S: 552 5.3.4 *
        S: 552 5.3.4 *
        S: 552 5.3.4 *
        S: 250 2.0.0 *
    """)
    await client.follow(BEGIN + r"    C> BDAT 10 LAST\r\n1234567890" + "\n    S: 250 2.0.0 *")
    assert receiver.octets == [b"1234567890"]


@pytest.mark.parametrize("argument", ["", "x", "-1", "1 FIRST", "1LAST", "999999999999999999999", "1 LAST LAST"])
async def test_a_chunk_of_unknown_size_ends_the_session(receiver: Receiver, argument: str) -> None:
    """What follows cannot be told from commands."""
    client = await receiver.hello()
    await client.follow(BEGIN + f"    C: BDAT {argument}\n    S: 501 5.5.4 *\n    EOF")


async def test_a_chunk_far_over_the_limit_ends_the_session(receiver: Receiver) -> None:
    """Nobody waits for an exabyte to be skipped."""
    client = await receiver.hello()
    await client.follow(BEGIN + "    C: BDAT 99999999999999999999\n    S: 552 5.3.4 *\n    EOF")
