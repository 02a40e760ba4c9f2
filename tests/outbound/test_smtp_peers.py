"""Messages to real servers: Postfix, OpenSMTPD, and Postfix's test server with its faults."""

import asyncio
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

import peers
from daimon.mail.envelope import Envelope
from daimon.outbound import smtp
from daimon.outbound.smtp import Stage
from daimon.outbound.tls import TlsDemand
from peers import DEFERRED, PASSWORD, REFUSED, USER, Peer, Received

from .authority import Issued
from .scripted import NAME, QUICK, ROOT, opportunistic, verifying

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 and not os.environ.get("CI"), reason="only root can install and run mail servers"
)
TO = ("b@example.com", "c@example.com")
HEAD = b"From: a@example.org\r\nDate: Fri, 27 Nov 2026 13:00:00 +0000\r\nMessage-ID: <1@example.org>\r\nSubject: x\r\n"
BODIES = {
    "plain": b"Hello\r\n",
    "dots": b".\r\n..\r\n.x\r\nx.\r\n\r\n.\r\n",
    "empty": b"",
    "8-bit": "größer\r\n".encode(),
    "long lines": b"x" * 990 + b"\r\n." + b"y" * 990 + b"\r\n",
    "large": (b"." + b"z" * 75 + b"\r\n") * 50_000,
}
MESSAGES = {name: HEAD + b"\r\n" + body for name, body in BODIES.items()}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ROOT.issue("x", NAME).save(tmp_path_factory.mktemp("certificate") / "leaf.pem")


@pytest.fixture(scope="module")
def postfix(certificate: Path) -> Iterator[Peer]:
    with peers.postfix(certificate=certificate) as peer:
        yield peer


@pytest.fixture(scope="module")
def opensmtpd() -> Iterator[Peer]:
    with peers.second_server() as peer:
        yield peer


async def connect(
    peer: Peer, demand: TlsDemand | None = None, credentials: smtp.Credentials | None = None
) -> smtp.Connection:
    return await smtp.connect(
        "127.0.0.1",
        peer.port,
        demand=demand or opportunistic(),
        helo="us.test",
        timeouts=QUICK,
        credentials=credentials,
    )


async def deliver(
    peer: Peer, *messages: bytes, to: tuple[str, ...] = TO, demand: TlsDemand | None = None
) -> list[smtp.Sent]:
    """Send messages over one connection."""
    connection = await connect(peer, demand)
    try:
        return [
            await connection.send(Envelope("a@example.org", to), each, may_finish=lambda: True) for each in messages
        ]
    finally:
        await connection.close()


def fresh(peer: Peer, before: list[Received]) -> list[Received]:
    return [each for each in peer.mails() if each not in before]


@pytest.mark.parametrize("server", ["postfix", "opensmtpd"])
async def test_octet_for_octet(server: str, request: pytest.FixtureRequest) -> None:
    """What is sent is what arrives, for all recipients: dots, 8-bit text, long lines, megabytes."""
    peer: Peer = request.getfixturevalue(server)
    before = peer.mails()
    sent = await deliver(peer, *MESSAGES.values())
    assert all(outcome.delivered for each in sent for outcome in each.outcomes)
    arrived = fresh(peer, before)
    assert {each.octets for each in arrived} == set(MESSAGES.values())
    assert {(each.mail_from, tuple(sorted(each.rcpt_to))) for each in arrived} == {("a@example.org", TO)}


async def test_tls_with_postfix(postfix: Peer, tmp_path: Path) -> None:
    """Under a certificate that is checked."""
    connection = await connect(postfix, verifying(tmp_path))
    assert connection.terms.tls_version == "TLSv1.3"
    sent = await connection.send(Envelope(None, TO), MESSAGES["large"], may_finish=lambda: True)
    assert sent.delivered
    await connection.close()


async def test_postfix_is_somebody_else(postfix: Peer, tmp_path: Path) -> None:
    """Its certificate is of an authority that is not ours."""
    demand = verifying(tmp_path)
    Issued.root("Another").save(tmp_path / "root.pem")

    stranger = TlsDemand(True, ssl.create_default_context(cafile=str(tmp_path / "root.pem")), NAME, demand.check)
    with pytest.raises(smtp.TlsFailed):
        await connect(postfix, stranger)


async def test_postfix_refuses_some(postfix: Peer) -> None:
    """Each recipient has his own answer."""
    before = postfix.mails()
    (sent,) = await deliver(postfix, MESSAGES["plain"], to=("b@example.com", REFUSED, DEFERRED))
    told = [(each.stage, each.reply.code, each.reply.enhanced_status) for each in sent.outcomes]
    assert told == [(Stage.FINAL_DOT, 250, "2.0.0"), (Stage.RCPT, 550, "5.1.1"), (Stage.RCPT, 452, "4.2.2")]
    assert [each.rcpt_to for each in fresh(postfix, before)] == [("b@example.com",)]


