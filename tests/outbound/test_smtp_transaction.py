"""One message and its recipients: what each of them is told, and what is certain when it breaks off."""

import asyncio
from dataclasses import replace

import pytest

from daimon.mail.reply_reader import Reply
from daimon.outbound import smtp
from daimon.outbound.smtp import Outcome, Stage

from .scripted import ENVELOPE, ENVELOPE_HEARD, IN_CLEAR, MESSAGE, QUICK, THREE, ScriptedHost, deliver, speak

SHORT = replace(QUICK, command=0.3, content=0.1, octets_per_second=10**9, final_dot=0.1)
NO_GOODBYE = replace(QUICK, quit=0.05)
ONE_BY_ONE = "S: 220 mx\nC: EHLO us.test\nS: 250 mx\n"
THREE_HEARD = """
    C: MAIL FROM:<a@example.org>
    C: RCPT TO:<b@example.com>
    C: RCPT TO:<c@example.com>
    C: RCPT TO:<d@example.com>
    C: DATA
"""
BYE = "\nC: QUIT\nS: 221 bye"
LARGE = b"Subject: x\r\n\r\n" + b"x" * 998 + b"\r\n" + b"y" * 16_000_000 + b"\r\n"


async def failing(
    transcript: str, *, message: bytes = MESSAGE, timeouts: smtp.Timeouts = QUICK, may_finish: bool = True
) -> smtp.SmtpFailure:
    """Return why a message did not go."""
    async with ScriptedHost.playing(transcript) as host:
        connection = await speak(host, timeouts=timeouts)
        with pytest.raises(smtp.SmtpFailure) as caught:
            await connection.send(ENVELOPE, message, may_finish=lambda: may_finish)
        assert not connection.usable
        assert connection.mails_sent == 0
    return caught.value


async def test_all_in_one_write_where_the_server_may_be_told_so() -> None:
    """RFC 2920: the envelope leaves at once, and the message when it is asked for."""
    async with ScriptedHost.playing(IN_CLEAR + ENVELOPE_HEARD + "BODY\nS: 250 2.0.0 kept as 1" + BYE) as host:
        sent = await deliver(host)
    assert sent.outcomes == (Outcome(Stage.FINAL_DOT, Reply(250, "2.0.0", "kept as 1")),)
    assert sent.delivered
    assert host.bodies == [b"Subject: x\r\n\r\n..dot\r\n.\r\n"]


async def test_one_by_one_where_not() -> None:
    """Each command waits for the reply to that before."""
    transcript = """
        C: MAIL FROM:<a@example.org>
        S: 250 ok
        C: RCPT TO:<b@example.com>
        S: 251 will forward
        C: DATA
        S: 354 go
        BODY
        S: 250 kept
    """
    async with ScriptedHost.playing(ONE_BY_ONE + transcript + BYE) as host:
        assert (await deliver(host)).delivered


async def test_one_message_after_another() -> None:
    """Over one connection, which counts them."""
    once = ENVELOPE_HEARD + "BODY\nS: 250 kept\n"
    async with ScriptedHost.playing(IN_CLEAR + once * 3 + BYE) as host:
        connection = await speak(host)
        for number in range(3):
            assert connection.usable
            assert connection.mails_sent == number
            await connection.send(ENVELOPE, MESSAGE, may_finish=lambda: True)
        await connection.close()


async def test_some_are_refused() -> None:
    """Each recipient has his own answer, in the order of the envelope."""
    answers = """
        S: 250 2.1.0 ok
        S: 550-5.1.1 no such
        S: 550 5.1.1 mailbox
        S: 250 2.1.5 ok
        S: 452 4.2.2 full
        S: 354 go
        BODY
        S: 250 2.0.0 kept
    """
    async with ScriptedHost.playing(IN_CLEAR + THREE_HEARD + answers + BYE) as host:
        sent = await deliver(host, THREE)
    assert [(each.stage, each.delivered) for each in sent.outcomes] == [
        (Stage.RCPT, False),
        (Stage.FINAL_DOT, True),
        (Stage.RCPT, False),
    ]
    assert sent.outcomes[0].reply == Reply(550, "5.1.1", "no such mailbox")
    assert sent.outcomes[2].reply.code == 452


@pytest.mark.parametrize("data", ["S: 554 5.5.1 no valid recipients", "S: 354 go\nC: .\nS: 554 5.5.1 no recipients"])
async def test_all_are_refused(data: str) -> None:
    """A server that asks for the message all the same gets a lone dot; the next message begins with RSET."""
    once = THREE_HEARD + "S: 250 ok\n" + "S: 550 5.1.1 no\n" * 3 + data
    again = "\nC: RSET" + ENVELOPE_HEARD.replace("S: 250 2.1.0", "S: 250 reset\nS: 250 2.1.0", 1) + "BODY\nS: 250 kept"
    async with ScriptedHost.playing(IN_CLEAR + once + again + BYE) as host:
        connection = await speak(host)
        refused = await connection.send(THREE, MESSAGE, may_finish=lambda: pytest.fail("nobody wants it"))
        assert {(each.stage, each.reply.code) for each in refused.outcomes} == {(Stage.RCPT, 550)}
        assert (await connection.send(ENVELOPE, MESSAGE, may_finish=lambda: True)).delivered
        await connection.close()


