"""The dialogue of RFC 5321, command by command."""

import pytest

from .conftest import Receiver, Serve, Transcript

ENVELOPE = """
    C: MAIL FROM:<a@example.org>
    C: RCPT TO:<x@daimon.email>
    S: 250 2.1.0 *
    S: 250 2.1.5 *
"""


async def test_a_mail_is_received(receiver: Receiver, transcript: Transcript) -> None:
    """From greeting to QUIT; envelope, octets and peer are handed over."""
    await transcript("""
        S: 220 mx.daimon.email ESMTP *
        C: EHLO client.example
        S: 250-mx.daimon.email | *
        C: MAIL FROM:<a@example.org>
        S: 250 2.1.0 *
        C: RCPT TO:<X+Tag@daimon.email>
        S: 250 2.1.5 *
        C: DATA
        S: 354 *
        C: Subject: hello
        C:
        C: ..a stuffed dot
        C: .
        S: 250 2.0.0 *
        C: QUIT
        S: 221 2.0.0 *
        EOF
    """)
    (mail,) = receiver.acceptor.mails
    assert mail.envelope.mail_from == "a@example.org"
    assert mail.envelope.rcpt_to == ("X+Tag@daimon.email",)
    assert mail.octets == b"Subject: hello\r\n\r\n.a stuffed dot\r\n"
    assert [r.address for r in mail.recipients] == ["X+Tag@daimon.email"]
    assert (mail.peer.ip, mail.peer.helo, mail.peer.tls) == ("127.0.0.1", "client.example", False)
    assert mail.received_at.tzinfo is not None


async def test_ehlo_lists_the_extensions(transcript: Transcript) -> None:
    """RFC 5321 §4.1.1.1: one keyword a line; STARTTLS as long as TLS is off."""
    await transcript("""
        S: 220 *
        C: EHLO client.example
        S: 250-mx.daimon.email | 250-PIPELINING | 250-SIZE 3145728 | 250-8BITMIME | 250-SMTPUTF8 | 250-CHUNKING | 250-STARTTLS | 250-ENHANCEDSTATUSCODES | 250 HELP
        C: helo client.example
        S: 250 mx.daimon.email
    """)  # noqa: E501


async def test_a_whole_session_in_one_write(receiver: Receiver, transcript: Transcript) -> None:
    """RFC 2920: replies come in the order of the commands, however they are sent."""
    await transcript("""
        C: EHLO client.example
        C: MAIL FROM:<a@example.org>
        C: RCPT TO:<nobody@daimon.email>
        C: RCPT TO:<x@daimon.email>
        C: DATA
        C: one
        C: .
        C: MAIL FROM:<>
        C: RCPT TO:<y@daimon.email>
        C: DATA
        C: two
        C: .
        C: QUIT
        SHUT
        S: 220 *
        S: 250-*
        S: 250 2.1.0 *
        S: 550 5.1.1 *
        S: 250 2.1.5 *
        S: 354 *
        S: 250 2.0.0 *
        S: 250 2.1.0 *
        S: 250 2.1.5 *
        S: 354 *
        S: 250 2.0.0 *
        S: 221 2.0.0 *
        EOF
    """)
    assert receiver.octets == [b"one\r\n", b"two\r\n"]
    assert [mail.envelope.mail_from for mail in receiver.acceptor.mails] == ["a@example.org", None]


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("NOOP", "250 2.0.0 *"),
        ("noop with words", "250 2.0.0 *"),
        ("RSET", "250 2.0.0 *"),
        ("RSET now", "501 5.5.4 *"),
        ("HELP", "214-2.0.0 * | 214 2.0.0 *"),
        ("VRFY x", "252 2.0.0 *"),
        ("VRFY nobody", "252 2.0.0 *"),
        ("EXPN staff", "502 5.7.0 *"),
        ("AUTH PLAIN AGEAYg==", "502 5.5.1 * submission port 2587"),
        ("EHLO", "501 5.5.4 *"),
        ("EHLO two words", "501 5.5.4 *"),
        ("HELO", "501 5.5.4 *"),
        ("DATA", "503 5.5.1 *"),
        ("RCPT TO:<x@daimon.email>", "503 5.5.1 *"),
        ("XYZZY", "500 5.5.1 *"),
        ("", "500 5.5.1 *"),
        ("MAILFROM:<a@example.org>", "500 5.5.1 *"),
        ("STARTTLS now", "501 5.5.4 *"),
    ],
)
async def test_a_command_and_its_reply(receiver: Receiver, command: str, reply: str) -> None:
    """The session goes on after each of them."""
    client = await receiver.hello()
    await client.follow(f"C: {command}\nS: {reply}\nC: NOOP\nS: 250 2.0.0 *")


