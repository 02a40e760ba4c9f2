"""Billing splits as clients write and read them. Percentages are numbers with at most four digits behind the point."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from daimon.api.schema import Cursor, OneLine
from daimon.billing.splits.allocation import PERCENT
from daimon.billing.splits.models import (
    UNALLOCATED,
    Cost,
    Days,
    Line,
    Method,
    Report,
    Settings,
    Split,
    SplitBy,
    Weights,
)
from daimon.billing.splits.table import share_of
from daimon.kit.clock import Time, rfc3339_or_none
from daimon.kit.errors import Invalid
from daimon.kit.paging import read_cursor, write_cursor
from daimon.kit.written import Ours

MOST_LINES = 100_000
MOST_NAMED = 1_000
_MOST_CENTS = 10**15
_FIRST_YEAR = 2000

Weight = Annotated[int, Meta(ge=0, le=1_000_000)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Markup = Annotated[float, Meta(ge=0, le=1000)]
_Unit = Annotated[str, Meta(min_length=1, max_length=100)]
Period = Annotated[
    str, Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$(?!\n)", description="A month in UTC, such as `2026-11`.")
]
Currency = Annotated[str, Meta(pattern=r"^[a-zA-Z]{3}$(?!\n)", description="Three letters, such as `usd`.")]


class WeightsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the cost is divided by each kind of use, in proportion to each other; what is left out is 0."""

    sends: Weight = 0
    received: Weight = 0
    storage: Weight = 0
    inboxes: Weight = 0


class SplitPut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the cost is divided. What is left out is as nobody had ever set it."""

    by: SplitBy
    method: Method
    weights: Annotated[WeightsBody, Meta(description="With `usage`. Left out: 1 of each.")] | None = None
    fixed: Annotated[
        dict[_Unit, Percent],
        Meta(max_length=MOST_NAMED, description="With `fixed`: percent by id, or cost centre, exactly 100 in all."),
    ] = {}
    markup_percent: Annotated[Markup, Meta(description="What comes on top of each line but the unallocated one.")] = 0
    markups: Annotated[
        dict[_Unit, Markup],
        Meta(max_length=MOST_NAMED, description="The mark-up of single lines in place of it, in percent by id."),
    ] = {}

    def to_domain(self) -> Split:
        """Return what the service is asked. Raises Invalid."""
        if self.weights and self.method is not Method.USAGE:
            raise Invalid.field("weights", "go together with method `usage` alone")
        weights = self.weights
        return Split(
            by=self.by,
            method=self.method,
            weights=Weights(weights.sends, weights.received, weights.storage, weights.inboxes)
            if weights
            else Weights(),
            fixed={unit: _percent(percent, "fixed") for unit, percent in self.fixed.items()},
            markup=_percent(self.markup_percent, "markup_percent"),
            markups={unit: _percent(percent, "markups") for unit, percent in self.markups.items()},
        )


class SplitView(msgspec.Struct):
    """How the cost is divided, since `updated_at`; null while nobody has set it."""

    by: SplitBy
    method: Method
    weights: WeightsBody
    fixed: dict[str, float]
    markup_percent: float
    markups: dict[str, float]
    updated_at: Time | None


class _OfAMonth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of which month, and in which currency."""

    period: Annotated[Period, Meta(description="Left out: the present month.")] | None = None
    currency: Annotated[Currency, Meta(description="Needed where the month was paid in several.")] | None = None

    def month(self, today: date) -> date:
        """Return the first of the month. Raises Invalid."""
        if self.period is None:
            return today.replace(day=1)
        if int(self.period[:4]) < _FIRST_YEAR:
            raise Invalid.field("period", f"must not be before the year {_FIRST_YEAR}")
        return date.fromisoformat(f"{self.period}-01")


class SplitReportQuery(_OfAMonth, frozen=True):
    """Which report, and how it is shown."""

    format: Literal["json", "csv"] = "json"
    total_cents: (
        Annotated[
            int,
            Meta(
                ge=-_MOST_CENTS,
                le=_MOST_CENTS,
                description="What if the month cost this, in minor units of `currency` (`usd` if left out)?",
            ),
        ]
        | None
    ) = None
    limit: Annotated[int, Meta(ge=1, le=MOST_LINES, description="How many lines to show.")] = MOST_LINES
    cursor: Cursor | None = None

    def supposed(self, today: date) -> Cost | None:
        """Return the cost that is to be supposed, None if it is to be the real one. Raises Invalid."""
        if self.total_cents is None:
            return None
        days = Days.of_month(self.month(today))
        return Cost("supposed", "Supposed", self.total_cents, (self.currency or "usd").lower(), days)


