"""Work of many done in batches: what each of them gets, and who is in whose way."""

import asyncio
from collections.abc import Sequence

import pytest

from daimon.kit.batches import Batches
from daimon.kit.errors import Conflict, Unavailable


class Squares:
    """Squares numbers after a turn of the loop, refuses negative ones, and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def __call__(self, _: str, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        await asyncio.sleep(0.01)
        if 404 in items:
            raise Unavailable
        if any(item < 0 for item in items):
            raise Conflict
        return [item * item for item in items]


async def test_who_comes_meanwhile_is_in_the_next_batch() -> None:
    """Each gets its own result; a batch holds so many at the most."""
    squares = Squares()
    batches = Batches(squares, most=4)
    assert await asyncio.gather(*(batches.add("a", n) for n in range(10))) == [n * n for n in range(10)]
    assert sorted(map(len, squares.batches)) == [2, 4, 4]


async def test_places_do_not_wait_for_each_other() -> None:
    """A batch is of one place."""
    squares = Squares()
    batches = Batches(squares, most=4)
    assert await asyncio.gather(batches.add("a", 1), batches.add("b", 2)) == [1, 4]
    assert squares.batches == [[1], [2]]


async def test_one_that_is_refused_is_in_nobodys_way() -> None:
    """It alone fails."""
    squares = Squares()
    batches = Batches(squares, most=8)
    results = await asyncio.gather(*(batches.add("a", n) for n in (1, -2, 3)), return_exceptions=True)
    assert (results[0], type(results[1]), results[2]) == (1, Conflict, 9)
    assert squares.batches == [[1, -2, 3], [1], [-2], [3]]


async def test_what_is_away_is_away_for_all() -> None:
    """Nobody waits for it as many times as there are others."""
    squares = Squares()
    batches = Batches(squares, most=8)
    results = await asyncio.gather(*(batches.add("a", n) for n in (1, 404)), return_exceptions=True)
    assert [type(each) for each in results] == [Unavailable, Unavailable]
    assert squares.batches == [[1, 404]]


async def test_heavy_items_go_alone() -> None:
    """And no batch is too heavy if it can be helped."""
    squares = Squares()
    batches = Batches(squares, most=8, weigh=abs, heaviest=10)
    await asyncio.gather(*(batches.add("a", n) for n in (50, 4, 5, 6)))
    assert squares.batches == [[50], [4, 5], [6]]


async def test_who_goes_away_leaves_the_item_to_be_done() -> None:
    """The others of its batch get theirs."""
    squares = Squares()
    batches = Batches(squares, most=8)
    gone, stays = (asyncio.ensure_future(batches.add("a", n)) for n in (1, 2))
    await asyncio.sleep(0.005)
    gone.cancel()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert squares.batches == [[1, 2]]
