"""What is to be expected, as clients read it."""

from datetime import date, datetime
from typing import Any

import msgspec

from daimon.api.operation import Example
from daimon.billing.forecast import Basis, Expected, ExpectedLimit, Forecast
from daimon.kit.clock import Time, rfc3339, rfc3339_or_none
from daimon.kit.written import Ours


class ExpectedView(msgspec.Struct):
    """A quantity: in the month so far, a day at the present pace, and at the month's end."""

    so_far: int
    per_day: float
    expected: int


class ExpectedUsageView(msgspec.Struct):
    """What is used."""

    received: ExpectedView
    sent: ExpectedView
    bounced: ExpectedView
    stored_bytes: ExpectedView


class ExpectedCostView(msgspec.Struct):
    """The month's cost in minor units of a currency. `expected_cents` is null for a price that was negotiated.

    `basis`: the subscription and what it was invoiced for; other invoices and charges; or the tier's price, where
    nothing was invoiced or charged.
    """

    currency: Ours
    so_far_cents: int
    expected_cents: int | None
    basis: Basis


class ExpectedLimitView(msgspec.Struct):
    """A limit, and when it will be met: now if it is, null if not at this pace or not within a year."""

    quota: Ours
    used: int
    limit: int
    percent: int
    per_day: float
    reached_at: Time | None


class ForecastView(msgspec.Struct):
    """What is to be expected of the present month. Limits that are unlimited are left out."""

    period: Ours
    first_day: date
    last_day: date
    as_of: Time
    usage: ExpectedUsageView
    costs: list[ExpectedCostView]
    limits: list[ExpectedLimitView]


def forecast_view(found: Forecast, now: datetime) -> ForecastView:
    """Return a forecast as clients read it."""
    return ForecastView(
        period=f"{found.month.first:%Y-%m}",
        first_day=found.month.first,
        last_day=found.month.last,
        as_of=rfc3339(now),
        usage=ExpectedUsageView(**{kind: _expected(each) for kind, each in found.usage.items()}),
        costs=[ExpectedCostView(each.currency, each.so_far, each.at_end, each.basis) for each in found.costs],
        limits=[_limit(each) for each in found.limits],
    )


def _expected(each: Expected) -> ExpectedView:
    return ExpectedView(each.so_far, round(each.per_day, 3), each.at_end)


def _limit(each: ExpectedLimit) -> ExpectedLimitView:
    percent = each.used * 100 // each.limit if each.limit else 100
    met_at = rfc3339_or_none(each.met_at and each.met_at.replace(microsecond=0))
    return ExpectedLimitView(each.quota, each.used, each.limit, percent, round(each.per_day, 3), met_at)


def _example(so_far: int, per_day: float, expected: int) -> dict[str, Any]:
    return {"so_far": so_far, "per_day": per_day, "expected": expected}


GET_FORECAST = Example(
    result={
        "period": "2026-11",
        "first_day": "2026-11-01",
        "last_day": "2026-11-30",
        "as_of": "2026-11-20T16:00:00.000Z",
        "usage": {
            "received": _example(620, 31.429, 934),
            "sent": _example(14_000, 760.0, 21_600),
            "bounced": _example(7, 0.286, 10),
            "stored_bytes": _example(41_943_040, 2_097_152.0, 62_914_560),
        },
        "costs": [
            {"currency": "usd", "so_far_cents": 900, "expected_cents": 900, "basis": "subscription"},
        ],
        "limits": [
            {
                "quota": "sends_per_day",
                "used": 810,
                "limit": 1000,
                "percent": 81,
                "per_day": 1215.0,
                "reached_at": "2026-11-20T19:45:11.000Z",
            },
            {"quota": "domains", "used": 2, "limit": 5, "percent": 40, "per_day": 0.0, "reached_at": None},
        ],
    }
)