class StatementQuery(_OfAMonth, frozen=True):
    """Whose statement."""

    id: Annotated[str, Meta(max_length=100, description="Of a line: a pod, a team or a cost centre.")] = UNALLOCATED
    issuer: Annotated[OneLine, Meta(description="Your name, to stand above it.")] | None = None


class SplitUsageView(msgspec.Struct):
    """What was used in the month."""

    sends: int
    received: int
    stored_bytes: int
    inbox_days: int


class SplitCostView(msgspec.Struct):
    """A part of the cost, and the days by whose use it is divided. `corrects`: the closed month that it belongs to."""

    id: str
    description: str
    invoice_id: str | None
    amount_cents: int
    first_day: date
    last_day: date
    corrects: str | None


class SplitLineView(msgspec.Struct):
    """What one pod, team or cost centre has to bear. `share` is of the whole cost, null where that is 0."""

    id: str
    name: str | None
    corrects: str | None
    usage: SplitUsageView
    share: float | None
    amount_cents: int
    markup_cents: int
    charge_cents: int


class SplitReportView(msgspec.Struct):
    """A month's cost and its lines, whose `amount_cents` sum to `total_cents`. A closed one never changes.

    All amounts are in minor units of the currency. What comes too late for a closed month stands in the open one, on
    lines that say which month they correct. Totals are of all pages.
    """

    period: Ours
    first_day: date
    last_day: date
    status: Literal["open", "closed"]
    closed_at: Time | None
    currency: Ours
    by: SplitBy
    method: Method
    total_cents: int
    markup_cents: int
    charge_cents: int
    costs: list[SplitCostView]
    lines: list[SplitLineView]
    limit: int
    has_more: bool
    next_cursor: Ours | None


def split_view(settings: Settings) -> SplitView:
    """Return how a cost is divided as clients read it."""
    split, weights = settings.split, settings.split.weights
    return SplitView(
        by=split.by,
        method=split.method,
        weights=WeightsBody(weights.sends, weights.received, weights.storage, weights.inboxes),
        fixed={unit: percent / PERCENT for unit, percent in split.fixed.items()},
        markup_percent=split.markup / PERCENT,
        markups={unit: percent / PERCENT for unit, percent in split.markups.items()},
        updated_at=rfc3339_or_none(settings.updated_at),
    )


def in_brief(split: Split) -> dict[str, Any]:
    """Return how a cost is divided for the audit trail."""
    shown: dict[str, Any] = msgspec.to_builtins(split_view(Settings(split, None)))
    del shown["updated_at"]
    return shown


def report_view(report: Report, query: SplitReportQuery) -> SplitReportView:
    """Return a page of a report as clients read it. Raises InvalidCursor."""
    begin = read_cursor(query.cursor, tuple[int])[0] if query.cursor else 0
    end = begin + query.limit
    more = end < len(report.lines)
    days, total, markup = Days.of_month(report.month), report.total, sum(line.markup for line in report.lines)
    return SplitReportView(
        period=_month(report.month),
        first_day=days.first,
        last_day=days.last,
        status="closed" if report.closed_at else "open",
        closed_at=rfc3339_or_none(report.closed_at),
        currency=report.currency,
        by=report.split.by,
        method=report.split.method,
        total_cents=total,
        markup_cents=markup,
        charge_cents=total + markup,
        costs=[_cost_view(cost) for cost in report.costs],
        lines=[_line_view(line, total) for line in report.lines[begin:end]],
        limit=query.limit,
        has_more=more,
        next_cursor=write_cursor(end) if more else None,
    )


def _cost_view(cost: Cost) -> SplitCostView:
    return SplitCostView(
        id=cost.id,
        description=cost.description,
        invoice_id=cost.invoice_id,
        amount_cents=cost.amount,
        first_day=cost.days.first,
        last_day=cost.days.last,
        corrects=_month(cost.corrects) if cost.corrects else None,
    )


def _line_view(line: Line, total: int) -> SplitLineView:
    used = line.used
    return SplitLineView(
        id=line.unit,
        name=line.name,
        corrects=_month(line.corrects) if line.corrects else None,
        usage=SplitUsageView(used.sent, used.received, used.stored_bytes, used.inbox_days),
        share=share_of(line, total),
        amount_cents=line.amount,
        markup_cents=line.markup,
        charge_cents=line.amount + line.markup,
    )


def _percent(value: float, field: str) -> int:
    """Return a percentage in ten-thousandths, exactly as it was written. Raises Invalid for more digits than that."""
    scaled = Decimal(repr(value)) * PERCENT  # repr is the shortest text of the number: what the client wrote
    if scaled != int(scaled):
        raise Invalid.field(field, f"{value!r} has more than four digits behind the point")
    return int(scaled)


def _month(month: date | datetime) -> str:
    return f"{month:%Y-%m}"
