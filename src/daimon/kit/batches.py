"""Work of many callers done in batches: whoever comes while a batch is being done is in the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from daimon.kit.errors import Unavailable

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class _Waiting:
    item: Any
    done: "asyncio.Future[Any]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Batches(Generic[K, T, R]):
    """Does items of one place in batches, one batch at a time; places do not wait for each other.

    `do` returns one result for each item, in order, or raises if nothing of the batch was done. Then each of its items
    is done again alone, so that one that is refused is in nobody's way; but Unavailable is everybody's. A batch holds
    `most` items, and no more of them than weigh `heaviest`, if they are more than one.
    """

    def __init__(
        self,
        do: Callable[[K, Sequence[T]], Awaitable[Sequence[R]]],
        *,
        most: int,
        weigh: Callable[[T], int] = lambda _: 0,
        heaviest: int = 0,
    ) -> None:
        self._do = do
        self._most = most
        self._weigh = weigh
        self._heaviest = heaviest
        self._waiting: dict[K, list[_Waiting]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def add(self, place: K, item: T) -> R:
        """Return the item's result once its batch is done. Raises what `do` raises for it alone.

        A caller that goes away leaves the item to be done.
        """
        waiting = _Waiting(item)
        if place in self._waiting:
            self._waiting[place].append(waiting)
        else:
            self._waiting[place] = [waiting]
            self._running.add(task := asyncio.create_task(self._serve(place)))
            task.add_done_callback(self._running.discard)
        result: R = await asyncio.shield(waiting.done)
        return result

    async def _serve(self, place: K) -> None:
        while waiting := self._waiting[place]:
            fit = self._fitting(waiting)
            self._waiting[place] = waiting[fit:]
            await self._attempt(place, waiting[:fit])
        del self._waiting[place]

    def _fitting(self, waiting: Sequence[_Waiting]) -> int:
        weight = 0
        for count, each in enumerate(waiting[: self._most]):
            weight += self._weigh(each.item)
            if count and weight > self._heaviest:
                return count
        return min(len(waiting), self._most)

    async def _attempt(self, place: K, batch: Sequence[_Waiting]) -> None:
        try:
            results = await self._do(place, [each.item for each in batch])
        except Exception as error:
            if len(batch) == 1 or isinstance(error, Unavailable):
                _fail(batch, error)
            else:
                for each in batch:
                    await self._attempt(place, [each])
            return
        for each, result in zip(batch, results, strict=True):
            if not each.done.done():
                each.done.set_result(result)


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for each in batch:
        if not each.done.done():
            each.done.set_exception(error)
