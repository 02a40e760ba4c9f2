"""Dividing amounts without losing a cent: whole numbers only, so the parts sum exactly to what was divided."""

from collections.abc import Sequence
from math import prod

PERCENT = 10_000  # a percentage is kept in ten-thousandths of a percent: 33.3333 % is 333_333
WHOLE = 100 * PERCENT


def apportion(amount: int, weights: Sequence[int]) -> list[int]:
    """Return the parts of an amount, in proportion to weights, by the largest remainder.

    The parts sum to the amount, each is less than one unit from its exact share, and of equal remainders the earlier
    one is served. A credit is divided as the charge of the same size is. A weight below zero (a correction that takes
    back more than there was) gets a part of the opposite sign. Raises ValueError unless the weights sum to more than 0.
    """
    whole = sum(weights)
    if whole <= 0:
        raise ValueError("weights must sum to more than zero")
    if amount < 0:
        return [-part for part in apportion(-amount, weights)]
    parts, remainders = [], []
    for weight in weights:
        part, remainder = divmod(amount * weight, whole)
        parts.append(part)
        remainders.append(remainder)
    left = amount - sum(parts)
    if left:
        served = sorted(range(len(weights)), key=lambda place: -remainders[place])  # stable: ties by place
        for place in served[:left]:
            parts[place] += 1
    return parts


def mixed(quantities: Sequence[Sequence[int]], weights: Sequence[int]) -> list[int]:
    """Return one weight for each row of quantities, of kinds that have no common measure.

    The weight of a kind is the share of the amount that is divided by it: with (3, 1), three quarters go by the first
    kind. A kind of which there is nothing is left out, and the others take its share. All of it stays exact: the
    fractions are brought to one denominator.
    """
    totals = [sum(column) for column in zip(*quantities, strict=True)]
    used = [kind for kind, total in enumerate(totals) if total > 0 and weights[kind] > 0]
    whole = prod(totals[kind] for kind in used)
    factors = [(kind, weights[kind] * (whole // totals[kind])) for kind in used]
    return [sum(row[kind] * factor for kind, factor in factors) for row in quantities]


def percentage(amount: int, percent: int) -> int:
    """Return so many ten-thousandths of a percent of an amount, half a unit and more rounded away from zero."""
    part = (2 * abs(amount) * percent + WHOLE) // (2 * WHOLE)
    return part if amount >= 0 else -part
