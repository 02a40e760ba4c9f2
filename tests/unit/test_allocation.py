"""Dividing amounts: whatever is divided, and however, nothing is lost and nothing is left to chance."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daimon.billing.splits.allocation import PERCENT, WHOLE, apportion, mixed, percentage

AMOUNTS = st.one_of(st.integers(-1000, 1000), st.integers(-(10**15), 10**15))
WEIGHTS = st.lists(st.one_of(st.integers(0, 5), st.integers(0, 10**18)), min_size=1, max_size=40).filter(any)
QUANTITIES = st.lists(st.tuples(*[st.one_of(st.just(0), st.integers(0, 10**14))] * 4), min_size=1, max_size=30)


@settings(max_examples=3_000, deadline=None)
@given(AMOUNTS, WEIGHTS)
def test_parts_sum_to_the_amount(amount: int, weights: list[int]) -> None:
    """Each part is less than one unit from its exact share; no weight, no part; a credit mirrors its charge."""
    parts = apportion(amount, weights)
    assert sum(parts) == amount
    assert all(
        abs(part - Fraction(amount * weight, sum(weights))) < 1 for part, weight in zip(parts, weights, strict=True)
    )
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)
    assert apportion(-amount, weights) == [-part for part in parts]
    assert apportion(amount, weights) == parts


@settings(max_examples=1_000, deadline=None)
@given(AMOUNTS, st.lists(st.integers(-(10**6), 10**9), min_size=1, max_size=40).filter(lambda each: sum(each) > 0))
def test_corrections_that_take_back(amount: int, weights: list[int]) -> None:
    """With weights below zero among them the parts still sum to the amount, and keep to their exact shares."""
    parts = apportion(amount, weights)
    assert sum(parts) == amount
    assert all(
        abs(part - Fraction(amount * weight, sum(weights))) < 1 for part, weight in zip(parts, weights, strict=True)
    )


@settings(max_examples=1_000, deadline=None)
@given(st.integers(0, 10**9), WEIGHTS)
def test_the_largest_remainders_are_served(amount: int, weights: list[int]) -> None:
    """Nobody is rounded up while somebody with a larger remainder, or the same one and an earlier place, is not."""
    parts, whole = apportion(amount, weights), sum(weights)
    remainders = [amount * weight % whole for weight in weights]
    floors = [amount * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda place: (-remainders[place], place))
    served = [parts[place] - floors[place] for place in order]
    assert served == sorted(served, reverse=True)
    assert set(served) <= {0, 1}


def test_ties_go_to_the_earlier() -> None:
    """Three equal shares of a hundred: the first has the odd cent, of a credit too."""
    assert apportion(100, [1, 1, 1]) == [34, 33, 33]
    assert apportion(-100, [1, 1, 1]) == [-34, -33, -33]
    assert apportion(2, [1, 1, 1]) == [1, 1, 0]
    assert apportion(0, [3, 4]) == [0, 0]


def test_many_thousands_of_parts() -> None:
    """A cent more than there are pods."""
    parts = apportion(10_001, [1] * 10_000)
    assert (sum(parts), parts[0], set(parts[1:])) == (10_001, 2, {1})
    assert sum(apportion(-7, list(range(20_000)))) == -7


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [5, -5], [1, -2]])
def test_nothing_to_divide_by(weights: list[int]) -> None:
    """Weights that sum to nothing divide nothing."""
    with pytest.raises(ValueError, match="more than zero"):
        apportion(100, weights)


@settings(max_examples=1_000, deadline=None)
@given(QUANTITIES, st.tuples(*[st.integers(0, 100)] * 4), AMOUNTS)
def test_kinds_are_mixed_by_their_weights(quantities: list[tuple[int, ...]], by: tuple[int, ...], amount: int) -> None:
    """The weight of a row is its share of each kind, each kind weighing what it shall; and the amount is divided."""
    made = mixed(quantities, by)
    totals = [sum(column) for column in zip(*quantities, strict=True)]
    used = [kind for kind in range(4) if totals[kind] and by[kind]]
    if not used:
        assert not any(made)
        return
    exact = [sum(Fraction(by[kind] * row[kind], totals[kind]) for kind in used) for row in quantities]
    assert [Fraction(weight, sum(made)) for weight in made] == [share / sum(exact) for share in exact]
    assert sum(apportion(amount, made)) == amount


def test_a_quarter_by_what_was_stored() -> None:
    """The size of a unit does not count: bytes do not outweigh mails."""
    quantities = [(10, 1_000_000), (30, 0)]
    assert apportion(1000, mixed(quantities, (3, 1))) == [438, 562]  # 750 × 10/40 + 250, and 750 × 30/40
    assert apportion(1000, mixed(quantities, (0, 1))) == [1000, 0]


@settings(max_examples=1_000, deadline=None)
@given(st.integers(-(10**12), 10**12), st.integers(0, 10 * WHOLE))
def test_percentages_are_rounded_half_up(amount: int, percent: int) -> None:
    """To the nearest unit; a half goes away from zero; a credit's is the charge's with the other sign."""
    part, exact = percentage(amount, percent), Fraction(amount * percent, WHOLE)
    assert abs(part - exact) <= Fraction(1, 2)
    assert part == -percentage(-amount, percent)
    if abs(part - exact) == Fraction(1, 2):
        assert abs(part) > abs(exact)


def test_percentages() -> None:
    """15 % of 9.99 is 1.50; a tenth of five is a half, rounded up."""
    assert percentage(999, 15 * PERCENT) == 150
    assert percentage(5, 10 * PERCENT) == 1
    assert percentage(-5, 10 * PERCENT) == -1
    assert percentage(100, 333_333) == 33