async def test_all_are_refused_one_by_one() -> None:
    """DATA is not said, and after the refusal of MAIL no RCPT either."""
    recipients = "".join(f"C: RCPT TO:<{name}@example.com>\nS: 550 5.1.1 no\n" for name in "bcd")
    first = "C: MAIL FROM:<a@example.org>\nS: 250 ok\n" + recipients
    second = "C: RSET\nS: 250 ok\nC: MAIL FROM:<a@example.org>\nS: 451 4.7.1 later\n"
    async with ScriptedHost.playing(ONE_BY_ONE + first + second + BYE) as host:
        connection = await speak(host)
        sent = await connection.send(THREE, MESSAGE, may_finish=lambda: True)
        assert {(each.stage, each.reply.code) for each in sent.outcomes} == {(Stage.RCPT, 550)}
        sent = await connection.send(THREE, MESSAGE, may_finish=lambda: True)
        assert {(each.stage, each.reply.code) for each in sent.outcomes} == {(Stage.MAIL, 451)}
        await connection.close()


async def test_the_sender_is_refused() -> None:
    """All recipients hear the reply to MAIL, not what follows from it."""
    answers = "S: 550 5.7.1 not you\n" + "S: 503 5.5.1 need MAIL\n" * 4
    async with ScriptedHost.playing(IN_CLEAR + THREE_HEARD + answers + BYE) as host:
        sent = await deliver(host, THREE)
    assert {(each.stage, each.reply) for each in sent.outcomes} == {(Stage.MAIL, Reply(550, "5.7.1", "not you"))}


async def test_data_is_refused() -> None:
    """Those who were not refused before hear that."""
    answers = "S: 250 ok\nS: 250 ok\nS: 550 5.1.1 no\nS: 250 ok\nS: 451 4.3.0 disk full"
    async with ScriptedHost.playing(IN_CLEAR + THREE_HEARD + answers + BYE) as host:
        sent = await deliver(host, THREE)
    assert [(each.stage, each.reply.code) for each in sent.outcomes] == [
        (Stage.DATA, 451),
        (Stage.RCPT, 550),
        (Stage.DATA, 451),
    ]


@pytest.mark.parametrize("code", ["451 4.7.1 greylisted", "554 5.7.1 spam", "421 4.3.2 shutting down"])
async def test_the_message_is_refused(code: str) -> None:
    """A 4xx or 5xx to the last dot is an answer: nobody has it."""
    async with ScriptedHost.playing(IN_CLEAR + ENVELOPE_HEARD + f"BODY\nS: {code}") as host:
        sent = await deliver(host, timeouts=NO_GOODBYE)
    assert not sent.delivered
    assert str(sent.outcomes[0].reply) == code
    assert sent.outcomes[0].stage is Stage.FINAL_DOT


@pytest.mark.parametrize(
    ("before", "stage"),
    [
        ("", Stage.MAIL),
        ("S: 250 ok\n", Stage.RCPT),
        ("S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 250 ok\n", Stage.DATA),
    ],
)
async def test_421_at_any_time(before: str, stage: Stage) -> None:
    """RFC 5321 §3.8: all who have no answer yet have that one, and the connection is over."""
    async with ScriptedHost.playing(IN_CLEAR + THREE_HEARD + before + "S: 421 4.3.2 bye\nDROP") as host:
        connection = await speak(host)
        sent = await connection.send(THREE, MESSAGE, may_finish=lambda: True)
        assert {each.stage for each in sent.outcomes} == {stage}
        assert {each.reply.code for each in sent.outcomes} == {421}
        assert not connection.usable


async def test_421_between_messages() -> None:
    """The server hung up while nothing was asked: nothing was lost, and a new connection is to be made."""
    once = ENVELOPE_HEARD + "BODY\nS> 250 kept\\r\\n421 4.4.2 idle for too long\\r\\n\n"
    async with ScriptedHost.playing(IN_CLEAR + once + "DROP") as host:
        connection = await speak(host)
        assert (await connection.send(ENVELOPE, MESSAGE, may_finish=lambda: True)).delivered
        assert not connection.usable
        with pytest.raises(smtp.Disconnected) as caught:
            await connection.send(ENVELOPE, MESSAGE, may_finish=lambda: True)
        assert caught.value.reply
        assert caught.value.reply.code == 421


@pytest.mark.parametrize("end", ["DROP", "RESET"])
@pytest.mark.parametrize(
    ("transcript", "stage"),
    [
        ("C: MAIL*", Stage.MAIL),
        ("C: MAIL*\nS: 250 ok", Stage.RCPT),
        ("C: MAIL*\nS: 250 ok\nS: 250 ok", Stage.DATA),
    ],
)
async def test_hung_up_before_the_message(transcript: str, stage: Stage, end: str) -> None:
    """It is certain that nobody has it."""
    failure = await failing(f"{IN_CLEAR}{transcript}\n{end}")
    assert isinstance(failure, smtp.Disconnected)
    assert failure.stage is stage


