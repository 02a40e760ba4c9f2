"""Who opens the lines: the simulator for its own domain, a relay for everything else if there is one, or MX hosts."""

from dataclasses import dataclass

from daimon.kit.clock import Clock
from daimon.outbound.lines import Courier, Line
from daimon.outbound.simulator import SimulatorLine, domain_of


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
