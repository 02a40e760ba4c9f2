"""From a name to the addresses that may be connected to: all of them, or none.

A name with one bad address among good ones is refused whole, since which one is taken would be the name owner's choice.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from aiohttp.abc import AbstractResolver, ResolveResult

from daimon.kit.dns import Answer, Dns, NoSuchName, Unanswered
from daimon.kit.flights import Flights
from daimon.kit.safe_http.address import refusal
from daimon.kit.safe_http.url import is_localhost

_THREADS = 64  # for names whose servers hang; each costs a thread until the system gives up
_MOST_ADDRESSES = 32


class Unresolved(OSError):
    """The name has no address, or its servers do not say."""


class RefusedAddress(OSError):
    """An address that must not be connected to."""


class Lookup(Protocol):
    """A way to ask for a name's addresses. Raises Unresolved."""

    async def addresses(self, host: str) -> list[str]:
        """Return all addresses of a name."""

    async def close(self) -> None:
        """Let go of threads and sockets."""


class SystemLookup:
    """The system's way, in threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="dns")

    async def addresses(self, host: str) -> list[str]:
        """Return all addresses of a name."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _getaddrinfo, host)
        except (OSError, UnicodeError) as error:
            raise Unresolved(f"{host} has no address") from error
        return list(dict.fromkeys(found))

    async def close(self) -> None:
        """Forget what waits; what hangs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _getaddrinfo(host: str) -> list[str]:
    # With its dot, so that no search domain of the system is put behind it.
    return [str(each[4][0]) for each in socket.getaddrinfo(f"{host}.", None, type=socket.SOCK_STREAM)]


class DnsLookup:
    """A resolver of the operator's choice, asked for A and AAAA at once."""

    def __init__(self, host: str, port: int) -> None:
        self._dns = Dns((host, port))

    async def addresses(self, host: str) -> list[str]:
        """Return all addresses of a name."""
        answers = await asyncio.gather(self._ask(self._dns.a, host), self._ask(self._dns.aaaa, host))
        if found := [address for answer in answers for address in answer or ()]:
            return found
        raise Unresolved(
            f"{host} has no address" if None not in answers else f"the name servers of {host} do not answer"
        )

    async def _ask(self, ask: Callable[[str], Awaitable[Answer[str]]], name: str) -> tuple[str, ...] | None:
        """Return the addresses of a kind; None if nobody answered."""
        try:
            return (await ask(name)).records
        except NoSuchName:
            return ()
        except Unanswered:
            return None

    async def close(self) -> None:
        """Nothing stays open between questions."""


class SafeResolver(AbstractResolver):
    """What the HTTP client resolves by: one question at a time for a name, each address of the answer checked."""

    def __init__(self, lookup: Lookup, *, allow_loopback: bool) -> None:
        self._lookup = lookup
        self._allow_loopback = allow_loopback
        self._flights: Flights[list[str]] = Flights()

    async def checked(self, host: str) -> list[str]:
        """Return a name's addresses. Raises Unresolved, and RefusedAddress if any of them is bad."""
        if self._allow_loopback and is_localhost(host):
            return ["127.0.0.1", "::1"]  # RFC 6761 §6.3: no question goes out
        found = await self._flights.join(host, lambda: self._lookup.addresses(host))
        if any(refusal(address, allow_loopback=self._allow_loopback) for address in found):
            # Which one is not said: where our resolver knows an inner network, each name's owner could read its map.
            raise RefusedAddress(f"{host} leads to an address that must not be opened: it is not a public one")
        return found[:_MOST_ADDRESSES]

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return a name's addresses in the client's form."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self.checked(host)
        ]

    async def close(self) -> None:
        """Ask no more."""
        self._flights.cancel()
        await self._lookup.close()
