"""Greeting, EHLO, HELO and AUTH, with hosts that are not glad to see us."""

import os
import socket
from dataclasses import replace

import pytest

from daimon.mail.reply_reader import Reply
from daimon.outbound import smtp
from daimon.outbound.smtp import Stage

from .scripted import IN_CLEAR, QUICK, ScriptedHost, deliver, speak

SHORT = replace(QUICK, connect=0.2, greeting=0.2, command=0.2)


async def failing(*transcripts: str, timeouts: smtp.Timeouts = QUICK) -> smtp.SmtpFailure:
    """Return why no connection came about."""
    async with ScriptedHost.playing(*transcripts) as host:
        with pytest.raises(smtp.SmtpFailure) as caught:
            await speak(host, timeouts=timeouts)
    return caught.value


async def test_what_the_server_offers_is_known() -> None:
    """In any case of letters, with parameters."""
    transcript = """
        S: 220-mx.test
        S: 220 welcome
        C: EHLO us.test
        S: 250-mx.test greets us.test
        S: 250-size 1000000
        S: 250-Pipelining
        S: 250 AUTH PLAIN
        C: QUIT
        S: 221 bye
    """
    async with ScriptedHost.playing(transcript) as host:
        connection = await speak(host)
        assert connection.usable
        assert connection.terms.esmtp.max_size == 1_000_000
        assert "PIPELINING" in connection.terms.esmtp
        assert "CHUNKING" not in connection.terms.esmtp
        await connection.close()
        assert not connection.usable


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6() and not os.environ.get("CI"), reason="there is no IPv6 on this machine's loopback")
async def test_over_ipv6() -> None:
    """An address is an address."""
    transcript = IN_CLEAR + "C: QUIT\nS: 221 bye"
    async with ScriptedHost.playing(transcript, address="::1") as host:
        await (await speak(host)).close()


async def test_nobody_is_there() -> None:
    """The port is closed."""
    async with ScriptedHost.playing("") as host:
        pass
    with pytest.raises(smtp.ConnectFailed) as caught:
        await speak(host)
    assert (caught.value.stage, caught.value.reply) == (Stage.CONNECT, None)


async def test_nobody_answers_the_knock() -> None:
    """A host whose queue of connections is full drops what comes: it takes as long as it may, and no longer."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        host = ScriptedHost.playing("")
        host.port = full.getsockname()[1]
        with pytest.raises(smtp.ConnectFailed) as caught:
            await speak(host, timeouts=SHORT)
    assert "0.2 s" in caught.value.reason


async def test_turned_away_at_the_door() -> None:
    """The reply says why."""
    failure = await failing("S: 554 5.7.1 we do not know you")
    assert isinstance(failure, smtp.Refused)
    assert failure.stage is Stage.GREETING
    assert failure.reply == Reply(554, "5.7.1", "we do not know you")


async def test_busy_at_the_door() -> None:
    """421, and the line is dropped."""
    failure = await failing("S: 421 4.3.2 too many connections\nDROP")
    assert isinstance(failure, smtp.Refused)
    assert failure.reply == Reply(421, "4.3.2", "too many connections")


async def test_helo_where_ehlo_is_not_known() -> None:
    """RFC 5321 §3.2; nothing is offered then."""
    transcript = """
        S: 220 old.test
        C: EHLO us.test
        S: 502 command not implemented
        C: HELO us.test
        S: 250 old.test
        C: MAIL FROM:<a@example.org>
        S: 250 ok
        C: RCPT TO:<b@example.com>
        S: 250 ok
        C: DATA
        S: 354 go
        BODY
        S: 250 ok
        C: QUIT
        S: 221 bye
    """
    async with ScriptedHost.playing(transcript) as host:
        assert (await deliver(host)).delivered


@pytest.mark.parametrize(
    "then", ["C: HELO us.test\nS: 550 5.7.1 still not", "DROP", "C: HELO us.test\nDROP", "C: HELO us.test\nRESET"]
)
async def test_not_wanted_by_name(then: str) -> None:
    """A refusal of EHLO that is meant so is told as one, even if the host hangs up."""
    failure = await failing(f"S: 220 mx\nC: EHLO us.test\nS: 550 5.7.1 not you\n{then}")
    assert isinstance(failure, smtp.Refused)
    assert failure.reply
    assert (failure.stage, failure.reply.code, failure.reply.enhanced_status) == (Stage.EHLO, 550, "5.7.1")


async def test_not_now() -> None:
    """A 4xx to EHLO is no reason to try HELO."""
    failure = await failing("S: 220 mx\nC: EHLO us.test\nS: 451 4.7.1 later")
    assert isinstance(failure, smtp.Refused)
    assert failure.reply == Reply(451, "4.7.1", "later")


@pytest.mark.parametrize(
    ("transcript", "stage"),
    [
        ("", Stage.GREETING),
        ("S> 220", Stage.GREETING),
        ("S: 220-mx", Stage.GREETING),
        ("S: 220 mx\nC: EHLO us.test", Stage.EHLO),
        ("S: 220 mx\nC: EHLO us.test\nS: 500 what\nC: HELO us.test", Stage.EHLO),
    ],
)
async def test_silence(transcript: str, stage: Stage) -> None:
    """Each stage has its time, whole, and then it is over."""
    failure = await failing(transcript, timeouts=SHORT)
    assert isinstance(failure, smtp.Stalled)
    assert (failure.stage, failure.reply) == (stage, None)


@pytest.mark.parametrize("end", ["DROP", "RESET"])
@pytest.mark.parametrize(("transcript", "stage"), [("", Stage.GREETING), ("S: 220 mx\nC: EHLO us.test", Stage.EHLO)])
async def test_hung_up(transcript: str, stage: Stage, end: str) -> None:
    """Closed or reset in the middle."""
    failure = await failing(f"{transcript}\n{end}")
    assert isinstance(failure, smtp.Disconnected)
    assert failure.stage is stage


async def test_no_password_in_clear_text() -> None:
    """Whether TLS is offered or not, and whatever else is demanded of it."""
    for transcript in (IN_CLEAR, "S: 220 mx\nC: EHLO us.test\nS: 250-mx\nS: 250 AUTH PLAIN LOGIN"):
        async with ScriptedHost.playing(transcript) as host:
            with pytest.raises(smtp.TlsFailed) as caught:
                await speak(host, credentials=smtp.Credentials("agent", "secret"))
            assert caught.value.stage is Stage.AUTH
            assert (host.connections, host.rest) == (1, b"")


def test_a_password_is_not_shown() -> None:
    """Not in a log, by mistake."""
    assert "secret" not in repr(smtp.Credentials("agent", "secret"))