async def test_postfix_refuses_all_and_takes_the_next(postfix: Peer) -> None:
    """After a transaction that came to nothing."""
    connection = await connect(postfix)
    nobody, somebody = (Envelope("a@example.org", (each,)) for each in (REFUSED, "b@example.com"))
    for envelope, delivered in ((nobody, False), (somebody, True), (nobody, False), (somebody, True)):
        sent = await connection.send(envelope, MESSAGES["plain"], may_finish=lambda: True)
        assert sent.delivered is delivered
    await connection.close()


async def test_international_addresses(postfix: Peer, opensmtpd: Peer) -> None:
    """Postfix knows SMTPUTF8; OpenSMTPD does not, and is not asked."""
    before = postfix.mails()
    message = HEAD + "To: ö@example.com\r\n\r\nx\r\n".encode()
    for peer, delivered in ((postfix, True), (opensmtpd, False)):
        connection = await connect(peer)
        envelope = Envelope("ä@example.org", ("ö@example.com",), True)
        sent = await connection.send(envelope, message, may_finish=lambda: True)
        assert sent.delivered is delivered
        await connection.close()
    arrived = fresh(postfix, before)
    assert arrived == [Received("ä@example.org", ("ö@example.com",), message)]


async def test_a_message_that_is_abandoned_does_not_arrive(postfix: Peer, opensmtpd: Peer) -> None:
    """The connection is closed before the end of the message: RFC 5321 §4.1.1.4, it is not delivered."""
    for peer in (postfix, opensmtpd):
        before = peer.mails()
        connection = await connect(peer)
        with pytest.raises(smtp.Abandoned):
            await connection.send(Envelope("a@example.org", TO), MESSAGES["large"], may_finish=lambda: False)
        assert (await deliver(peer, MESSAGES["plain"]))[0].delivered
        assert {each.octets for each in fresh(peer, before)} <= {MESSAGES["plain"]}


def test_a_server_whose_tls_is_broken(certificate: Path) -> None:
    """It gets the message in clear text, or none if that is not good enough."""

    async def both(peer: Peer) -> None:
        connection = await connect(peer)
        assert connection.terms.tls_failure
        assert (
            await connection.send(Envelope("a@example.org", TO), MESSAGES["plain"], may_finish=lambda: True)
        ).delivered
        await connection.close()
        with pytest.raises(smtp.TlsFailed):
            await connect(peer, verifying(certificate.parent))

    with peers.second_server(certificate=certificate) as peer:
        asyncio.run(both(peer))


def test_a_relay_that_wants_a_password(certificate: Path) -> None:
    """AUTH under TLS, in the loop that serves; a wrong password is told as what it is."""

    async def with_password(peer: Peer, password: str) -> bool:
        connection = await connect(peer, verifying(certificate.parent), smtp.Credentials(USER, password))
        sent = await connection.send(Envelope("a@example.org", TO), MESSAGES["large"], may_finish=lambda: True)
        await connection.close()
        return sent.delivered

    with peers.postfix(certificate=certificate, authenticated=True) as peer:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            assert runner.run(with_password(peer, PASSWORD))
        with pytest.raises(smtp.Refused) as caught:
            asyncio.run(with_password(peer, "wrong"))
    assert caught.value.reply
    assert (caught.value.stage, caught.value.reply.code) == (Stage.AUTH, 535)


FAULTS = {
    "-f RCPT": (Stage.RCPT, 500),
    "-r RCPT": (Stage.RCPT, 450),
    "-f MAIL": (Stage.MAIL, 500),
    "-r MAIL": (Stage.MAIL, 450),
    "-f DATA": (Stage.DATA, 500),
    "-f .": (Stage.FINAL_DOT, 500),
    "-r .": (Stage.FINAL_DOT, 450),
    "-Q RCPT": (Stage.RCPT, 421),
    "-Q .": (Stage.FINAL_DOT, 421),
    "-q MAIL": smtp.Disconnected,
    "-q RCPT": smtp.Disconnected,
    "-q DATA": smtp.Disconnected,
    "-q .": smtp.Ambiguous,
    "-f CONNECT": smtp.Refused,
    "-q CONNECT": smtp.Disconnected,
    "-r EHLO": smtp.Refused,
    "-q EHLO": smtp.Disconnected,
    "-f EHLO": (Stage.FINAL_DOT, 250),
    "-e": (Stage.FINAL_DOT, 250),
    "-p": (Stage.FINAL_DOT, 250),
    "-q QUIT": (Stage.FINAL_DOT, 250),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_faults(fault: str) -> None:
    """Refused, told to come later, or hung up on, at each command."""
    expected = FAULTS[fault]
    with peers.smtp_sink(*fault.split()) as peer:
        if isinstance(expected, tuple):
            (sent,) = await deliver(peer, MESSAGES["plain"])
            assert {(each.stage, each.reply.code) for each in sent.outcomes} == {expected}
        else:
            with pytest.raises(expected):
                await deliver(peer, MESSAGES["plain"])
