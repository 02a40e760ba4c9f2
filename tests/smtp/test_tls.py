"""STARTTLS (RFC 3207), and the certificates for it."""

import contextlib
import ssl
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from daimon.kit.clock import utc_now
from daimon.smtpd import tls

from .conftest import Receiver, Serve


async def test_a_mail_over_tls(receiver: Receiver) -> None:
    """What was said in the clear is forgotten; the peer is marked as having used TLS."""
    client = await receiver.hello()
    await client.follow("""
        C: MAIL FROM:<a@example.org>
        S: 250 2.1.0 *
        C: STARTTLS
        S: 220 2.0.0 *
        TLS
        C: MAIL FROM:<a@example.org>
        S: 503 5.5.1 Send EHLO *
        C: EHLO client.example
        S: 250-mx.daimon.email | 250-PIPELINING | 250-SIZE 3145728 | 250-8BITMIME | 250-SMTPUTF8 | 250-CHUNKING | 250-ENHANCEDSTATUSCODES | 250 HELP
        C: STARTTLS
        S: 503 5.5.1 *
        C: MAIL FROM:<a@example.org>
        C: RCPT TO:<x@daimon.email>
        C: DATA
        S: 250 *
        S: 250 *
        S: 354 *
        C: over TLS
        C: .
        C: QUIT
        S: 250 2.0.0 *
        S: 221 *
        EOF
    """)  # noqa: E501
    (mail,) = receiver.acceptor.mails
    assert mail.peer.tls
    assert mail.octets == b"over TLS\r\n"


async def test_tls_from_the_first_octet(serve: Serve) -> None:
    """RFC 8314 §3.3: the greeting, too, comes inside TLS, and none is offered again."""
    receiver = await serve(implicit_tls=True)
    client = await receiver.connect()
    await client.follow("""
        TLS
        S: 220 mx.daimon.email ESMTP *
        C: EHLO client.example
        S: 250-mx.daimon.email | 250-PIPELINING | 250-SIZE 3145728 | 250-8BITMIME | 250-SMTPUTF8 | 250-CHUNKING | 250-ENHANCEDSTATUSCODES | 250 HELP
        C: QUIT
        S: 221 *
        EOF
    """)  # noqa: E501


async def test_octets_in_the_clear_are_no_handshake(serve: Serve) -> None:
    """They are cut off, and their place is free again; nobody shakes hands in more places than there are."""
    receiver = await serve(implicit_tls=True, max_connections=1)
    silent = await receiver.connect()
    await (await receiver.connect()).follow("EOF")
    await silent.follow("C: EHLO client.example")
    with contextlib.suppress(ConnectionResetError):
        await silent.reader.read()
    await (await receiver.connect()).follow("TLS\nS: 220 *")


async def test_nothing_sent_before_the_handshake_is_heard(receiver: Receiver) -> None:
    """CVE-2011-0411: commands slipped in behind STARTTLS are not run inside TLS."""
    client = await receiver.hello()
    await client.follow("""
        C: STARTTLS
        C: EHLO injected.example
        C: MAIL FROM:<injected@example.org>
        S: 220 2.0.0 *
        TLS
        C: RSET
        S: 250 2.0.0 *
        C: MAIL FROM:<a@example.org>
        S: 503 5.5.1 Send EHLO *
    """)


async def test_a_failed_handshake_costs_only_its_connection(receiver: Receiver) -> None:
    """A client that talks on in the clear is cut off; the server goes on."""
    client = await receiver.hello()
    await client.follow("C: STARTTLS\nS: 220 2.0.0 *\nC: EHLO client.example")
    await client.reader.read()
    assert client.reader.at_eof()
    await receiver.hello()


async def test_an_error_inside_tls_is_told_before_the_end(serve: Serve) -> None:
    """The last words reach the client there too."""
    receiver = await serve(max_errors=1)
    client = await receiver.hello()
    await client.follow("C: STARTTLS\nS: 220 *\nTLS\nC: XYZZY\nS: 500 5.5.1 *\nS: 421 4.7.0 *")


async def test_without_a_certificate_starttls_is_not_offered(serve: Serve) -> None:
    """And refused when asked for."""
    receiver = await serve(tls=None)
    client = await receiver.connect()
    await client.follow("S: 220 *\nC: EHLO x\nS: 250-* | 250-CHUNKING | 250-ENHANCEDSTATUSCODES | 250 HELP")
    await client.follow("C: STARTTLS\nS: 502 5.5.1 *")


def test_the_self_made_certificate_is_kept(tmp_path: Path) -> None:
    """Made once, readable by its owner alone, and for the server's name."""
    tls.self_made(tmp_path, hostname="mx.daimon.email", now=utc_now())
    (file,) = tmp_path.iterdir()
    pem = file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["mx.daimon.email"]
    tls.self_made(tmp_path, hostname="mx.daimon.email", now=utc_now())
    assert file.read_bytes() == pem


@pytest.mark.parametrize("spoil", ["another name", "nearly over", "garbage"])
def test_the_self_made_certificate_is_renewed(tmp_path: Path, spoil: str) -> None:
    """When the name changes, when it runs out, and when the file is no certificate."""
    now = utc_now()
    tls.self_made(tmp_path, hostname="mx.daimon.email", now=now)
    (file,) = tmp_path.iterdir()
    pem = file.read_bytes()
    if spoil == "garbage":
        file.write_bytes(b"garbage")
    later = now + timedelta(days=3640) if spoil == "nearly over" else now
    tls.self_made(tmp_path, hostname="mx.example" if spoil == "another name" else "mx.daimon.email", now=later)
    assert file.read_bytes() not in (pem, b"garbage")
    assert list(tmp_path.iterdir()) == [file]


def test_a_configured_certificate_is_used(tmp_path: Path) -> None:
    """And a file that is none is an error at once, not at the first handshake."""
    tls.self_made(tmp_path, hostname="mx.daimon.email", now=utc_now())
    (file,) = tmp_path.iterdir()
    assert tls.configured(file, file).minimum_version is ssl.TLSVersion.TLSv1_2
    with pytest.raises(OSError, match="No such file"):
        tls.configured(tmp_path / "missing.pem", file)
