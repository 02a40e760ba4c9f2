"""Asking DNS: one resolver, the operator's choice or the system's, and answers that say how far they can be trusted.

A resolver validates for us, or nobody does: the AD flag of an answer is believed only from one that is trusted with it
(docs/decisions/0019-trust-in-the-resolver.md).
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    import dns.asyncresolver
    import dns.name

QUERY_SECONDS = 2.0
LOOKUP_SECONDS = 5.0
_UDP_PAYLOAD = 1232  # octets that pass every network unfragmented; what is longer comes by TCP
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\Z")

T = TypeVar("T")


class NoSuchName(Exception):
    """The name does not exist (NXDOMAIN)."""


class Unanswered(Exception):
    """Nobody gave an answer that can be used: SERVFAIL, silence, nonsense, or a resolver that cannot be found."""


class Silence(Unanswered):
    """The resolver itself said nothing in time, or there is none. It, or the name servers that it asks, may be away."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What DNS says of a name that exists.

    `records` is empty if it has none of this kind. `ttl` is in seconds, the least of all on the way. `authentic`: a
    resolver that we trust with it has validated the answer, or its absence (RFC 4035 §3.2.3). `canonical` is the name
    at the end of its aliases; None if it is no host name.
    """

    records: tuple[T, ...]
    ttl: int
    authentic: bool
    canonical: str | None


class AsksTexts(Protocol):
    """Who answers questions for texts, as keys and policies are. Raises NoSuchName and Unanswered."""

    async def txt(self, name: str) -> Answer[bytes]:
        """Return a name's texts."""


class Mx(NamedTuple):
    """A mail exchange. `host` is in lower case without the last dot, "" for the root; None for what is no host name."""

    preference: int
    host: str | None


class TlsaData(NamedTuple):
    """The fields of a TLSA record as they stand (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes


class Dns:
    """A resolver to ask. Everything raises NoSuchName and Unanswered; a question takes five seconds at most."""

    def __init__(self, resolver: tuple[str, int] | None = None, *, validates: bool = False) -> None:
        """Ask nothing yet.

        Args:
            resolver: Host and port of a resolver; the system's if there is none.
            validates: Believe its AD flag. A resolver that is given and answers on loopback is believed anyway:
                nobody stands in between who could have set it.
        """
        self._configured = resolver
        self._validates = validates
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def a(self, name: str) -> Answer[str]:
        """Return a name's IPv4 addresses, in the order of the answer."""
        return await self._ask(name, "A", lambda record: str(record.address))

    async def aaaa(self, name: str) -> Answer[str]:
        """Return a name's IPv6 addresses, in the order of the answer."""
        return await self._ask(name, "AAAA", lambda record: str(record.address))

    async def mx(self, name: str) -> Answer[Mx]:
        """Return a domain's mail exchanges, in the order of the answer."""
        return await self._ask(name, "MX", lambda record: Mx(record.preference, _host(record.exchange)))

    async def txt(self, name: str) -> Answer[bytes]:
        """Return a name's texts, each put together from its strings."""
        return await self._ask(name, "TXT", lambda record: b"".join(record.strings))

    async def tlsa(self, name: str) -> Answer[TlsaData]:
        """Return a name's TLSA records."""
        return await self._ask(
            name, "TLSA", lambda record: TlsaData(record.usage, record.selector, record.mtype, record.cert)
        )

    async def _ask(self, name: str, kind: str, read: Callable[[Any], T]) -> Answer[T]:
        import dns.exception  # late: it is large, and most processes ask nothing
        import dns.flags
        import dns.resolver

        resolver = await self._asked()
        try:
            answer = await resolver.resolve(_name(name), kind, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN as error:
            raise NoSuchName(f"{name[:253]} does not exist") from error
        except (dns.exception.Timeout, OSError) as error:
            raise Silence(f"nobody answers a question about {name[:253]}") from error
        except dns.exception.DNSException as error:
            raise Unanswered(f"the name servers of {name[:253]} do not answer") from error
        return Answer(
            records=tuple(read(record) for record in answer.rrset or ()),
            ttl=answer.chaining_result.minimum_ttl,
            authentic=self._validates and bool(answer.response.flags & dns.flags.AD),
            canonical=_host(answer.canonical_name),
        )

    async def _asked(self) -> "dns.asyncresolver.Resolver":
        if self._resolver is None:
            import dns.asyncresolver
            import dns.exception
            import dns.flags

            try:
                resolver = dns.asyncresolver.Resolver(configure=self._configured is None)
            except (dns.exception.DNSException, OSError) as error:
                raise Silence("the system names no DNS resolver") from error
            if self._configured:
                await self._point_at(resolver, *self._configured)
            resolver.timeout, resolver.lifetime = QUERY_SECONDS, LOOKUP_SECONDS
            # RFC 6840 §5.7: AD in a question asks for AD in the answer, without the signatures that DO would bring.
            resolver.set_flags(dns.flags.RD | dns.flags.AD)
            resolver.use_edns(0, 0, _UDP_PAYLOAD)
            self._resolver = resolver
        return self._resolver

    async def _point_at(self, resolver: "dns.asyncresolver.Resolver", host: str, port: int) -> None:
        address = await _address_of(host, port)
        resolver.nameservers, resolver.port = [address], port
        self._validates = self._validates or ip_address(address).is_loopback


def is_host_name(text: str) -> bool:
    """Return whether a text is a name that a host can have: letters, digits, hyphens, and the `_` that some use."""
    return len(text) <= 253 and _HOST.match(text) is not None


def _name(text: str) -> "dns.name.Name":
    """Return a name by its labels: the library's own reader gives a meaning to `@` and backslashes."""
    import dns.exception
    import dns.name

    try:
        return dns.name.Name([*text.encode("ascii").split(b"."), b""])
    except (dns.exception.DNSException, UnicodeError) as error:
        raise NoSuchName(f"{text[:253]!r} is no domain name") from error


def _host(name: "dns.name.Name") -> str | None:
    text = b".".join(name.labels[:-1]).decode("latin-1").lower()
    return text if not text or (is_host_name(text) and not any(b"." in label for label in name.labels)) else None


async def _address_of(host: str, port: int) -> str:
    """Return an address of the resolver itself, which is the operator's choice and may be private."""
    with suppress(ValueError):
        return str(ip_address(host))
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port)
    except OSError as error:
        raise Silence(f"the DNS resolver {host} cannot be found") from error
    return str(found[0][4][0])