@pytest.mark.parametrize("end", ["DROP", "RESET"])
async def test_hung_up_in_the_middle_of_the_message(end: str) -> None:
    """The end was not written: nobody has it."""
    failure = await failing(IN_CLEAR + ENVELOPE_HEARD + f"C: Subject: x\n{end}", message=LARGE)
    assert isinstance(failure, smtp.Disconnected)
    assert failure.stage is Stage.CONTENT


@pytest.mark.parametrize("end", ["DROP", "RESET", "", "S> 250 2.0.0 ke", "S: 250-2.0.0 kept", "S: kept", "S: 354 more"])
async def test_nothing_is_certain_after_the_end_of_the_message(end: str) -> None:
    """Hung up, silent, half a reply, none at all: it may be kept, it may be not."""
    failure = await failing(IN_CLEAR + ENVELOPE_HEARD + f"BODY\n{end}", timeouts=SHORT)
    assert isinstance(failure, smtp.Ambiguous)
    assert failure.stage is Stage.FINAL_DOT


async def test_who_was_refused_before_stays_refused() -> None:
    """What is not certain is so for those who were accepted."""
    answers = "S: 250 ok\nS: 250 ok\nS: 550 5.1.1 no\nS: 250 ok\nS: 354 go\nBODY\nDROP"
    async with ScriptedHost.playing(IN_CLEAR + THREE_HEARD + answers) as host:
        with pytest.raises(smtp.Ambiguous) as caught:
            await deliver(host, THREE)
    assert caught.value.refused == {"c@example.com": Outcome(Stage.RCPT, Reply(550, "5.1.1", "no"))}


@pytest.mark.parametrize("message", [MESSAGE, LARGE])
async def test_the_sender_may_think_better_of_it(message: bytes) -> None:
    """Asked right before the end of the message, he says no: the end is not written."""
    async with ScriptedHost.playing(IN_CLEAR + ENVELOPE_HEARD) as host:
        connection = await speak(host)
        with pytest.raises(smtp.Abandoned):
            await connection.send(ENVELOPE, message, may_finish=lambda: False)
        assert not connection.usable
    assert not host.rest.endswith(b"\r\n.\r\n")


@pytest.mark.parametrize(
    ("transcript", "stage"),
    [
        ("C: MAIL*", Stage.MAIL),
        ("C: MAIL*\nS: 250 ok", Stage.RCPT),
        ("C: MAIL*\nS: 250 ok\nS: 250 ok", Stage.DATA),
    ],
)
async def test_silence(transcript: str, stage: Stage) -> None:
    """Each reply of the envelope has its time."""
    failure = await failing(IN_CLEAR + transcript, timeouts=SHORT)
    assert isinstance(failure, smtp.Stalled)
    assert failure.stage is stage


async def test_an_envelope_has_its_time() -> None:
    """However many recipients there are, each of whom has his own."""
    failure = await failing(IN_CLEAR + "C: MAIL*\nS: 250 ok", timeouts=replace(QUICK, envelope=0.1))
    assert isinstance(failure, smtp.Stalled)


async def test_a_server_that_reads_no_more() -> None:
    """A message has its time, which grows with it."""
    failure = await failing(IN_CLEAR + ENVELOPE_HEARD + "DEAF", message=LARGE, timeouts=SHORT)
    assert isinstance(failure, smtp.Stalled)
    assert failure.stage is Stage.CONTENT


@pytest.mark.parametrize("reply", ["552 5.3.4 too much", "421 4.4.2 too slow"])
async def test_a_server_that_has_heard_enough(reply: str) -> None:
    """A refusal in the middle of the message counts, and the rest is not sent: it would be taken for commands."""
    transcript = IN_CLEAR + ENVELOPE_HEARD + f"C: Subject: x\nS: {reply}"
    async with ScriptedHost.playing(transcript) as host:
        connection = await speak(host)
        sent = await connection.send(ENVELOPE, LARGE, may_finish=lambda: pytest.fail("it is refused"))
        assert str(sent.outcomes[0].reply) == reply
        assert sent.outcomes[0].stage is Stage.CONTENT
        assert not connection.usable
    assert not host.rest.endswith(b"\r\n.\r\n")


@pytest.mark.parametrize("message", [MESSAGE, LARGE])
async def test_a_yes_that_comes_too_early(message: bytes) -> None:
    """Nothing was ended yet: whatever the server thinks that it has, it is not the message."""
    early = ENVELOPE_HEARD.replace("S: 354 go", "S> 354 go\\r\\n250 2.0.0 kept\\r\\n")
    failure = await failing(IN_CLEAR + early, message=message)
    assert isinstance(failure, smtp.ProtocolBroken)
    assert failure.stage is Stage.CONTENT


async def test_a_message_that_is_stopped_from_outside() -> None:
    """A cancelled send leaves no connection that others could use."""
    async with ScriptedHost.playing(IN_CLEAR + "C: MAIL*") as host:
        connection = await speak(host)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await connection.send(ENVELOPE, MESSAGE, may_finish=lambda: True)
        assert not connection.usable
