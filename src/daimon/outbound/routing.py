"""Where mail for a domain goes: its MX hosts in their order (RFC 5321 §5.1), remembered for a while."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address
from random import Random, SystemRandom
from typing import NamedTuple, Protocol, TypeVar

from daimon.kit.dns import Answer, Dns, Mx, NoSuchName, Unanswered
from daimon.kit.flights import Flights
from daimon.kit.safe_http.address import refusal
from daimon.mail.mta_sts import MtaSts
from daimon.outbound.hosts import MOST_HOSTS, Found, HostFinder, TooPrivate, Unfound
from daimon.outbound.routes import Forbidden, Host, NoMail, NoSuchDomain, Route, Routing, Unreachable

MOST_REMEMBERED = 10_000
SHORTEST_SECONDS, LONGEST_SECONDS = 5, 3600
NEGATIVE_SECONDS = 30

T = TypeVar("T", Mx, Host)


class Policies(Protocol):
    """Where MTA-STS policies come from."""

    async def policy(self, domain: str) -> MtaSts | None:
        """Return the policy in force for a domain."""


class _Looked(NamedTuple):
    """What was found, and for how many seconds it may be remembered."""

    routing: Routing
    ttl: int


class _Entry(NamedTuple):
    good_until: float
    routing: Routing


class Router:
    """Finds routes. Make one for each process."""

    def __init__(
        self,
        dns: Dns,
        policies: Policies | None = None,
        *,
        own_names: frozenset[str] = frozenset(),
        allow_private: bool = False,
        port: int = 25,
        random: Random | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask nothing yet.

        Args:
            dns: Whom to ask.
            policies: MTA-STS; None: it is not asked for.
            own_names: The names that this server has as a mail exchange, in lower case.
            allow_private: Let mail go to private addresses.
            port: The port that mail goes to, which TLSA records are named by.
            random: What hosts of one preference are shuffled by.
            monotonic: Seconds that never go back.
        """
        self._dns = dns
        self._policies = policies
        self._own_names = own_names
        self._allow_private = allow_private
        self._hosts = HostFinder(dns, allow_private=allow_private, port=port)
        self._random = random or SystemRandom()
        self._monotonic = monotonic
        self._flights: Flights[Routing] = Flights()
        self._known: OrderedDict[str, _Entry] = OrderedDict()

    async def route(self, domain: str) -> Routing:
        """Return the way to a domain, given as `Address.domain` has it: A-labels, or an address literal.

        Raises Unavailable if the policies' database is away; all that DNS can do is in the answer.
        """
        if domain.startswith("["):
            return self._literal(domain)
        domain = domain.lower()
        entry = self._known.get(domain)
        if entry and self._monotonic() < entry.good_until:
            return self._in_order(entry.routing)
        return self._in_order(await self._flights.join(domain, lambda: self._look_up(domain)))

    async def _look_up(self, domain: str) -> Routing:
        try:
            looked = await self._find(domain)
        except NoSuchName as error:
            looked = _Looked(NoSuchDomain(str(error)), NEGATIVE_SECONDS)
        except Unanswered as error:
            looked = _Looked(Unreachable(str(error)), NEGATIVE_SECONDS)
        if isinstance(looked.routing, Route) and self._policies:
            policy = await self._policies.policy(domain)
            looked = looked._replace(routing=replace(looked.routing, policy=policy))
        self._remember(domain, looked)
        return looked.routing

    async def _find(self, domain: str) -> _Looked:
        answer = await self._dns.mx(domain)
        if not answer.records:
            return await self._by_address(domain, answer)
        named = [Mx(each.preference, each.host) for each in answer.records if each.host]
        if not named and all(each.host == "" for each in answer.records):
            return _Looked(NoMail(f"{domain} takes no mail (null MX, RFC 7505)"), answer.ttl)
        before_us = self._before_us(named)
        if named and not before_us:
            return _looping(domain)
        return await self._by_hosts(domain, before_us, answer)

    async def _by_address(self, domain: str, answer: Answer[Mx]) -> _Looked:
        """RFC 5321 §5.1: a domain without MX is its own, with preference 0."""
        if domain in self._own_names:
            return _looping(domain)
        [found] = await self._hosts.find([Mx(0, domain)], domain=domain, secure=answer.authentic)
        if isinstance(found, Unfound) and not found.temporary:
            return _Looked(NoSuchDomain(f"{domain} has neither MX nor address"), NEGATIVE_SECONDS)
        return _settled(domain, [found], answer.ttl)

    async def _by_hosts(self, domain: str, named: Sequence[Mx], answer: Answer[Mx]) -> _Looked:
        first = self._shuffled(named)[:MOST_HOSTS]
        found = await self._hosts.find(first, domain=domain, secure=answer.authentic)
        return _settled(domain, found, answer.ttl)

    def _before_us(self, named: Sequence[Mx]) -> list[Mx]:
        """RFC 5321 §5.1: a mail exchange passes mail on only to those who are preferred to it, or it would loop."""
        ours = min((each.preference for each in named if each.host in self._own_names), default=1 << 16)
        return list({each.host: each for each in sorted(named, reverse=True) if each.preference < ours}.values())

    def _literal(self, domain: str) -> Routing:
        """RFC 5321 §4.1.3: `[192.0.2.1]` and `[IPv6:2001:db8::1]` name no domain but the host itself."""
        inner = domain.removeprefix("[").removesuffix("]")
        text = inner[5:] if inner[:5].lower() == "ipv6:" else inner
        try:
            address = ip_address(text)
        except ValueError:
            return NoSuchDomain(f"{domain[:100]!r} is no address literal")
        if not self._allow_private and (why := refusal(address)):
            return Forbidden(why)
        return Route((Host(domain, 0, (str(address),)),), None)

    def _in_order(self, routing: Routing) -> Routing:
        if not isinstance(routing, Route) or len(routing.hosts) < 2:
            return routing
        return replace(routing, hosts=tuple(self._shuffled(routing.hosts)))

    def _shuffled(self, hosts: Sequence[T]) -> list[T]:
        """RFC 5321 §5.1: the least preference first, those of one preference in any order."""
        mixed = self._random.sample(hosts, len(hosts))
        return sorted(mixed, key=lambda each: each.preference)

    def _remember(self, domain: str, looked: _Looked) -> None:
        positive = isinstance(looked.routing, Route | NoMail)
        seconds = min(max(looked.ttl, SHORTEST_SECONDS), LONGEST_SECONDS) if positive else NEGATIVE_SECONDS
        self._known[domain] = _Entry(self._monotonic() + seconds, looked.routing)
        self._known.move_to_end(domain)
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)


def _settled(domain: str, found: Sequence[Found | Unfound | TooPrivate], ttl: int) -> _Looked:
    """Say what becomes of the mail, from what was found of each host."""
    there = [each for each in found if isinstance(each, Found)]
    if there:
        return _Looked(Route(tuple(each.host for each in there), None), min(ttl, *(each.ttl for each in there)))
    for each in found:
        if isinstance(each, Unfound) and each.temporary:
            return _Looked(Unreachable(each.reason), NEGATIVE_SECONDS)
    for each in found:
        if isinstance(each, TooPrivate):
            return _Looked(Forbidden(each.reason), NEGATIVE_SECONDS)
    # Its MX is wrong, which its owner will see and mend: no reason to give the recipient up today.
    return _Looked(Unreachable(f"none of the MX hosts of {domain} has an address", "4.4.4"), NEGATIVE_SECONDS)


def _looping(domain: str) -> _Looked:
    return _Looked(Forbidden(f"mail for {domain} would come back to this server", "5.4.6"), NEGATIVE_SECONDS)
