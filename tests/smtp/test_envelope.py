"""MAIL and RCPT: paths, parameters, and whom a mail reaches."""

import asyncio

import pytest

from .conftest import Receiver, Serve

DATA = """
    C: DATA
    S: 354 *
    C: text
    C: .
    S: 250 2.0.0 *
"""


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("FROM:<>", "250 2.1.0 *"),
        ("from:<a@example.org>", "250 2.1.0 *"),
        ("FROM: <a@example.org> ", "250 2.1.0 *"),
        ("FROM:<@relay.example,@other.example:a@example.org>", "250 2.1.0 *"),
        ('FROM:<"a b@c>d"@example.org>', "250 2.1.0 *"),
        ("FROM:<a@[192.0.2.1]>", "250 2.1.0 *"),
        ("FROM:<a@[IPv6:2001:db8::1]>", "250 2.1.0 *"),
        ("FROM:<a@xn--bcher-kva.example>", "250 2.1.0 *"),
        ("FROM:<jörg@bücher.example> SMTPUTF8", "250 2.1.0 *"),
        ("FROM:<jörg@bücher.example>", "553 5.6.7 *"),
        ("FROM:<a@example.org> SIZE=100 BODY=8BITMIME SMTPUTF8", "250 2.1.0 *"),
        ("FROM:<a@example.org> size=0 body=7bit", "250 2.1.0 *"),
        ("FROM:<a@example.org> SIZE=3145728", "250 2.1.0 *"),
        ("FROM:<a@example.org> SIZE=3145729", "552 5.3.4 *"),
        ("FROM:<a@example.org> SIZE=99999999999999999999", "552 5.3.4 *"),
        ("FROM:<a@example.org> SIZE=999999999999999999999", "501 5.5.4 *"),
        ("FROM:<a@example.org> SIZE=-1", "501 5.5.4 *"),
        ("FROM:<a@example.org> SIZE=¹", "501 5.5.4 *"),
        ("FROM:<a@example.org> SIZE", "501 5.5.4 *"),
        ("FROM:<a@example.org> SIZE=1 SIZE=2", "501 5.5.4 *"),
        ("FROM:<a@example.org> BODY=BINARYMIME", "501 5.5.4 *"),
        ("FROM:<a@example.org> SMTPUTF8=yes", "501 5.5.4 *"),
        ("FROM:<a@example.org> RET=HDRS", "555 5.5.4 *"),
        ("FROM:<a@example.org> AUTH=<>", "555 5.5.4 *"),
        ("FROM:<a@example.org> =", "501 5.5.4 *"),
        ("FROM:<a@example.org>SIZE=1", "501 5.5.4 *"),
        ("FROM:a@example.org", "501 5.5.4 *"),
        ("FROM:<a@example.org", "501 5.5.4 *"),
        ("<a@example.org>", "501 5.5.4 *"),
        ("", "501 5.5.4 *"),
        ("FROM:<a@my_host.example>", "250 2.1.0 *"),
        ("FROM:<a>", "501 5.1.7 *"),
        ("FROM:<a@b@>", "501 5.1.7 *"),
        ("FROM:<a..b@example.org>", "501 5.1.7 *"),
        ("FROM:<" + "a" * 65 + "@example.org>", "501 5.1.7 *"),
        ("FROM:<a@" + "b." * 150 + "org>", "501 5.1.7 *"),
    ],
)
async def test_reverse_path(receiver: Receiver, argument: str, reply: str) -> None:
    """RFC 5321 §4.1.1.2, RFC 1870, RFC 6152, RFC 6531."""
    client = await receiver.hello()
    await client.follow(f"C: MAIL {argument}\nS: {reply}\nC: NOOP\nS: 250 *")


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("TO:<x@daimon.email>", "250 2.1.5 *"),
        ("to: <X+tag@Daimon.Email>", "250 2.1.5 *"),
        ("TO:<@relay.example:x@daimon.email>", "250 2.1.5 *"),
        ('TO:<"x"@daimon.email>', "250 2.1.5 *"),
        ("TO:<postmaster@daimon.email>", "250 2.1.5 *"),
        ("TO:<Postmaster>", "250 2.1.5 *"),
        ("TO:<nobody@daimon.email>", "550 5.1.1 *"),
        ("TO:<gone@daimon.email>", "550 5.1.6 *"),
        ("TO:<off@daimon.email>", "550 5.2.1 *"),
        ("TO:<x@example.org>", "550 5.7.1 *"),
        ("TO:<x@my_host.daimon.email>", "550 5.7.1 *"),
        ("TO:<x%example.org@daimon.example>", "550 5.7.1 *"),
        ("TO:<x@[127.0.0.1]>", "550 5.7.1 *"),
        ("TO:<jörg@daimon.email>", "553 5.6.7 *"),
        ("TO:<x>", "501 5.1.3 *"),
        ("TO:<>", "501 5.1.3 *"),
        ("TO:<x y@daimon.email>", "501 5.5.4 *"),
        ("TO:x@daimon.email", "501 5.5.4 *"),
        ("TO:<x@daimon.email> NOTIFY=NEVER", "555 5.5.4 *"),
        ("TO:<x@daimon.email> ORCPT=rfc822;x@daimon.email", "555 5.5.4 *"),
        ("TO:<bug@daimon.email>", "451 4.3.0 Local error; nothing was kept, try again"),
    ],
)
async def test_forward_path(receiver: Receiver, argument: str, reply: str) -> None:
    """RFC 5321 §4.1.1.3; relaying is never done."""
    client = await receiver.hello()
    await client.follow(f"C: MAIL FROM:<a@example.org>\nS: 250 *\nC: RCPT {argument}\nS: {reply}\nC: NOOP\nS: 250 *")


