"""A mail host's addresses, and its TLSA records where DNSSEC vouches for all that led there (RFC 7672 §2.2)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from daimon.kit.dns import Answer, Dns, Mx, NoSuchName, Unanswered
from daimon.kit.safe_http.address import refusal
from daimon.mail.dane import MOST_RECORDS, Tlsa
from daimon.outbound.routes import Host

MOST_HOSTS = 10
MOST_ADDRESSES = 10
_KEPT_FOR_IPV4 = 5  # of those ten, if a host has so many


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """A host, and for how many seconds that holds."""

    host: Host
    ttl: int


@dataclass(frozen=True, slots=True)
class Unfound:
    """A host without an address. `temporary`: it may have one, but nobody says."""

    reason: str
    temporary: bool


@dataclass(frozen=True, slots=True)
class TooPrivate:
    """A host all of whose addresses must not be connected to."""

    reason: str


class HostFinder:
    """Looks the hosts of an MX up, all at once."""

    def __init__(self, dns: Dns, *, allow_private: bool, port: int) -> None:
        self._dns = dns
        self._allow_private = allow_private
        self._port = port

    async def find(self, named: Sequence[Mx], *, domain: str, secure: bool) -> list[Found | Unfound | TooPrivate]:
        """Return what is known of each host. `secure`: the answer that named them was validated."""
        return await asyncio.gather(*(self._find(each.host or domain, each.preference, secure) for each in named))

    async def _find(self, name: str, preference: int, secure: bool) -> Found | Unfound | TooPrivate:
        six, four = await asyncio.gather(_asked(self._dns.aaaa, name), _asked(self._dns.a, name))
        answers = [each for each in (six, four) if isinstance(each, Answer)]
        addresses = [address for each in answers for address in each.records]
        if not addresses:
            temporary = isinstance(six, Unanswered) or isinstance(four, Unanswered)
            return Unfound(f"{name} cannot be resolved" if temporary else f"{name} has no address", temporary)
        allowed, why = self._allowed(addresses)
        if not allowed:
            return TooPrivate(f"{name} leads to an address that mail must not go to: {why}")
        host = Host(name, preference, _some(allowed))
        ttl = min(each.ttl for each in answers if each.records)
        if not secure or not all(each.authentic for each in answers):
            return Found(host, ttl)
        return await self._with_tlsa(host, answers[0].canonical, ttl)

    def _allowed(self, addresses: Sequence[str]) -> tuple[list[str], str | None]:
        """Return the addresses that may be connected to, and why another one may not."""
        if self._allow_private:
            return list(addresses), None
        reasons = {address: refusal(address) for address in addresses}
        return [each for each in addresses if reasons[each] is None], next(filter(None, reasons.values()), None)

    async def _with_tlsa(self, host: Host, canonical: str | None, ttl: int) -> Found | Unfound:
        """RFC 7672 §2.2.2: under the name behind a host's aliases first, then under its own.

        A question for them that fails may be an attacker's doing: such a host is not used (§2.1.1).
        """
        for base in dict.fromkeys((canonical or host.name, host.name)):
            answer = await _asked(self._dns.tlsa, f"_{self._port}._tcp.{base}")
            if isinstance(answer, Unanswered):
                return Unfound(f"the TLSA records of {base} cannot be had", temporary=True)
            if isinstance(answer, Answer) and answer.records and answer.authentic:
                records = tuple(Tlsa(*each) for each in answer.records[:MOST_RECORDS])
                held = Host(host.name, host.preference, host.addresses, records, base)
                return Found(held, min(ttl, answer.ttl))
        return Found(host, ttl)


def _some(addresses: Sequence[str]) -> tuple[str, ...]:
    """Return ten addresses, IPv6 first, without crowding IPv4 out."""
    four = [each for each in addresses if ":" not in each]
    six = [each for each in addresses if ":" in each]
    return tuple([*six[: MOST_ADDRESSES - min(len(four), _KEPT_FOR_IPV4)], *four][:MOST_ADDRESSES])


async def _asked(ask: Callable[[str], Awaitable[Answer[T]]], name: str) -> Answer[T] | NoSuchName | Unanswered:
    try:
        return await ask(name)
    except (NoSuchName, Unanswered) as error:
        return error
