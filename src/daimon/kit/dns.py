"""Questions to the DNS: by a resolver of the operator's choice, or by the system's."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dns.asyncresolver
    import dns.rdata

_QUERY_SECONDS = 2.0
_LOOKUP_SECONDS = 5.0


class NoResolver(OSError):
    """The resolver itself cannot be found."""


class Unanswered(OSError):
    """Nobody answered, or only with an error."""


class DnsResolver:
    """Asks one resolver, given as host and port; None is what the system is configured with."""

    def __init__(self, address: tuple[str, int] | None) -> None:
        self._address = address
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def ask(self, name: str, kind: str) -> "Sequence[dns.rdata.Rdata]":
        """Return the records of a name, none where there are none. Raises Unanswered, NoResolver."""
        import dns.exception  # late: it is large, and most processes ask nothing
        import dns.name
        import dns.resolver

        try:
            resolver = self._resolver or await self._opened()
            return list(await resolver.resolve(dns.name.from_text(f"{name}."), kind, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except NoResolver:
            raise
        except (dns.exception.DNSException, OSError) as error:
            raise Unanswered(f"the name servers of {name} do not answer") from error

    async def _opened(self) -> "dns.asyncresolver.Resolver":
        import dns.asyncresolver

        resolver = dns.asyncresolver.Resolver(configure=self._address is None)
        if self._address:
            resolver.nameservers = [await _address_of(*self._address)]
            resolver.port = self._address[1]
        resolver.timeout, resolver.lifetime = _QUERY_SECONDS, _LOOKUP_SECONDS
        self._resolver = resolver
        return resolver


async def _address_of(host: str, port: int) -> str:
    """Return an address of the resolver itself, which is the operator's choice and may be private."""
    with suppress(ValueError):
        return str(ip_address(host))
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port)
    except OSError as error:
        raise NoResolver(f"the DNS resolver {host} cannot be found") from error
    return str(found[0][4][0])
