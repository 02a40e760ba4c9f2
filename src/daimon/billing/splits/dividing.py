"""From a cost and what was used to the lines of a report: pure, so that it can be tried with everything."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from daimon.billing.splits.allocation import apportion, mixed, percentage
from daimon.billing.splits.models import (
    UNALLOCATED,
    Cost,
    Days,
    Line,
    Method,
    Place,
    Quantities,
    Report,
    Split,
    Unit,
    Used,
)

_REST = Place(UNALLOCATED)
_NOTHING = Quantities()


def spans(month: Days, today: date, costs: Iterable[Cost]) -> dict[Cost | None, Days]:
    """Return the days by which each cost is divided, and for None those of the month itself.

    A cost is divided by its own days, as far as they are over when the month is. One that lies wholly in the future is
    divided by the month's.
    """
    whole = month.until(today) or Days(month.first, month.first)
    return {None: whole, **{cost: cost.days.until(whole.last) or whole for cost in costs}}


def divide(month: Days, today: date, currency: str, split: Split, costs: Sequence[Cost], used: Used) -> Report:
    """Return the report of a month: the amounts of its lines sum to the costs, whatever was used.

    Costs of the same days are divided together, so that a credit and the charge that it takes back cancel out.
    """
    over = spans(month, today, costs)
    amounts: defaultdict[Place, int] = defaultdict(int)
    pools: defaultdict[tuple[date | None, Days], int] = defaultdict(int)
    for cost in costs:
        pools[cost.corrects, over[cost]] += cost.amount
    for (corrects, days), amount in sorted(pools.items(), key=lambda each: (each[0][0] or date.min, each[0][1])):
        places, weights = _weights(split, days, used)
        if sum(weights) <= 0:
            places, weights = [_REST], [1]
        for place, part in zip(places, apportion(amount, weights), strict=True):
            amounts[_late(place, corrects)] += part
    shown = used.by_days.get(over[None], {})
    names = _present(split, over[None], used.units)
    listed = in_order({_REST, *names, *shown, *(place for place, amount in amounts.items() if amount)})
    lines = [_line(split, place, used.units, shown.get(place, _NOTHING), amounts[place]) for place in listed]
    return Report(month.first, currency, split, list(costs), lines)


def in_order(places: Iterable[Place]) -> list[Place]:
    """Return places by their unit, corrections behind what they correct, and what is unallocated last."""
    return sorted(places, key=lambda place: (place.unit == UNALLOCATED, place.unit, place.corrects or date.min))


def _late(place: Place, corrects: date | None) -> Place:
    return place if corrects is None else Place(place.unit, corrects)


def _line(split: Split, place: Place, units: Mapping[str, Unit], used: Quantities, amount: int) -> Line:
    named = units.get(place.unit)
    markup = percentage(amount, split.markup_of(place.unit))
    return Line(place.unit, named.name if named else None, place.corrects, used, amount, markup)


def _present(split: Split, days: Days, units: Mapping[str, Unit]) -> list[Place]:
    """Return the units that were there in some of the days."""
    return [Place(unit) for unit, each in units.items() if each.since <= days.last and each.until >= days.first]


def _weights(split: Split, days: Days, used: Used) -> tuple[list[Place], list[int]]:
    """Return who bears a cost of some days, in order, and by what weight."""
    if split.method is Method.EVEN:
        places = in_order(_present(split, days, used.units))
        return places, [1] * len(places)
    if split.method is Method.FIXED:
        return _fixed(split, days, used.units)
    quantities = used.by_days.get(days, {})
    places = in_order(quantities)
    if split.method is Method.INBOXES:
        return places, [quantities[place].inbox_days for place in places]
    rows = [(q.sent, q.received, q.stored_bytes, q.inbox_days) for q in map(quantities.__getitem__, places)]
    weights = split.weights
    return places, mixed(rows, (weights.sends, weights.received, weights.storage, weights.inboxes)) if rows else []


def _fixed(split: Split, days: Days, units: Mapping[str, Unit]) -> tuple[list[Place], list[int]]:
    """Return the percentages; whoever was not there leaves his to what is unallocated."""
    there = {place.unit for place in _present(split, days, units)}
    percents: defaultdict[Place, int] = defaultdict(int)
    for unit, percent in split.fixed.items():
        percents[Place(unit) if unit in there else _REST] += percent
    places = in_order(percents)
    return places, [percents[place] for place in places]
