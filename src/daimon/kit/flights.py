"""One question for all who ask the same at one moment."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Flight(Generic[T]):
    task: "asyncio.Task[T]"
    waiting: int = 0


class Flights(Generic[T]):
    """Questions under way, by what they ask."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight[T]] = {}

    async def join(self, key: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what `ask` finds, begun now or by somebody before; the last to lose patience ends the question."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.ensure_future(ask()))
            flight.task.add_done_callback(lambda task: self._landed(key, task))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                flight.task.cancel()
                self._landed(key, flight.task)

    def cancel(self) -> None:
        """End all questions."""
        for flight in self._flights.values():
            flight.task.cancel()

    def _landed(self, key: str, task: "asyncio.Task[T]") -> None:
        if (flight := self._flights.get(key)) and flight.task is task:
            del self._flights[key]
