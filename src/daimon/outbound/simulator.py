"""Addresses at `simulator.<service domain>` that play every outcome, without leaving the server.

The part before `@` says which; `+tag` may follow. What it plays is the same each time, and nobody there is suppressed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from daimon.kit.clock import Clock
from daimon.mail.address import parse_address
from daimon.outbound import simulated
from daimon.outbound.attempts import Peer
from daimon.outbound.lines import Abandoned, Answer, Letter, Said

SIMULATOR = "simulator"
SLOW_SECONDS = 10.0


class _Play(NamedTuple):
    """What is said to a mail at its n-th attempt; the last one holds from there on. `answer` makes what comes back."""

    says: tuple[Said, ...]
    answer: Callable[[Letter, str, Clock], Answer] | None = None
    seconds: float = 0.0


_TAKEN = Said(250, "2.0.0", "taken by the simulator")
_PLAYS = {
    "delivered": _Play((_TAKEN,)),
    "bounce": _Play((Said(550, "5.1.1", "user unknown"),)),
    "soft-bounce": _Play((Said(452, "4.2.2", "mailbox full"), _TAKEN)),
    "blocked": _Play((Said(554, "5.7.1", "your IP address is listed in a block list"),)),
    "slow": _Play((_TAKEN,), seconds=SLOW_SECONDS),
    "complaint": _Play((_TAKEN,), simulated.complaint),
    "out-of-office": _Play((_TAKEN,), simulated.out_of_office),
    "echo": _Play((_TAKEN,), simulated.echo),
}
_NOBODY = _Play((Said(550, "5.1.1", f"the simulator plays {', '.join(_PLAYS)}"),))


def domain_of(service_domain: str) -> str:
    """Return the domain that the simulator answers for."""
    return f"{SIMULATOR}.{service_domain}"


@dataclass(frozen=True, slots=True)
class SimulatorLine:
    """A line to the simulator."""

    domain: str
    clock: Clock

    @property
    def peer(self) -> Peer:
        """Return who is at the other end."""
        return Peer(host=self.domain, simulated=True)

    async def send(self, letter: Letter, may_finish: Callable[[], bool]) -> list[Said]:
        """Play what each recipient stands for. Raises Abandoned."""
        plays = [(each, _PLAYS.get(parse_address(each).base.partition("@")[0], _NOBODY)) for each in letter.recipients]
        await asyncio.sleep(max(play.seconds for _, play in plays))
        if not may_finish():
            raise Abandoned
        return [self._said(letter, recipient, play) for recipient, play in plays]

    def _said(self, letter: Letter, recipient: str, play: _Play) -> Said:
        said = play.says[min(letter.attempt, len(play.says)) - 1]
        return said._replace(answer=play.answer(letter, recipient, self.clock)) if play.answer else said

    async def close(self) -> None:
        """Nothing is open."""
