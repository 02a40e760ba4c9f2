"""How an account splits its cost, what the cost is, and the report that comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import msgspec

from daimon.billing.splits.allocation import PERCENT

UNALLOCATED = "unallocated"  # the line of inboxes in no pod, and of whatever nobody else is to bear


class SplitBy(StrEnum):
    """What a line of a report is of."""

    POD = "pod"
    TEAM = "team"
    COST_CENTER = "cost_center"


class Method(StrEnum):
    """By what the cost is divided: what was used, inbox-days, alike, or percentages."""

    USAGE = "usage"
    INBOXES = "inboxes"
    EVEN = "even"
    FIXED = "fixed"


class Weights(msgspec.Struct, frozen=True):
    """How much of the cost is divided by each kind of use, in proportion to each other."""

    sends: int = 1
    received: int = 1
    storage: int = 1
    inboxes: int = 1


class Split(msgspec.Struct, frozen=True):
    """How a cost is divided. Percentages are in ten-thousandths of a percent, by the id of the line."""

    by: SplitBy = SplitBy.POD
    method: Method = Method.USAGE
    weights: Weights = Weights()
    fixed: dict[str, int] = msgspec.field(default_factory=dict)
    markup: int = 0
    markups: dict[str, int] = msgspec.field(default_factory=dict)

    def markup_of(self, unit: str) -> int:
        """Return what is put on a line; on the unallocated one only what is said of it alone."""
        return self.markups.get(unit, 0 if unit == UNALLOCATED else self.markup)


@dataclass(frozen=True, slots=True)
class Settings:
    """A Split and when it was set, None for what holds until somebody sets one."""

    split: Split
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, order=True)
class Days:
    """Some days, both ends among them."""

    first: date
    last: date

    @classmethod
    def of_month(cls, month: date) -> "Days":
        """Return the days of the month that a day is in."""
        first = month.replace(day=1)
        return cls(first, next_month(first) - timedelta(days=1))

    def until(self, last: date) -> "Days | None":
        """Return those of the days that are not after `last`, None if there are none."""
        return None if self.first > last else Days(self.first, min(self.last, last))


@dataclass(frozen=True, slots=True)
class Cost:
    """One thing that the account pays for: a line of an invoice, its taxes and discounts, or an operator's charge.

    `amount` is in minor units of the currency. `corrects` is the closed month that it belongs to, None for what is on
    time.
    """

    id: str
    description: str
    amount: int
    currency: str
    days: Days
    corrects: date | None = None
    invoice_id: str | None = None


class Quantities(msgspec.Struct, frozen=True):  # not a dataclass: there are tens of thousands of them in a report
    """What was used in some days."""

    received: int = 0
    sent: int = 0
    stored_bytes: int = 0
    inbox_days: int = 0

    def __add__(self, other: "Quantities") -> "Quantities":
        return Quantities(
            self.received + other.received,
            self.sent + other.sent,
            self.stored_bytes + other.stored_bytes,
            self.inbox_days + other.inbox_days,
        )

    @property
    def negative(self) -> "Quantities":
        """What takes them back."""
        return Quantities(-self.received, -self.sent, -self.stored_bytes, -self.inbox_days)

    def __bool__(self) -> bool:
        return bool(self.received or self.sent or self.stored_bytes or self.inbox_days)


class Place(NamedTuple):
    """A line of a report: whose it is, and which closed month it corrects, if it does."""

    unit: str
    corrects: date | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """What a line is of: a pod, a team or a cost centre, and from when until when it was there."""

    name: str
    since: date = date.min
    until: date = date.max


@dataclass(frozen=True, slots=True)
class Line:
    """What one unit has to bear. `amount` sums over the lines to the cost, exactly; `markup` comes on top of it."""

    unit: str
    name: str | None
    corrects: date | None
    used: Quantities
    amount: int
    markup: int


@dataclass(frozen=True, slots=True)
class Report:
    """The cost of a month and who bears it. `closed_at` is None while the month is open."""

    month: date
    currency: str
    split: Split
    costs: list[Cost]
    lines: list[Line]
    closed_at: datetime | None = None

    @property
    def total(self) -> int:
        """The cost, in minor units."""
        return sum(cost.amount for cost in self.costs)


@dataclass(frozen=True, slots=True)
class Used:
    """What was used, for each span of days that a report needs: by place, and which units there were."""

    units: Mapping[str, Unit]
    by_days: Mapping[Days, Mapping[Place, Quantities]] = field(default_factory=dict)


def next_month(month: date) -> date:
    """Return the first of the month after."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def percent_text(percent: int) -> str:
    """Return a percentage as people write it, such as `33.3333`."""
    text = f"{percent // PERCENT}.{percent % PERCENT:04d}"
    return text.rstrip("0").rstrip(".")
