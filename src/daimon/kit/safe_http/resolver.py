"""From a name to the addresses that may be connected to: all of them, or none.

A name with one bad address among good ones is refused whole, since which one is taken would be the name owner's choice.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from aiohttp.abc import AbstractResolver, ResolveResult

from daimon.kit.dns import DnsResolver, NoResolver, Unanswered
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
        self._dns = DnsResolver((host, port))

    async def addresses(self, host: str) -> list[str]:
        """Return all addresses of a name."""
        answers = await asyncio.gather(self._ask(host, "A"), self._ask(host, "AAAA"))
        if found := [address for answer in answers for address in answer or ()]:
            return found
        raise Unresolved(
            f"{host} has no address" if None not in answers else f"the name servers of {host} do not answer"
        )

    async def _ask(self, host: str, kind: str) -> list[str] | None:
        """Return the addresses of a kind; None if nobody answered."""
        try:
            return [each.to_text() for each in await self._dns.ask(host, kind)]
        except Unanswered:
            return None
        except NoResolver as error:
            raise Unresolved(str(error)) from error

    async def close(self) -> None:
        """Nothing stays open between questions."""


@dataclass(slots=True)
class _Flight:
    task: asyncio.Task[list[str]]
    waiting: int = 0


class SafeResolver(AbstractResolver):
    """What the HTTP client resolves by: one question at a time for a name, each address of the answer checked."""

    def __init__(self, lookup: Lookup, *, allow_loopback: bool) -> None:
        self._lookup = lookup
        self._allow_loopback = allow_loopback
        self._flights: dict[str, _Flight] = {}

    async def checked(self, host: str) -> list[str]:
        """Return a name's addresses. Raises Unresolved, and RefusedAddress if any of them is bad."""
        if self._allow_loopback and is_localhost(host):
            return ["127.0.0.1", "::1"]  # RFC 6761 §6.3: no question goes out
        found = await self._shared(host)
        for address in found:
            if reason := refusal(address, allow_loopback=self._allow_loopback):
                raise RefusedAddress(f"{host} leads to an address that must not be opened: {reason}")
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
        for flight in self._flights.values():
            flight.task.cancel()
        await self._lookup.close()

    async def _shared(self, host: str) -> list[str]:
        """Ask once for all who want to know at this moment; the last to lose patience ends the question."""
        flight = self._flights.get(host)
        if flight is None:
            flight = self._flights[host] = _Flight(asyncio.ensure_future(self._lookup.addresses(host)))
            flight.task.add_done_callback(lambda task: self._landed(host, task))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                flight.task.cancel()
                self._landed(host, flight.task)

    def _landed(self, host: str, task: "asyncio.Task[list[str]]") -> None:
        if (flight := self._flights.get(host)) and flight.task is task:
            del self._flights[host]
