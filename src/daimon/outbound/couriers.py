"""Who opens the lines: the simulator for its own domain, a relay for everything else if there is one, or MX hosts."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

from daimon.kit.clock import Clock
from daimon.outbound.lines import Courier, Down, Line, NoWay
from daimon.outbound.routes import Forbidden, Host, NoMail, NoSuchDomain, Route, Unreachable
from daimon.outbound.routing import Router
from daimon.outbound.simulator import SimulatorLine, domain_of
from daimon.outbound.smtp import Timeouts
from daimon.outbound.smtp_line import Target, opened
from daimon.outbound.tls import NotInPolicy, TlsDemands

SMTP_PORT = 25
MOST_TRIED = 6  # addresses, before the destination counts as one that cannot be reached


@dataclass(frozen=True, slots=True)
class Couriers:
    """The courier of a server: mail to the simulator stays here, everything else is for `outside`."""

    outside: Courier
    service_domain: str
    clock: Clock

    def lane(self, destination: str) -> str:
        """Return what the lines to a destination are counted by."""
        return destination if self._plays(destination) else self.outside.lane(destination)

    async def open(self, lane: str) -> Line:
        """Return an open line. Raises NoWay, Down."""
        if self._plays(lane):
            return SimulatorLine(lane, self.clock)
        return await self.outside.open(lane)

    def _plays(self, destination: str) -> bool:
        return destination == domain_of(self.service_domain)


@dataclass(frozen=True, slots=True)
class MxCourier:
    """Connects to the hosts that a domain names, the best first, until one talks (RFC 5321 §5.1)."""

    router: Router
    demands: TlsDemands
    helo: str
    port: int = SMTP_PORT
    timeouts: Timeouts = field(default_factory=Timeouts)

    def lane(self, destination: str) -> str:
        """Return the domain itself."""
        return destination

    async def open(self, lane: str) -> Line:
        """Return an open line to a domain. Raises NoWay, Down."""
        route = await self._route(lane)
        failure: Down | None = None
        for tried, target in enumerate(self._targets(lane, route)):
            if isinstance(target, Down):
                failure = failure or target
                continue
            if tried == MOST_TRIED:
                break
            try:
                return await opened(target, helo=self.helo, timeouts=self.timeouts)
            except Down as error:
                failure = error
        raise failure or Down(f"no host of {lane} has an address", "4.4.4")

    async def _route(self, domain: str) -> Route:
        routing = await self.router.route(domain)
        match routing:
            case Route():
                return routing
            case Unreachable(reason, enhanced_status):
                raise Down(reason, enhanced_status)
            case NoMail(reason, enhanced_status) | NoSuchDomain(reason, enhanced_status):
                raise NoWay(reason, enhanced_status, recipients_fault=True)
            case Forbidden(reason, enhanced_status):
                raise NoWay(reason, enhanced_status, recipients_fault=False)

    def _targets(self, domain: str, route: Route) -> Iterator[Target | Down]:
        """Yield where to connect to, in turn, and why not to a host that is passed over."""
        for host in route.hosts:
            demand = self.demands.demand(host, domain, route.policy)
            if isinstance(demand, NotInPolicy):
                yield Down(demand.reason, "4.7.5")
                continue
            for address in host.addresses:
                yield Target(host.name, address, self.port, demand)


@dataclass(frozen=True, slots=True)
class RelayCourier:
    """Hands everything to one server of the operator's choice, whose address may be private."""

    relay: tuple[str, int]
    demands: TlsDemands
    helo: str
    timeouts: Timeouts = field(default_factory=Timeouts)

    def lane(self, destination: str) -> str:
        """Return the relay."""
        return f"{self.relay[0]}:{self.relay[1]}"

    async def open(self, lane: str) -> Line:
        """Return an open line to the relay. Raises Down."""
        host, port = self.relay
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Down(f"the relay {host} cannot be found: {error}", "4.4.3") from error
        failure: Down | None = None
        for address in dict.fromkeys(str(each[4][0]) for each in found):
            demand = self.demands.demand(Host(host, 0, (address,)), host, None)
            assert not isinstance(demand, NotInPolicy)
            try:
                target = Target(host, address, port, demand, relay=True)
                return await opened(target, helo=self.helo, timeouts=self.timeouts)
            except Down as error:
                failure = error
        raise failure or Down(f"the relay {lane} has no address", "4.4.4")