async def test_envelope_is_handed_over_as_written(receiver: Receiver) -> None:
    """The null reverse-path is None; `<postmaster>` alone is the service domain's; SMTPUTF8 is told."""
    client = await receiver.hello()
    await client.follow("C: MAIL FROM:<>\nS: 250 *\nC: RCPT TO:<Postmaster>\nS: 250 *" + DATA)
    await client.follow("C: MAIL FROM:<ö@ü.example> SMTPUTF8\nS: 250 *\nC: RCPT TO:<ä@daimon.email>\nS: 250 *" + DATA)
    dsn, international = receiver.acceptor.mails
    assert dsn.envelope.mail_from is None
    assert dsn.envelope.rcpt_to == ("Postmaster@daimon.email",)
    assert not dsn.envelope.smtputf8
    assert international.envelope.mail_from == "ö@ü.example"
    assert international.envelope.rcpt_to == ("ä@daimon.email",)
    assert international.envelope.smtputf8


async def test_one_inbox_gets_one_copy(receiver: Receiver) -> None:
    """Twice the same address, or two sub-addresses, are answered 250 each and handed over once."""
    client = await receiver.hello()
    await client.follow(
        """
        C: MAIL FROM:<a@example.org>
        C: RCPT TO:<x@daimon.email>
        C: RCPT TO:<X+tag@daimon.email>
        C: RCPT TO:<y@daimon.email>
        C: RCPT TO:<x@daimon.email>
        S: 250 2.1.0 *
        S: 250 2.1.5 *
        S: 250 2.1.5 *
        S: 250 2.1.5 *
        S: 250 2.1.5 *
        """
        + DATA
    )
    (mail,) = receiver.acceptor.mails
    assert mail.envelope.rcpt_to == ("x@daimon.email", "y@daimon.email")
    assert [recipient.address for recipient in mail.recipients] == ["x@daimon.email", "y@daimon.email"]


async def test_the_hundred_and_first_recipient_is_put_off(receiver: Receiver) -> None:
    """RFC 5321 §4.5.3.1.10: 452, and the mail goes to the hundred. A refused one does not count."""
    client = await receiver.hello()
    rcpts = "\n".join(f"C: RCPT TO:<x{n}@daimon.email>" for n in range(101))
    replies = "S: 250 2.1.5 *\n" * 100 + "S: 452 4.5.3 *"
    await client.follow(
        f"C: MAIL FROM:<>\nC: RCPT TO:<nobody@daimon.email>\n{rcpts}\nS: 250 *\nS: 550 5.1.1 *\n{replies}"
    )
    await client.follow(DATA)
    (mail,) = receiver.acceptor.mails
    assert len(mail.recipients) == 100


async def test_pipelined_recipients_are_looked_up_side_by_side(receiver: Receiver) -> None:
    """Fifty look-ups cost the time of one, and their replies keep the order of the commands."""
    client = await receiver.hello()
    directory = receiver.directory
    directory.gate.clear()
    directory.wanted_at_once = 50
    names = ["nobody" if n % 7 == 0 else f"x{n}" for n in range(50)]
    await client.send(b"MAIL FROM:<>\r\n" + b"".join(f"RCPT TO:<{n}@daimon.email>\r\n".encode() for n in names))
    await client.send(b"RCPT TO:junk\r\nNOOP\r\n")
    await asyncio.wait_for(directory.all_here.wait(), 10)
    directory.gate.set()
    await client.follow("S: 250 2.1.0 *")
    for name in names:
        await client.follow("S: 550 5.1.1 *" if name == "nobody" else "S: 250 2.1.5 *")
    await client.follow("S: 501 5.5.4 *\nS: 250 2.0.0 *")


async def test_too_many_unknown_recipients_end_the_session(serve: Serve) -> None:
    """Addresses cannot be harvested by guessing."""
    receiver = await serve(max_errors=3)
    client = await receiver.hello()
    await client.follow("C: MAIL FROM:<>\nS: 250 *")
    await client.send(b"RCPT TO:<nobody@daimon.email>\r\n" * 10)
    await client.follow("S: 550 5.1.1 *\nS: 550 5.1.1 *\nS: 550 5.1.1 *\nS: 421 4.7.0 *\nEOF")
