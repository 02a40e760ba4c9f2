"""Answers of DNS remembered for as long as they hold, and a resolver that is away left alone for a while."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from time import monotonic as _monotonic
from typing import Any, Generic, TypeVar

from daimon.kit.dns import Answer, Dns, Mx, NoSuchName, Silence, Unanswered
from daimon.kit.flights import Flights
from daimon.kit.log import Log

SHORTEST_SECONDS, LONGEST_SECONDS = 5.0, 3600.0  # an answer is remembered, whatever its TTL is
NEGATIVE_SECONDS = 60.0  # RFC 2308 §5 allows more, but who mends a record shall see it
FAILURE_SECONDS = 15.0
MOST_OCTETS = 16 * 1024 * 1024
AT_ONCE = 200  # questions under way, each with a socket of its own
QUESTION_SECONDS = 3.0  # for one: time enough to ask twice

SILENCES = 5  # in a row, until it is asked whether the resolver is there at all
PAUSE_SECONDS = 30.0
_ALWAYS_ANSWERED = "localhost"  # RFC 6761 §6.3: by the resolver itself
_OVERHEAD = 400  # octets that an entry takes beside its records

_log = Log(__name__)
T = TypeVar("T")
_Outcome = Answer[T] | NoSuchName | Unanswered


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    good_until: float
    octets: int
    outcome: _Outcome[T]


class NotRemembered(Exception):
    """Nobody asked this lately."""


class Remembered:
    """What is remembered, and no more. Everything raises NoSuchName, Unanswered and NotRemembered, and never waits."""

    def __init__(self, known: Callable[[str, str], Answer[Any]]) -> None:
        self._known = known

    async def txt(self, name: str) -> Answer[bytes]:
        """Return a name's texts."""
        return self._known("TXT", name)

    async def a(self, name: str) -> Answer[str]:
        """Return a name's IPv4 addresses."""
        return self._known("A", name)

    async def aaaa(self, name: str) -> Answer[str]:
        """Return a name's IPv6 addresses."""
        return self._known("AAAA", name)

    async def mx(self, name: str) -> Answer[Mx]:
        """Return a domain's mail exchanges."""
        return self._known("MX", name)


class RememberingDns:
    """Asks a resolver what is not remembered. Everything raises NoSuchName and Unanswered.

    All who ask the same at one moment share one question. When the resolver stays silent, and does not even answer for
    a name that is its own, it is not asked for half a minute: everything not remembered is Unanswered at once.
    """

    def __init__(self, dns: Dns, *, monotonic: Callable[[], float] = _monotonic) -> None:
        self._dns = dns
        self._monotonic = monotonic
        self._known: OrderedDict[str, _Entry[Any]] = OrderedDict()
        self._octets = 0
        self._flights: Flights[_Outcome[Any]] = Flights()
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._silences = 0
        self._away_until = 0.0
        self._probe: asyncio.Task[None] | None = None
        self.remembered = Remembered(self._remembered)

    def close(self) -> None:
        """Ask nothing any more."""
        self._flights.cancel()
        if self._probe:
            self._probe.cancel()

    async def txt(self, name: str) -> Answer[bytes]:
        """Return a name's texts."""
        return await self._ask("TXT", name, self._dns.txt)

    async def a(self, name: str) -> Answer[str]:
        """Return a name's IPv4 addresses."""
        return await self._ask("A", name, self._dns.a)

    async def aaaa(self, name: str) -> Answer[str]:
        """Return a name's IPv6 addresses."""
        return await self._ask("AAAA", name, self._dns.aaaa)

    async def mx(self, name: str) -> Answer[Mx]:
        """Return a domain's mail exchanges."""
        return await self._ask("MX", name, self._dns.mx)

    async def _ask(self, kind: str, name: str, ask: Callable[[str], Coroutine[Any, Any, Answer[T]]]) -> Answer[T]:
        try:
            return self._remembered(kind, name)
        except NotRemembered:
            key = f"{kind} {name.lower()}"
            return _said(await self._flights.join(key, lambda: self._look_up(key, name, ask)))

    def _remembered(self, kind: str, name: str) -> Answer[Any]:
        key = f"{kind} {name.lower()}"
        entry = self._known.get(key)
        if entry is None or self._monotonic() >= entry.good_until:
            raise NotRemembered
        self._known.move_to_end(key)
        return _said(entry.outcome)

    async def _look_up(self, key: str, name: str, ask: Callable[[str], Coroutine[Any, Any, Answer[T]]]) -> _Outcome[T]:
        async with self._gate:
            if self._monotonic() < self._away_until:
                return Silence("the resolver does not answer")
            outcome = await self._in_time(ask(name))
        self._remember(key, outcome)
        self._listen(outcome)
        return outcome

    async def _in_time(self, question: Coroutine[Any, Any, Answer[T]]) -> _Outcome[T]:
        try:
            async with asyncio.timeout(QUESTION_SECONDS):
                return await question
        except TimeoutError:
            return Silence("the resolver did not answer in time")
        except (NoSuchName, Unanswered) as error:
            return error.with_traceback(None)

    def _listen(self, outcome: _Outcome[T]) -> None:
        """Count silences; after some, ask what the resolver can answer by itself. Names of others may be at fault."""
        self._silences = self._silences + 1 if isinstance(outcome, Silence) else 0
        if self._silences >= SILENCES and (self._probe is None or self._probe.done()):
            self._probe = asyncio.create_task(self._look_whether_it_is_there())

    async def _look_whether_it_is_there(self) -> None:
        self._silences = 0
        if isinstance(await self._in_time(self._dns.a(_ALWAYS_ANSWERED)), Silence):
            _log.warning("dns.resolver_away", pause_seconds=PAUSE_SECONDS)
            self._away_until = self._monotonic() + PAUSE_SECONDS

    def _remember(self, key: str, outcome: _Outcome[T]) -> None:
        octets = _OVERHEAD + len(key) + sum(map(_size, outcome.records)) if isinstance(outcome, Answer) else _OVERHEAD
        if known := self._known.pop(key, None):
            self._octets -= known.octets
        self._known[key] = _Entry(self._monotonic() + _seconds(outcome), octets, outcome)
        self._octets += octets
        while self._octets > MOST_OCTETS:
            _, oldest = self._known.popitem(last=False)
            self._octets -= oldest.octets


def _said(outcome: _Outcome[T]) -> Answer[T]:
    if isinstance(outcome, Answer):
        return outcome
    raise type(outcome)(*outcome.args)  # to each asker one of its own


def _seconds(outcome: _Outcome[T]) -> float:
    if isinstance(outcome, Answer):
        longest = LONGEST_SECONDS if outcome.records else NEGATIVE_SECONDS
        return min(max(outcome.ttl, SHORTEST_SECONDS), longest)
    return NEGATIVE_SECONDS if isinstance(outcome, NoSuchName) else FAILURE_SECONDS


def _size(record: object) -> int:
    return 64 + len(record) if isinstance(record, bytes) else 128
