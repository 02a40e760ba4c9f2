"""A month's cost divided: every cent, by every method, with everything that can happen in a month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from random import Random
from typing import TypeVar
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from daimon.billing.splits.allocation import PERCENT, WHOLE, percentage
from daimon.billing.splits.dividing import divide, spans
from daimon.billing.splits.gathering import Metered, PodThen, TeamThen, gather
from daimon.billing.splits.models import (
    UNALLOCATED,
    Cost,
    Days,
    Method,
    Place,
    Quantities,
    Report,
    Split,
    SplitBy,
    Used,
    Weights,
)
from daimon.kit.ids import Kind, show

T = TypeVar("T")

MONTH = Days(date(2026, 11, 1), date(2026, 11, 30))
EARLIER = date(2026, 9, 1)
TODAY = date(2026, 12, 2)
PODS = [UUID(int=number) for number in range(1, 9)]
TEAMS = [UUID(int=number) for number in range(101, 105)]
UNITS = {
    SplitBy.POD: [show(Kind.POD, pod_id) for pod_id in PODS],
    SplitBy.TEAM: [show(Kind.TEAM, team_id) for team_id in TEAMS],
    SplitBy.COST_CENTER: ["A", "B", "C"],
}


@dataclass(frozen=True)
class Drawn:
    """A month drawn at random from a seed: how it is split, what it cost, and who used what."""

    seed: int

    @cached_property
    def random(self) -> Random:
        return Random(self.seed)

    def some(self, values: Sequence[T]) -> list[T]:
        """Draw some of the values, none or all too."""
        return self.random.sample(values, self.random.randint(0, len(values)))

    def count(self, least: int = 0) -> int:
        """Draw a quantity: often nothing, sometimes very much, and of a correction less than nothing."""
        return self.random.choice([0, self.random.randint(least, 50), self.random.randint(0, 10**9)])

    def day(self) -> date:
        return date(2026, 9, 15) + timedelta(days=self.random.randint(0, 100))

    def split(self) -> Split:
        by, method = self.random.choice([*SplitBy]), self.random.choice([*Method])
        units, fixed = [*UNITS[by], UNALLOCATED], {}
        if method is Method.FIXED:
            named = self.some(units) or units
            cuts = sorted(self.random.randint(0, WHOLE) for _ in named[1:])
            ends = zip(named, [0, *cuts], [*cuts, WHOLE], strict=True)
            fixed = {unit: end - begin for unit, begin, end in ends}
        markups = {unit: self.random.randint(0, 300 * PERCENT) for unit in self.some(units)}
        weights = Weights(*(self.random.randint(0, 3) for _ in range(4)))
        return Split(by, method, weights, fixed, self.random.randint(0, 300 * PERCENT), markups)

    def costs(self) -> list[Cost]:
        lines = []
        for number in range(self.random.randint(0, 4)):
            first, most = self.day(), 10 ** self.random.randint(1, 9)
            days = Days(first, first + timedelta(days=self.random.randint(0, 40)))
            amount, late = self.random.randint(-most, most), self.random.choice([None, EARLIER])
            lines.append(Cost(f"c{number}", "", amount, "jpy", days, late))
        return lines

    def used(self, by: SplitBy, spans_of_it: set[Days]) -> Used:
        """Draw who used what; nothing is lost on the way from pods to lines."""
        pods = {
            pod_id: PodThen("pod", self.random.choice([None, "A", "B", "C"]), self.day(), date.max)
            for pod_id in self.some(PODS)
        }
        teams = {team_id: TeamThen("team", EARLIER, tuple(self.some(PODS))) for team_id in self.some(TEAMS)}
        metered = [
            Metered(
                days,
                pod_id,
                late,
                Quantities(*(self.count(-20 if late else 0) for _ in range(3)), 0 if late else self.count()),
            )
            for days in sorted(spans_of_it)
            for pod_id in self.some([None, *PODS])
            for late in self.some([None, EARLIER])
        ]
        used = gather(by, pods, teams, metered)
        for days in spans_of_it:
            of_days = [each.used for each in metered if each.days == days]
            assert sum(used.by_days.get(days, {}).values(), Quantities()) == sum(of_days, Quantities())
        return used


@settings(max_examples=10_000, deadline=None)
@given(st.integers(0, 2**64))
def test_the_lines_sum_to_the_cost(seed: int) -> None:
    """By every method exactly, each unit once, and each mark-up is its line's."""
    drawn = Drawn(seed)
    split, costs = drawn.split(), drawn.costs()
    used = drawn.used(split.by, set(spans(MONTH, TODAY, costs).values()))
    report = divide(MONTH, TODAY, "jpy", split, costs, used)
    assert sum(line.amount for line in report.lines) == sum(cost.amount for cost in costs) == report.total
    places = [(line.unit, line.corrects) for line in report.lines]
    assert len(set(places)) == len(places)
    assert places.count((UNALLOCATED, None)) == 1
    for line in report.lines:
        assert line.markup == percentage(line.amount, split.markup_of(line.unit))
    assert divide(MONTH, TODAY, "jpy", split, costs, used) == report


def _cost(amount: int, days: Days = MONTH, **more: object) -> Cost:
    return Cost("c", "", amount, "usd", days, **more)  # type: ignore[arg-type]


def _amounts(report: Report) -> dict[str, int]:
    return {line.unit: line.amount for line in report.lines if line.corrects is None}


def _pods(*names: str) -> dict[UUID, PodThen]:
    return {PODS[at]: PodThen(name, None, EARLIER, date.max) for at, name in enumerate(names)}


