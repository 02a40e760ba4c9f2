"""Who a mail comes from, on a whole server: by SMTP from a public address, asked of a real DNS, read by the client."""

import asyncio
import smtplib
import socket
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from chains import sealed
from daimon.mail.dkim_signing import Algorithm, generate, load, record, sign
from daimon_email import AsyncDaimonClient
from serving import FREE_PORTS, Serving
from zones import ZoneServer

KEY = load("example.com", "s1", generate(Algorithm.RSA))
LIST = load("list.example", "s2", generate(Algorithm.RSA))
MAIL = b"From: a@example.com\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nSubject: %s\r\n\r\nHello\r\n"
THEIRS, NOBODYS = "93.184.215.14", "93.184.215.15"


class Proxied(smtplib.SMTP):
    """A client whose address a proxy tells."""

    def __init__(self, port: int, address: str) -> None:
        self._address = address
        super().__init__("127.0.0.1", port, timeout=30)

    def _get_socket(self, *parameters: object) -> socket.socket:
        made: socket.socket = super()._get_socket(*parameters)  # type: ignore[misc]
        ends = socket.inet_aton(self._address) + socket.inet_aton("127.0.0.1") + struct.pack("!HH", 25, 25)
        made.sendall(b"\r\n\r\n\x00\r\nQUIT\n\x21\x11" + struct.pack("!H", len(ends)) + ends)
        return made


def _send(port: int, address: str, to: str, octets: bytes) -> None:
    with Proxied(port, address) as smtp:
        smtp.sendmail("a@example.com", [to], octets)


def _signed(octets: bytes) -> bytes:
    return sign(octets, [KEY], at=datetime.now(UTC)) + octets


def _listed(octets: bytes) -> bytes:
    """Return a mail as a mailing list passes it on: changed, and sealed."""
    return sealed(_signed(octets) + b"-- \r\nThe list\r\n", [LIST])


def _changed(octets: bytes) -> bytes:
    return _listed(octets) + b"Buy this!\r\n"


CASES: list[tuple[bytes, str, Callable[[bytes], bytes], tuple[str | bool | None, ...], list[str]]] = [
    (b"ours", THEIRS, bytes, ("pass", "none", "pass", "none", True), []),
    (b"forwarded", NOBODYS, _signed, ("fail", "pass", "pass", "none", True), []),
    (b"forged", NOBODYS, bytes, ("fail", "none", "fail", "none", False), ["failed_dmarc"]),
    (b"by a list", NOBODYS, _listed, ("fail", "fail", "fail", "pass", False), ["failed_dmarc"]),
    (b"changed behind it", NOBODYS, _changed, ("fail", "fail", "fail", "fail", False), ["failed_dmarc"]),
    (b"of this machine", "127.0.0.1", bytes, ("none", "none", "none", "none", None), []),
]


async def test_a_client_sees_who_mail_comes_from(tmp_path: Path) -> None:
    """Right, forwarded and forged mail of a domain, what a list made of it, and one that came over no network."""
    async with ZoneServer() as zones:
        zones.put("TXT", "example.com", f"v=spf1 ip4:{THEIRS} -all")
        zones.put("TXT", "_dmarc.example.com", "v=DMARC1; p=quarantine")
        zones.put("TXT", "s1._domainkey.example.com", record(KEY))
        zones.put("TXT", "s2._domainkey.list.example", record(LIST))
        variables = {
            "DAIMON_DNS_RESOLVER": f"127.0.0.1:{zones.address[1]}",
            "DAIMON_SMTP_PROXY_PROTOCOL": "true",
            "DAIMON_TRUSTED_PROXIES": "127.0.0.0/8",
        }
        server = await asyncio.to_thread(lambda: Serving(tmp_path / "data", *FREE_PORTS, **variables).ready())
        try:
            async with AsyncDaimonClient(base_url=server.api) as nobody:
                inbox = await nobody.inboxes.create()
            async with AsyncDaimonClient(inbox.account_api_key, base_url=server.api) as client:
                for subject, ip, passed_on, expected, findings in CASES:
                    await asyncio.to_thread(_send, server.smtp_port, ip, inbox.email, passed_on(MAIL % subject))
                    message = await client.messages.wait(inbox.id, subject=subject.decode(), timeout=30)
                    assert message
                    found = message.authentication
                    assert (found.spf, found.dkim, found.dmarc, found.arc, found.aligned) == expected
                    assert [each.kind for each in message.safety.findings] == findings
                    assert message.safety.verdict == ("suspicious" if findings else "clean")
        finally:
            await asyncio.to_thread(server.end)
