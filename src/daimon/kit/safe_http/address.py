"""Which addresses a user's URL may lead to: the world's, and none of ours. Pure.

The list is written out, after the IANA registries of special-purpose addresses, because `ipaddress.is_global` says
different things in different releases of Python. What embeds another address (mapped, NAT64, 6to4, Teredo, ISATAP)
is refused whole: no receiver needs it, and it is how a filter is walked around.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

_REFUSED_4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), why)
    for network, why in (
        ("0.0.0.0/8", "unspecified (RFC 1122)"),
        ("10.0.0.0/8", "private (RFC 1918)"),
        ("100.64.0.0/10", "shared with a carrier's NAT (RFC 6598)"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud's metadata service"),
        ("169.254.0.0/16", "link-local, where clouds keep their metadata (RFC 3927)"),
        ("172.16.0.0/12", "private (RFC 1918)"),
        ("192.0.0.0/24", "reserved for protocols (RFC 6890)"),
        ("192.0.2.0/24", "for documentation (RFC 5737)"),
        ("192.31.196.0/24", "reserved for AS112 (RFC 7535)"),
        ("192.52.193.0/24", "reserved for AMT (RFC 7450)"),
        ("192.88.99.0/24", "a 6to4 relay (RFC 7526)"),
        ("192.168.0.0/16", "private (RFC 1918)"),
        ("192.175.48.0/24", "reserved for AS112 (RFC 7534)"),
        ("198.18.0.0/15", "for benchmarks (RFC 2544)"),
        ("198.51.100.0/24", "for documentation (RFC 5737)"),
        ("203.0.113.0/24", "for documentation (RFC 5737)"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved (RFC 1112)"),
    )
)

_REFUSED_6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), why)
    for network, why in (
        ("::1/128", "loopback"),
        ("::/128", "unspecified"),
        ("::ffff:0:0/96", "IPv4 in disguise (mapped, RFC 4291)"),
        ("::ffff:0:0:0/96", "IPv4 in disguise (translated, RFC 7915)"),
        ("::/96", "IPv4 in disguise (compatible, RFC 4291)"),
        ("64:ff9b::/96", "IPv4 in disguise (NAT64, RFC 6052)"),
        ("64:ff9b:1::/48", "IPv4 in disguise (NAT64, RFC 8215)"),
        ("100::/64", "for discarding (RFC 6666)"),
        ("2001::/32", "IPv4 in disguise (Teredo, RFC 4380)"),
        ("2001:2::/48", "for benchmarks (RFC 5180)"),
        ("2001::/23", "reserved for protocols (RFC 2928)"),
        ("2001:db8::/32", "for documentation (RFC 3849)"),
        ("2002::/16", "IPv4 in disguise (6to4, RFC 3056)"),
        ("2620:4f:8000::/48", "reserved for AS112 (RFC 7534)"),
        ("3fff::/20", "for documentation (RFC 9637)"),
        ("5f00::/16", "for segment routing (RFC 9602)"),
        ("fc00::/7", "private (unique local, RFC 4193)"),
        ("fe80::/10", "link-local (RFC 4291)"),
        ("fec0::/10", "private (site-local, RFC 3879)"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")  # RFC 4291 §2.4: what IANA hands out; all else is reserved
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})  # RFC 5214 §6.1: what stands before the embedded IPv4 address


def refusal(address: Address | str, *, allow_loopback: bool = False) -> str | None:
    """Return why an address must not be connected to, such as `10.0.0.1 is private (RFC 1918)`; None if it may."""
    try:
        known = ip_address(address) if isinstance(address, str) else address
    except ValueError:
        return f"{address!r} is not an address"
    if allow_loopback and is_loopback(known):
        return None
    why = _refusal_4(known) if isinstance(known, IPv4Address) else _refusal_6(known)
    return why and f"{known} is {why}"


def is_loopback(address: Address) -> bool:
    """Return whether it is this machine, said plainly: not mapped, not scoped."""
    return not _scoped(address) and any(address in network for network in _LOOPBACK)


def _refusal_4(address: IPv4Address) -> str | None:
    return next((why for network, why in _REFUSED_4 if address in network), None)


def _refusal_6(address: IPv6Address) -> str | None:
    if _scoped(address):
        return "bound to an interface"
    if why := next((why for network, why in _REFUSED_6 if address in network), None):
        return why
    if address not in _GLOBAL_6:
        return "reserved (RFC 4291)"
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return "IPv4 in disguise (ISATAP, RFC 5214)"
    return None


def _scoped(address: Address) -> bool:
    return isinstance(address, IPv6Address) and address.scope_id is not None
