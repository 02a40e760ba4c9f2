"""STARTTLS: what is demanded is had, or nothing is sent; else TLS is tried, and clear text is better than nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from daimon.outbound import smtp
from daimon.outbound.smtp import Stage

from .authority import Issued
from .scripted import (
    ENVELOPE,
    ENVELOPE_HEARD,
    IN_CLEAR,
    MESSAGE,
    OFFERS_TLS,
    QUICK,
    ROOT,
    ScriptedHost,
    opportunistic,
    serving,
    speak,
    verifying,
)

SHORT = replace(QUICK, command=0.3, tls=0.3)
UNDER_TLS = "S: 220 go\nTLS\nC: EHLO us.test\nS: 250-mx.test\nS: 250 PIPELINING"
SENDS = IN_CLEAR + ENVELOPE_HEARD + "BODY\nS: 250 2.0.0 kept\nC: QUIT\nS: 221 bye"

BAD = {
    "of another name": (ROOT.issue("x", "other.test"), "Hostname mismatch"),
    "expired": (ROOT.issue("x", "mx.test", days=-1), "expired"),
    "of a stranger": (Issued.root("Stranger").issue("x", "mx.test"), "unable to get local issuer"),
    "self-made": (Issued.root("mx.test"), "self-signed"),
}


async def sent_over(connection: smtp.Connection) -> bool:
    sent = await connection.send(ENVELOPE, MESSAGE, may_finish=lambda: True)
    await connection.close()
    return sent.delivered


async def test_a_message_under_tls(tmp_path: Path) -> None:
    """EHLO is said again, and what was offered before counts no more (RFC 3207 §4.2)."""
    transcript = OFFERS_TLS.replace("250 STARTTLS", "250-SIZE 10\nS: 250 STARTTLS") + UNDER_TLS
    transcript += ENVELOPE_HEARD + "BODY\nS: 250 2.0.0 kept\nC: QUIT\nS: 221 bye"
    async with ScriptedHost.playing(transcript, tls=serving(tmp_path)) as host:
        connection = await speak(host, verifying(tmp_path))
        assert connection.terms.tls_version in ("TLSv1.2", "TLSv1.3")
        assert connection.terms.cipher
        assert connection.terms.tls_failure is None
        assert connection.terms.esmtp.max_size is None
        assert await sent_over(connection)
    assert host.bodies == [b"Subject: x\r\n\r\n..dot\r\n.\r\n"]


@pytest.mark.parametrize("certificate", BAD)
async def test_a_bad_certificate_is_refused_where_it_matters(tmp_path: Path, certificate: str) -> None:
    """Nothing is said after the handshake, and there is no second try in clear text."""
    leaf, why = BAD[certificate]
    async with ScriptedHost.playing(OFFERS_TLS + UNDER_TLS, tls=serving(tmp_path, leaf)) as host:
        with pytest.raises(smtp.TlsFailed) as caught:
            await speak(host, verifying(tmp_path))
    assert caught.value.stage is Stage.STARTTLS
    assert why in caught.value.reason
    assert host.connections == 1


async def test_a_bad_certificate_hides_more_than_none(tmp_path: Path) -> None:
    """Where nothing is demanded, any will do."""
    async with ScriptedHost.playing(OFFERS_TLS + UNDER_TLS, tls=serving(tmp_path, BAD["expired"][0])) as host:
        connection = await speak(host)
        assert connection.terms.tls_version
        connection.abort()


async def test_what_the_check_says_counts(tmp_path: Path) -> None:
    """DANE judges after the handshake; where TLS is not required, it is not asked."""
    demand = replace(opportunistic(), check=lambda tls: f"{tls.version()[:3]} of somebody else")  # type: ignore[index]
    async with ScriptedHost.playing(OFFERS_TLS + UNDER_TLS, tls=serving(tmp_path)) as host:
        with pytest.raises(smtp.TlsFailed) as caught:
            await speak(host, replace(demand, required=True))
        assert caught.value.reason == "TLS of somebody else"
        assert host.connections == 1
        (await speak(host, demand)).abort()


@pytest.mark.parametrize(
    "transcript",
    [
        IN_CLEAR,
        "S: 220 mx\nC: EHLO us.test\nS: 502 what\nC: HELO us.test\nS: 250 mx",
        OFFERS_TLS + "S: 454 4.7.0 TLS not available",
        OFFERS_TLS + "S: 501 5.5.4 no",
        OFFERS_TLS + "S: 421 4.3.0 bye",
        OFFERS_TLS + "DROP",
        OFFERS_TLS,
        OFFERS_TLS + "S: 220 go\nDROP",
        OFFERS_TLS + "S: 220 go\nRESET",
        OFFERS_TLS + "S: 220 go",
        OFFERS_TLS + "S: 220 go\nC: *\nS: 500 what",
    ],
)
async def test_required_and_not_to_be_had(tmp_path: Path, transcript: str) -> None:
    """Not offered, refused, dropped, hung, or no TLS at all: never clear text."""
    async with ScriptedHost.playing(transcript) as host:
        with pytest.raises(smtp.TlsFailed):
            await speak(host, verifying(tmp_path), timeouts=SHORT)
    assert host.connections == 1
    assert b"MAIL" not in host.rest


async def test_not_offered_and_not_required() -> None:
    """Clear text, over the same connection, which says so."""
    async with ScriptedHost.playing(SENDS) as host:
        connection = await speak(host)
        assert (connection.terms.tls_version, connection.terms.tls_failure) == (None, "STARTTLS is not offered")
        assert await sent_over(connection)


async def test_offered_and_refused() -> None:
    """454: the dialogue goes on as it was."""
    refuses = OFFERS_TLS.replace("250-mx.test", "250-mx.test\nS: 250-PIPELINING") + "S: 454 4.7.0 TLS not available"
    async with ScriptedHost.playing(refuses + ENVELOPE_HEARD + "BODY\nS: 250 ok\nC: QUIT\nS: 221 bye") as host:
        connection = await speak(host)
        assert connection.terms.tls_failure == "STARTTLS was answered 454 4.7.0 TLS not available"
        assert await sent_over(connection)
    assert host.connections == 1


@pytest.mark.parametrize(
    "first",
    ["S: 220 go\nDROP", "S: 220 go\nRESET", "S: 220 go", "S: 220 go\nC: *\nS: 500 what", "DROP", "", "S: 421 bye"],
)
async def test_a_handshake_that_fails(first: str) -> None:
    """One more connection, in clear text, which knows why."""
    async with ScriptedHost.playing(OFFERS_TLS + first, SENDS) as host:
        connection = await speak(host, timeouts=SHORT)
        assert connection.terms.tls_version is None
        assert connection.terms.tls_failure
        assert await sent_over(connection)
    assert host.connections == 2


async def test_no_protocol_in_common(tmp_path: Path) -> None:
    """A host whose TLS is too old for us counts as one without."""
    context = serving(tmp_path)
    context.set_ciphers("AES128-SHA")
    context.maximum_version = context.minimum_version
    async with ScriptedHost.playing(OFFERS_TLS + "S: 220 go\nTLS", SENDS, tls=context) as host:
        assert await sent_over(await speak(host))


@pytest.mark.parametrize("smuggled", ["250 2.0.0 kept\\r\\n", "250-mx\\r\\n", "2", "\\r\\n"])
async def test_what_was_said_before_the_handshake_is_not_believed(tmp_path: Path, smuggled: str) -> None:
    """Octets behind the consent would be read as if TLS vouched for them; such a host gets nothing at all."""
    for demand in (opportunistic(), verifying(tmp_path)):
        async with ScriptedHost.playing(OFFERS_TLS + f"S> 220 go\\r\\n{smuggled}", tls=serving(tmp_path)) as host:
            with pytest.raises(smtp.ProtocolBroken) as caught:
                await speak(host, demand)
            assert caught.value.stage is Stage.STARTTLS
        assert (host.connections, host.rest) == (1, b"")
