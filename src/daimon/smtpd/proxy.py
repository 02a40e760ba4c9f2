"""The PROXY protocol, version 2: who the client of the proxy before us is.

https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt §2.2
"""

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import msgspec

_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_FIXED: Final = len(_SIGNATURE) + 4
_MAX_REST: Final = 4096  # addresses take 36 octets, 216 for Unix sockets; the rest are TLVs
_LOCAL, _PROXY = 0x20, 0x21  # version 2, and the command
_TCP4, _TCP6 = 0x11, 0x21


class BadProxyHeader(Exception):
    """The connection does not begin with a PROXY v2 header."""


class ProxyHeader(msgspec.Struct, frozen=True):
    """What the header says. `client_ip` is None when the proxy speaks for itself (its health checks)."""

    size: int  # octets of the header; the client's own follow
    client_ip: str | None


def read_header(octets: bytes | bytearray) -> ProxyHeader | None:
    """Return the header at the start of the stream, None while it is incomplete. Raises BadProxyHeader."""
    if not _SIGNATURE.startswith(bytes(octets[: len(_SIGNATURE)])):
        raise BadProxyHeader("no signature")
    if len(octets) < _FIXED:
        return None
    command, family, rest = struct.unpack_from("!BBH", octets, len(_SIGNATURE))
    if command not in (_LOCAL, _PROXY):
        raise BadProxyHeader("unknown version or command")
    if rest > _MAX_REST:
        raise BadProxyHeader("header too long")
    if len(octets) < _FIXED + rest:
        return None
    addresses = bytes(octets[_FIXED : _FIXED + rest])
    return ProxyHeader(_FIXED + rest, None if command == _LOCAL else _client_ip(family, addresses))


def _client_ip(family: int, addresses: bytes) -> str:
    if family == _TCP4 and len(addresses) >= 12:
        return str(IPv4Address(addresses[:4]))
    if family == _TCP6 and len(addresses) >= 36:
        source = IPv6Address(addresses[:16])
        return str(source.ipv4_mapped or source)
    raise BadProxyHeader("no TCP addresses")