async def test_mail_needs_a_name(transcript: Transcript) -> None:
    """RFC 5321 §4.1.4: EHLO or HELO comes first."""
    await transcript("S: 220 *\nC: MAIL FROM:<a@example.org>\nS: 503 5.5.1 *")


async def test_rset_and_ehlo_drop_the_mail(receiver: Receiver) -> None:
    """RFC 5321 §4.1.1.5 and §4.1.4."""
    client = await receiver.hello()
    for drop, reply in (("RSET", "250 2.0.0 *"), ("EHLO again.example", "250-*")):
        await client.follow(ENVELOPE + f"    C: {drop}\n    S: {reply}\n    C: DATA\n    S: 503 5.5.1 *")
    await client.follow(ENVELOPE + "    C: MAIL FROM:<b@example.org>\n    S: 503 5.5.1 *")
    assert receiver.octets == []


async def test_data_without_recipients_is_refused(receiver: Receiver) -> None:
    """RFC 5321 §3.3: 554 when no RCPT was accepted."""
    client = await receiver.hello()
    await client.follow("""
        C: MAIL FROM:<a@example.org>
        C: RCPT TO:<nobody@daimon.email>
        C: DATA
        S: 250 2.1.0 *
        S: 550 5.1.1 *
        S: 554 5.5.1 *
    """)


async def test_other_protocols_are_shown_the_door(transcript: Transcript) -> None:
    """A browser that was tricked into posting to us gets no further than its first line."""
    await transcript("""
        S: 220 *
        C: POST / HTTP/1.1
        C: Host: mx.daimon.email
        C: EHLO evil.example
        S: 500 5.5.1 *
        EOF
    """)


async def test_a_bare_line_end_in_a_command_closes(receiver: Receiver) -> None:
    """RFC 5321 §2.3.8: two readers could disagree on what the next command is."""
    for octets, name in (
        (r"NOOP\n", "<LF>"),
        (r"NOOP\rRSET\r\n", "<CR>"),
        (r"NOOP\r\nRSET\n", "<LF>"),
        (r"\n", "<LF>"),
    ):
        client = await receiver.hello()
        before = "S: 250 2.0.0 *\n" if octets.startswith(r"NOOP\r\n") else ""
        await client.follow(f"C> {octets}\n{before}S: 500 5.5.2 Bare {name} *\nEOF")


async def test_control_characters_and_broken_utf8_are_refused(receiver: Receiver) -> None:
    """No NUL or escape sequence gets as far as a log or the database."""
    client = await receiver.hello()
    for octets in (r"NOOP \x00\r\n", r"EHLO \x1b[2J\r\n", r"MAIL FROM:<\xff@example.org>\r\n", r"NOOP \xc2\x85\r\n"):
        await client.follow(f"C> {octets}\nS: 500 5.5.2 *")


async def test_a_long_command_is_refused_once(serve: Serve) -> None:
    """The rest of the line is skipped and the session goes on; a line without end closes."""
    receiver = await serve(max_command=4096, max_line=20_000)
    client = await receiver.hello()
    await client.follow(f"C: NOOP {'x' * 10_000}\nC: NOOP\nS: 500 5.5.2 *\nS: 250 2.0.0 *")
    await client.follow(f"C: NOOP {'x' * 4089}\nS: 250 2.0.0 *\nC: NOOP {'x' * 4090}\nS: 500 5.5.2 *")
    await client.follow(f"C: NOOP {'x' * 30_000}\nS: 500 5.5.2 *\nS: 500 5.5.2 *\nEOF")
