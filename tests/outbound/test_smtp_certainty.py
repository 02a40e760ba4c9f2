"""Whatever a server says, and wherever it stops: a failure that claims that nobody has the message is right."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from daimon.mail.envelope import Envelope
from daimon.outbound import smtp

from .scripted import HASTY, opportunistic

MESSAGE = b"Subject: x\r\n\r\n.dot\r\n"
WHOLE = b"Subject: x\r\n\r\n..dot\r\n.\r\n"
TWO = Envelope("a@example.org", ("b@example.com", "c@example.com"))
SAID = [
    b"220 mx\r\n",
    b"250 ok\r\n",
    b"250-mx\r\n250 PIPELINING\r\n",
    b"250-mx\r\n250-STARTTLS\r\n250 SIZE 10\r\n",
    b"354 go\r\n",
    b"250 ok\r\n" * 3 + b"354 go\r\n",
    b"250 ok\r\n550 5.1.1 no\r\n550 5.1.1 no\r\n354 go\r\n",
    b"451 later\r\n",
    b"550-5.7.1 no\r\n550 5.7.1 never\r\n",
    b"421 bye\r\n",
    b"250-",
    b"334 what\r\n",
    b"junk\r\n",
    b"\0\xff\n",
    b"",
]
OPENING = [b"220 mx\r\n", b"250-mx\r\n250 PIPELINING\r\n"]
ENVELOPE = [b"250 ok\r\n" * 3 + b"354 go\r\n"]


async def played(said: list[bytes]) -> tuple[bytes, smtp.Sent | smtp.SmtpFailure]:
    """Let a server say one of these whenever it hears something, and then hang up; return what it heard."""
    heard = bytearray()
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for octets in said:
                writer.write(octets)
                if not (octets := await reader.read(65_536)):
                    break
                heard.extend(octets)
            writer.close()
        except OSError:
            pass
        finally:
            writer.transport.abort()
            over.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        result = await _delivered(server.sockets[0].getsockname()[1])
        await over.wait()
    finally:
        server.close()
    return bytes(heard), result


async def _delivered(port: int) -> smtp.Sent | smtp.SmtpFailure:
    try:
        connection = await smtp.connect("127.0.0.1", port, demand=opportunistic(), helo="us.test", timeouts=HASTY)
    except smtp.SmtpFailure as failure:
        return failure
    try:
        return await connection.send(TWO, MESSAGE, may_finish=lambda: True)
    except smtp.SmtpFailure as failure:
        return failure
    finally:
        await connection.close()


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([[], OPENING, OPENING + ENVELOPE]), st.lists(st.sampled_from(SAID), max_size=8))
def test_certainty(well: list[bytes], said: list[bytes]) -> None:
    """The message is delivered, refused or ambiguous if the server heard its end, and never if it did not."""
    heard, result = asyncio.run(played(well + said))
    if isinstance(result, smtp.Sent) and result.delivered:
        assert WHOLE in heard
    if WHOLE in heard:
        final = smtp.Stage.FINAL_DOT
        ended = isinstance(result, smtp.Sent) and any(each.stage is final for each in result.outcomes)
        assert ended or isinstance(result, smtp.Ambiguous)
