"""What a message needs of a server, and what is done to its octets."""

import pytest

from daimon.mail.envelope import Envelope
from daimon.outbound.smtp import Stage

from .scripted import ENVELOPE, ENVELOPE_HEARD, IN_CLEAR, ScriptedHost, deliver

BYE = "\nC: QUIT\nS: 221 bye"


def offering(*extensions: str) -> str:
    return (
        "S: 220 mx\nC: EHLO us.test\nS: 250-mx\n" + "".join(f"S: 250-{each}\n" for each in extensions) + "S: 250 HELP\n"
    )


async def test_parameters_are_told_where_they_are_known() -> None:
    """RFC 1870, RFC 6152, RFC 6531."""
    transcript = (
        offering("SIZE", "8BITMIME", "SMTPUTF8", "PIPELINING")
        + """
        C: MAIL FROM:<ä@example.org> SIZE=17 BODY=8BITMIME SMTPUTF8
        C: RCPT TO:<ö@example.com>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 354 go
        BODY
        S: 250 kept
    """
    )
    async with ScriptedHost.playing(transcript + BYE) as host:
        sent = await deliver(host, Envelope("ä@example.org", ("ö@example.com",), True), "Subject: ü\r\n\r\n\n".encode())
    assert sent.delivered


async def test_the_null_reverse_path() -> None:
    """RFC 5321 §4.5.5."""
    heard = ENVELOPE_HEARD.replace("<a@example.org>", "<>")
    async with ScriptedHost.playing(IN_CLEAR + heard + "BODY\nS: 250 kept" + BYE) as host:
        assert (await deliver(host, Envelope(None, ("b@example.com",)))).delivered


@pytest.mark.parametrize(
    ("extensions", "envelope", "message", "code"),
    [
        (["SIZE 100"], ENVELOPE, b"x" * 99 + b"\r\n", "5.3.4"),
        (["SMTPUTF8"], ENVELOPE, "ü".encode(), "5.6.3"),
        (["8BITMIME"], Envelope("a@example.org", ("b@example.com",), True), b"x", "5.6.7"),
        (["8BITMIME"], Envelope("ä@example.org", ("b@example.com",)), b"x", "5.6.7"),
        ([], Envelope("a@example.org>\r\nRSET", ("b@example.com",)), b"x", "5.1.7"),
        ([], Envelope("a@example.org", ("b@example.com> NOTIFY=NEVER",)), b"x", "5.1.3"),
        ([], Envelope("a@example.org", ("b@example.com>\r\nQUIT",)), b"x", "5.1.3"),
        ([], Envelope("a@example.org", ("ö@example.com",)), b"x", "5.6.7"),
    ],
)
async def test_what_needs_no_asking(extensions: list[str], envelope: Envelope, message: bytes, code: str) -> None:
    """Too large, 8-bit, international, unwritable: refused for ever, and nothing was said to the server."""
    async with ScriptedHost.playing(offering(*extensions) + BYE) as host:
        sent = await deliver(host, envelope, message)
    (outcome,) = sent.outcomes
    assert (outcome.stage, outcome.reply.enhanced_status) == (Stage.LOCAL, code)
    assert 550 <= outcome.reply.code <= 559


async def test_one_who_cannot_be_written_does_not_stand_in_the_way() -> None:
    """The others are asked about."""
    envelope = Envelope("a@example.org", ("nonsense", "b@example.com", "ö@example.com"))
    async with ScriptedHost.playing(IN_CLEAR + ENVELOPE_HEARD + "BODY\nS: 250 kept" + BYE) as host:
        sent = await deliver(host, envelope)
    assert [each.stage for each in sent.outcomes] == [Stage.LOCAL, Stage.FINAL_DOT, Stage.LOCAL]


async def test_a_limit_of_nothing_is_no_limit() -> None:
    """RFC 1870 §4: `SIZE 0`, and SIZE alone."""
    for said in ("SIZE 0", "SIZE", "SIZE lots", "SIZE 99999999999999999999999"):
        transcript = offering(said, "PIPELINING") + ENVELOPE_HEARD.replace("org>", "org> SIZE=20") + "BODY\nS: 250 kept"
        async with ScriptedHost.playing(transcript + BYE) as host:
            assert (await deliver(host)).delivered


async def test_text_cannot_end_the_message() -> None:
    """Bare line ends around a dot would end it for some servers, and what follows would be commands of the writer."""
    message = b"x\n.\nMAIL FROM:<evil@example.org>\r.\rx\r\n.\r\n.\n.\r"
    async with ScriptedHost.playing(IN_CLEAR + ENVELOPE_HEARD + "BODY\nS: 250 kept" + BYE) as host:
        assert (await deliver(host, message=message)).delivered
    assert host.bodies == [b"x\r\n..\r\nMAIL FROM:<evil@example.org>\r\n..\r\nx\r\n..\r\n..\r\n..\r\n.\r\n"]


async def test_a_large_message_arrives_whole() -> None:
    """In pieces, as the server takes it."""
    transcript = IN_CLEAR + ENVELOPE_HEARD + "BODY\nS: 250 kept" + BYE
    lines = (b"." + b"z" * 76 + b"\r\n") * 12_000
    async with ScriptedHost.playing(transcript) as host:
        assert (await deliver(host, message=lines)).delivered
    assert host.bodies == [lines.replace(b"\r\n.", b"\r\n..").replace(b".", b"..", 1) + b".\r\n"]