def test_each_cost_is_divided_by_its_own_days() -> None:
    """A plan that changed on the 16th: the first half by who used the first half, the rest by who used the rest."""
    early, late = Days(MONTH.first, date(2026, 11, 15)), Days(date(2026, 11, 16), MONTH.last)
    metered = [
        Metered(early, PODS[0], None, Quantities(sent=10)),
        Metered(late, PODS[1], None, Quantities(sent=10)),
        Metered(MONTH, PODS[0], None, Quantities(sent=10)),
        Metered(MONTH, PODS[1], None, Quantities(sent=10)),
    ]
    used = gather(SplitBy.POD, _pods("a", "b"), {}, metered)
    report = divide(MONTH, TODAY, "usd", Split(), [_cost(450, early), _cost(2450, late)], used)
    assert _amounts(report) == {show(Kind.POD, PODS[0]): 450, show(Kind.POD, PODS[1]): 2450, UNALLOCATED: 0}


def test_a_credit_and_its_charge_cancel_out() -> None:
    """Of the same days, to the cent and on every line."""
    metered = [Metered(MONTH, pod_id, None, Quantities(sent=1)) for pod_id in PODS[:3]]
    used = gather(SplitBy.POD, _pods("a", "b", "c"), {}, metered)
    report = divide(MONTH, TODAY, "usd", Split(), [_cost(1000), _cost(-1000)], used)
    assert set(_amounts(report).values()) == {0}


def test_what_is_paid_in_advance_is_divided_by_what_is_over() -> None:
    """The days of a cost that lie behind the month are not waited for; one wholly in the future takes the month's."""
    ahead, beyond = Days(date(2026, 11, 17), date(2026, 12, 16)), Days(date(2027, 1, 1), date(2027, 12, 31))
    found = spans(MONTH, TODAY, [_cost(1, ahead), _cost(2, beyond)])
    assert list(found.values()) == [MONTH, Days(date(2026, 11, 17), date(2026, 11, 30)), MONTH]
    present = spans(MONTH, date(2026, 11, 20), [_cost(1, ahead)])
    assert list(present.values()) == [Days(MONTH.first, date(2026, 11, 20)), Days(ahead.first, date(2026, 11, 20))]


def test_nothing_used_is_nobodys() -> None:
    """A month in which nothing happened is on the unallocated line, and pods stand there with nothing."""
    for method in (Method.USAGE, Method.INBOXES):
        report = divide(
            MONTH, TODAY, "usd", Split(method=method), [_cost(900)], gather(SplitBy.POD, _pods("a"), {}, [])
        )
        assert _amounts(report) == {show(Kind.POD, PODS[0]): 0, UNALLOCATED: 900}
    even = Split(method=Method.EVEN)
    assert _amounts(divide(MONTH, TODAY, "usd", even, [_cost(900)], gather(SplitBy.POD, {}, {}, []))) == {
        UNALLOCATED: 900
    }


def test_percentages_of_who_was_not_there() -> None:
    """They are left unallocated: a pod that was deleted before pays nothing."""
    gone = PodThen("gone", None, EARLIER, date(2026, 10, 31))
    one, two = show(Kind.POD, PODS[0]), show(Kind.POD, PODS[1])
    split = Split(method=Method.FIXED, fixed={one: 333_333, two: 666_667})
    report = divide(
        MONTH, TODAY, "usd", split, [_cost(1000)], gather(SplitBy.POD, _pods("a") | {PODS[1]: gone}, {}, [])
    )
    assert _amounts(report) == {one: 333, UNALLOCATED: 667}


def test_late_use_stands_on_a_line_of_its_own() -> None:
    """It bears its part of this month's cost; what was taken back lowers it."""
    metered = [
        Metered(MONTH, PODS[0], None, Quantities(sent=80)),
        Metered(MONTH, PODS[0], EARLIER, Quantities(sent=-20)),
        Metered(MONTH, PODS[1], None, Quantities(sent=40)),
    ]
    report = divide(MONTH, TODAY, "usd", Split(), [_cost(1000)], gather(SplitBy.POD, _pods("a", "b"), {}, metered))
    assert [(line.name, line.corrects, line.used.sent, line.amount) for line in report.lines] == [
        ("a", None, 80, 800), ("a", EARLIER, -20, -200), ("b", None, 40, 400), (None, None, 0, 0),
    ]  # fmt: skip


def test_teams_share_what_is_in_their_pods() -> None:
    """Two teams of one pod bear it alike, in whole mails; a pod that no team has is unallocated."""
    teams = {TEAMS[0]: TeamThen("x", EARLIER, (PODS[0],)), TEAMS[1]: TeamThen("y", EARLIER, (PODS[0],))}
    metered = [Metered(MONTH, pod_id, None, Quantities(sent=5)) for pod_id in PODS[:2]]
    used = gather(SplitBy.TEAM, _pods("a", "b"), teams, metered)
    places = {place: quantities.sent for place, quantities in used.by_days[MONTH].items()}
    assert places == {
        Place(show(Kind.TEAM, TEAMS[0])): 3, Place(show(Kind.TEAM, TEAMS[1])): 2, Place(UNALLOCATED): 5,
    }  # fmt: skip


def test_ten_thousand_pods() -> None:
    """One cent less than there are pods: every pod but the last has one."""
    pods = {UUID(int=number): PodThen("p", None, EARLIER, date.max) for number in range(1, 10_001)}
    report = divide(MONTH, TODAY, "usd", Split(method=Method.EVEN), [_cost(9_999)], gather(SplitBy.POD, pods, {}, []))
    assert [line.amount for line in report.lines] == [1] * 9_999 + [0, 0]
