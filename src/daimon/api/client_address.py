"""Who sent a request: the peer, or the client that a trusted proxy says it speaks for."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNKNOWN = IPv4Address("0.0.0.0")  # noqa: S104 - a Unix socket has no address; this one is nobody's


def client_address(peer: str, forwarded_for: Sequence[bytes], trusted: Sequence[Network]) -> Address:
    """Return the client's address: in `peer` and X-Forwarded-For, the rightmost that is no trusted proxy.

    Each proxy appends whom it spoke to, so everything left of the first untrusted hop is hearsay.
    """
    address = read_address(peer) or UNKNOWN
    hops = b",".join(forwarded_for).split(b",") if forwarded_for else []
    while hops and _is_in(address, trusted):
        hop = read_address(hops.pop().decode("ascii", "replace").strip())
        if hop is None:
            break
        address = hop
    return address


def read_address(text: str) -> Address | None:
    """Return the address in a text; an IPv4 address mapped into IPv6 is the IPv4 address."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
