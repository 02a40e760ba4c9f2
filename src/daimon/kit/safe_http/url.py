"""Reading a user's URL so that nobody after us can read it otherwise. Pure.

It is taken apart here by few and strict rules, and put together again in one normal form; only that is passed on.
What browsers, libraries and operating systems read differently is refused, not guessed.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote

import idna

from daimon.kit.safe_http.address import Address, is_loopback, refusal
from daimon.kit.safe_http.errors import UnsafeUrl

LONGEST_URL = 2048
_DEFAULT_PORTS = {"https": 443, "http": 80}

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)(?:#.*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(?::([0-9]{0,5}))?")
_BAD_CHARACTER = re.compile(
    r"[\x00-\x20\x7f-\xa0\\\u00ad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]"
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")

# Names that mean this machine or this network (RFC 6761, 6762, 8375 and use), `onion` as RFC 7686 asks.
_LOCAL_NAMES = (
    *("localhost", "local", "localdomain", "internal", "intranet", "private", "corp", "home", "lan"),
    *("home.arpa", "in-addr.arpa", "ip6.arpa", "onion", "invalid"),
)

# The list of "bad ports" of the Fetch standard, which browsers keep to, and the ports of stores and control planes.
_FETCH_PORTS = """
    0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123 135
    137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993 995 1719
    1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080
"""
# Kerberos, SMB, MS SQL, Oracle, ZooKeeper, Docker, etcd, MySQL, RDP, PostgreSQL, AMQP, VNC, WinRM, Redis, Cassandra,
# Elasticsearch, kubelet, memcached, MongoDB
_STORE_PORTS = """
    88 445 1433 1521 2181 2375 2376 2379 2380 3306 3389 5432 5671 5672 5900 5985 5986 6379 9042 9200 9300 10250 11211
    27017
"""
REFUSED_PORTS = frozenset(int(port) for port in (_FETCH_PORTS + _STORE_PORTS).split())


@dataclass(frozen=True, slots=True)
class SafeUrl:
    """A URL in its normal form. `target` is the path and query; `host` has no brackets."""

    scheme: str
    host: str
    port: int
    target: str
    text: str


@lru_cache(maxsize=4096)
def checked(url: str, *, allow_insecure: bool = False) -> SafeUrl:
    """Return the URL in its normal form, without its fragment; asks no DNS.

    Args:
        url: What a user gave us.
        allow_insecure: Let `http` and `https` lead to this very machine, for development.

    Raises:
        UnsafeUrl: It must not be opened, or cannot be read in one way only.
    """
    scheme, authority, target = _parts(url)
    host, port = _host_and_port(authority, scheme)
    if port in REFUSED_PORTS:
        raise UnsafeUrl(f"port {port} belongs to a service that is not a web server")
    ours = _check_host(host, allow_insecure)
    if scheme == "http" and not ours:
        raise UnsafeUrl("the URL must begin with https://")
    shown = f"[{host}]" if ":" in host else host
    if port != _DEFAULT_PORTS[scheme]:
        shown += f":{port}"
    text = f"{scheme}://{shown}{target}"
    if len(text) > LONGEST_URL:
        raise UnsafeUrl(f"the URL is longer than {LONGEST_URL} characters")
    return SafeUrl(scheme, host, port, target, text)


def is_localhost(host: str) -> bool:
    """Return whether a name means this machine (RFC 6761 §6.3)."""
    return host == "localhost" or host.endswith(".localhost")


def _parts(url: str) -> tuple[str, str, str]:
    if len(url) > LONGEST_URL:
        raise UnsafeUrl(f"the URL is longer than {LONGEST_URL} characters")
    if _BAD_CHARACTER.search(url):
        raise UnsafeUrl("the URL has spaces, control characters, invisible characters or backslashes in it")
    if not (found := _URL.fullmatch(url)):
        raise UnsafeUrl("the URL must begin with https:// and name a host")
    scheme, authority, target = found[1].lower(), found[2], found[3]
    if scheme not in _DEFAULT_PORTS:
        raise UnsafeUrl("the URL must begin with https://")
    if "@" in authority:
        raise UnsafeUrl("the URL has a user name or password in it")
    try:
        target.encode("utf-8")
    except UnicodeEncodeError:
        raise UnsafeUrl("the URL has half a character in it") from None
    if _BAD_PERCENT.search(target):
        raise UnsafeUrl("the URL has a % that is not followed by two hexadecimal digits")
    path = quote(target, safe="%/?:@!$&'()*+,;=-._~[]")
    return scheme, authority, path if path.startswith("/") else f"/{path}"


def _host_and_port(authority: str, scheme: str) -> tuple[str, int]:
    if not (found := _AUTHORITY.fullmatch(authority)):
        raise UnsafeUrl("the host and port cannot be read")
    host = _literal_6(found[1][1:-1]) if found[1].startswith("[") else _name(found[1])
    port = int(found[2]) if found[2] else _DEFAULT_PORTS[scheme]
    if port > 65_535:
        raise UnsafeUrl(f"there is no port {port}")
    return host, port


def _literal_6(text: str) -> str:
    if "%" in text:
        raise UnsafeUrl("the address is bound to an interface")
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        raise UnsafeUrl("what stands in brackets is not an IPv6 address") from None


def _name(host: str) -> str:
    """Return a name in ASCII and lower case, or an IPv4 address in its one usual form."""
    if not host:
        raise UnsafeUrl("the URL names no host")
    name = host.lower() if host.isascii() else _in_ascii(host)
    if name.endswith("."):
        raise UnsafeUrl("the host ends with a dot")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise UnsafeUrl("the host is not a domain name")
    if _is_numeric(name.rpartition(".")[2]):  # the rule of the URL standard for what is an IPv4 address
        try:
            return str(IPv4Address(name))
        except AddressValueError:
            raise UnsafeUrl("the host is a number, or an address in an unusual form; write it as a.b.c.d") from None
    return name


def _in_ascii(host: str) -> str:
    try:
        return idna.encode(host, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise UnsafeUrl("the host is not a domain name") from None


def _is_numeric(label: str) -> bool:
    return label.isdigit() or re.fullmatch(r"0x[0-9a-f]*", label) is not None


def _check_host(host: str, allow_insecure: bool) -> bool:
    """Raise UnsafeUrl for a host that must not be asked; return whether it is this machine, and that is allowed."""
    if address := literal(host):
        if reason := refusal(address, allow_loopback=allow_insecure):
            raise UnsafeUrl(f"the address {reason}")
        return is_loopback(address)
    if is_localhost(host) and allow_insecure:
        return True
    if any(host == name or host.endswith(f".{name}") for name in _LOCAL_NAMES):
        raise UnsafeUrl(f"{host[:100]} is a name of this machine or a local network")
    if "." not in host:
        raise UnsafeUrl("the host is a single word, which is a name of a local network")
    return False


def literal(host: str) -> Address | None:
    """Return the address that a checked host is; None for a name."""
    if ":" in host:
        return IPv6Address(host)
    return IPv4Address(host) if _is_numeric(host.rpartition(".")[2]) else None
