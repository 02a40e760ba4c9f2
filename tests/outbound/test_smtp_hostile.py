"""Servers that want to fill our memory, keep us for ever, or make us believe what is not so."""

import asyncio
from dataclasses import replace

import pytest

from daimon.mail import reply_reader
from daimon.outbound import smtp
from daimon.outbound.smtp import Stage

from .scripted import ENVELOPE, ENVELOPE_HEARD, IN_CLEAR, MESSAGE, QUICK, ScriptedHost, deliver, speak

NO_GOODBYE = replace(QUICK, quit=0.05)


class Flood:
    """Says the same for ever, as fast as it is heard, or octet by octet; counts what it could say."""

    def __init__(self, octets: bytes, *, slowly: bool = False) -> None:
        self._octets, self._slowly = octets, slowly
        self.said = 0

    async def __aenter__(self) -> "Flood":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address, self.port = self._server.sockets[0].getsockname()[:2]
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        async with asyncio.timeout(10):
            await self._over  # the client has hung up, which ends the flood

    async def _serve(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                writer.write(self._octets)
                self.said += len(self._octets)
                await writer.drain()
                await asyncio.sleep(0.001 if self._slowly else 0)
        except OSError:
            pass
        finally:
            writer.transport.abort()
            self._over.set_result(None)


async def refused_by(flood: Flood, timeouts: smtp.Timeouts = QUICK) -> smtp.SmtpFailure:
    async with flood:
        with pytest.raises(smtp.SmtpFailure) as caught:
            await speak(flood, timeouts=timeouts)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"220-welcome\r\n" * 1000, "lines"),
        (b"2" * 65_536, "octets"),
        (b"220-" + b"x" * 65_536, "octets"),
        (b"\0" * 65_536, "octets"),
        (b"\r\n" * 1000, "no reply"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no reply: SSH-2.0-OpenSSH_9.2"),
        (b"\x16\x03\x01\r\n\xff\xfe\r\n", "no reply"),
        (b"HTTP/1.1 400 Bad Request\r\n", "no reply"),
        (b"999 hello\r\n", "no reply"),
        (b"220_hello\r\n", "no reply"),
    ],
)
async def test_floods(octets: bytes, why: str) -> None:
    """Whatever goes on without end, or is none of our tongue, is heard no longer than a reply may be."""
    flood = Flood(octets)
    failure = await refused_by(flood)
    assert isinstance(failure, smtp.ProtocolBroken)
    assert why in failure.reason
    assert failure.reason.isprintable()


async def test_an_octet_now_and_then() -> None:
    """A stage has one deadline, which no octet moves."""
    failure = await refused_by(Flood(b"2", slowly=True), replace(QUICK, greeting=0.05))
    assert isinstance(failure, smtp.Stalled)
    assert failure.stage is Stage.GREETING


async def test_a_goodbye_that_never_comes() -> None:
    """Closing has its time, too."""
    async with ScriptedHost.playing(IN_CLEAR + "C: QUIT\nS> 221-by") as host:
        await (await speak(host, timeouts=NO_GOODBYE)).close()


@pytest.mark.parametrize("junk", ["550 5.7.1 no\\r\\n", "250 ok\\r\\n", "25", "\\0", "what\\r\\n"])
async def test_what_nobody_asked_for(junk: str) -> None:
    """A reply too many would be taken for the answer to what comes next."""
    first = IN_CLEAR.replace("S: 250 ENHANCEDSTATUSCODES", f"S> 250 ENHANCEDSTATUSCODES\\r\\n{junk}")
    async with ScriptedHost.playing(first) as host:
        connection = await speak(host)
        assert not connection.usable
        with pytest.raises(smtp.ProtocolBroken):
            await connection.send(ENVELOPE, MESSAGE, may_finish=lambda: pytest.fail("never"))
    assert host.rest == b""


async def test_a_greeting_that_answers_ahead() -> None:
    """Nothing is said to a server that has answered already."""
    async with ScriptedHost.playing("S> 220 mx\\r\\n250-mx\\r\\n250 STARTTLS\\r\\n") as host:
        with pytest.raises(smtp.ProtocolBroken):
            await speak(host)
    assert host.rest == b""


@pytest.mark.parametrize("reply", ["354 go", "334 what", "250-x\nS: 399 y"])
async def test_an_answer_to_another_question(reply: str) -> None:
    """Neither yes nor no."""
    async with ScriptedHost.playing(IN_CLEAR + f"C: MAIL*\nS: {reply}") as host:
        with pytest.raises(smtp.ProtocolBroken):
            await deliver(host)


async def test_data_that_is_just_agreed_to() -> None:
    """250 instead of 354: it is not known what the server waits for."""
    async with ScriptedHost.playing(IN_CLEAR + ENVELOPE_HEARD.replace("354", "250")) as host:
        with pytest.raises(smtp.ProtocolBroken) as caught:
            await deliver(host)
    assert caught.value.stage is Stage.DATA


async def test_a_text_is_fit_to_be_kept() -> None:
    """Any octets come out as valid Unicode on one line, of bounded length."""
    said = (
        "S> 550-5.7.1 \\xff\\xfe\\0\\x1b[31m\\r\\n550-5.7.1 caf\\xc3\\xa9\\rx\\r\\n550 5.7.1 " + "y" * 4000 + "\\r\\n"
    )
    async with ScriptedHost.playing(IN_CLEAR + "C: MAIL*\n" + said + "\nS: 503 no\nS: 503 no") as host:
        sent = await deliver(host, timeouts=NO_GOODBYE)
    text = sent.outcomes[0].reply.text
    assert "café x yyy" in text
    assert text.isprintable()
    assert len(text) == reply_reader.TEXT_CHARS
    text.encode()
