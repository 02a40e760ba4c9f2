"""The PROXY protocol v2: the client's address from the proxy before us."""

import socket
import struct
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.smtpd.policy import Timeouts
from daimon.smtpd.proxy import BadProxyHeader, read_header

from .conftest import Serve
from .test_data import BEGIN

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
PROXIES = {"proxy_protocol": True, "trusted_proxies": (ip_network("127.0.0.0/8"),)}


def header(command: int = 0x21, family: int = 0x11, addresses: bytes | None = None) -> bytes:
    if addresses is None:
        addresses = socket.inet_aton("203.0.113.7") + socket.inet_aton("192.0.2.1") + struct.pack("!HH", 4000, 25)
    return SIGNATURE + struct.pack("!BBH", command, family, len(addresses)) + addresses


V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + bytes(16) + struct.pack("!HH", 4000, 25)


@pytest.mark.parametrize(
    ("octets", "ip"),
    [
        (header(), "203.0.113.7"),
        (header(family=0x21, addresses=V6 + b"\x03\x00\x04abcd"), "2001:db8::7"),
        (header(command=0x20, family=0, addresses=b""), "127.0.0.1"),
    ],
)
async def test_the_header_says_who_the_client_is(serve: Serve, octets: bytes, ip: str) -> None:
    """IPv4, IPv6 with TLVs behind, and the proxy's own health check."""
    receiver = await serve(**PROXIES)
    client = await receiver.connect()
    await client.send(octets)
    await client.follow("S: 220 *\nC: EHLO x\nS: 250-*\n" + BEGIN + "C: .\nS: 250 2.0.0 *")
    assert receiver.acceptor.mails[0].peer.ip == ip


async def test_the_header_may_come_in_pieces(serve: Serve) -> None:
    """And with the first commands behind it."""
    receiver = await serve(**PROXIES)
    client = await receiver.connect()
    for octet in header():
        await client.send(bytes([octet]))
    await client.follow("S: 220 *")
    other = await receiver.connect()
    await other.send(header() + b"EHLO x\r\nNOOP\r\n")
    await other.follow("S: 220 *\nS: 250-*\nS: 250 2.0.0 *")


@pytest.mark.parametrize(
    "octets",
    [
        b"EHLO x\r\n",
        b"PROXY TCP4 203.0.113.7 192.0.2.1 4000 25\r\n",
        header(command=0x11),
        header(command=0x22),
        header(family=0x31),
        header(addresses=b"short"),
        SIGNATURE + struct.pack("!BBH", 0x21, 0x11, 65_535),
    ],
)
async def test_anything_else_is_refused(serve: Serve, octets: bytes) -> None:
    """No greeting without a header, and no guess at who it may be."""
    receiver = await serve(**PROXIES)
    client = await receiver.connect()
    await client.send(octets)
    await client.follow("S: 421 4.7.0 A PROXY protocol v2 header was expected; closing\nEOF")


async def test_a_header_that_does_not_come(serve: Serve) -> None:
    """The proxy has as long as a handshake."""
    receiver = await serve(timeouts=Timeouts(handshake=0.2, linger=0.2), **PROXIES)
    await (await receiver.connect()).follow("S: 421 4.4.2 *\nEOF")


async def test_only_proxies_are_believed(serve: Serve) -> None:
    """A header from elsewhere is what it looks like: no SMTP."""
    receiver = await serve(proxy_protocol=True, trusted_proxies=(ip_network("192.0.2.0/24"),))
    client = await receiver.connect()
    await client.follow("S: 220 *")
    await client.send(header())
    await client.follow("S: 500 5.5.1 *\nS: 500 5.5.1 *\nS: 500 5.5.2 *\nS: 500 5.5.2 Bare *\nEOF")


async def test_limits_are_those_of_the_client(serve: Serve) -> None:
    """The connections behind a proxy are counted by the client's address."""
    receiver = await serve(max_connections_per_ip=1, **PROXIES)
    first, second, other = [await receiver.connect() for _ in range(3)]
    await first.send(header())
    await first.follow("S: 220 *")
    await second.send(header())
    await second.follow("S: 421 4.7.0 *\nEOF")
    await other.send(header(family=0x21, addresses=V6))
    await other.follow("S: 220 *")


@given(st.binary(max_size=64), st.booleans())
def test_any_octets_are_a_header_or_an_error(octets: bytes, signed: bool) -> None:
    """Never anything else is raised, and a header is never longer than what it was read from."""
    stream = SIGNATURE + octets if signed else octets
    try:
        found = read_header(stream)
    except BadProxyHeader:
        return
    assert found is None or found.size <= len(stream)
