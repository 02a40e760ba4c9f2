"""What is to be expected at the present pace: use and cost of the month, and when each limit will be met.

The pace is that of the last seven days, today among them. Nothing here grows with the account: sums of days are read,
and at most some thousand rows of what came and went.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from daimon.accounts.models import Account
from daimon.billing.splits import books
from daimon.billing.splits import service as splits
from daimon.billing.splits.models import Days, next_month
from daimon.billing.splits.repository import SplitRepository
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.quotas import sends
from daimon.quotas import service as quotas
from daimon.quotas.service import Quota
from daimon.quotas.tiers import TierLimits
from daimon.quotas.usage import KINDS

WINDOW = 7  # days
FURTHEST = timedelta(days=366)  # what is met later than that is not foretold
_LEAST = 1.0  # day: what happened in the first minutes of an account says little about its month
_LEAST_TODAY = 1 / 24
_MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Expected:
    """A quantity of the month: so far, a day at the present pace, and at the month's end."""

    so_far: int
    per_day: float
    at_end: int


class Basis(StrEnum):
    """What an expected cost is taken from."""

    SUBSCRIPTION = "subscription"
    CHARGES = "charges"  # invoices and charges that there are
    TIER = "tier"  # the price of the tier: nothing was invoiced or charged


@dataclass(frozen=True, slots=True)
class ExpectedCost:
    """The cost of the month in minor units. None at its end: a price that was negotiated."""

    currency: str
    so_far: int
    at_end: int | None
    basis: Basis


@dataclass(frozen=True, slots=True)
class ExpectedLimit:
    """How far a limit is used, and when it will be met; None if not at this pace, or not within a year."""

    quota: str
    used: int
    limit: int
    per_day: float
    met_at: datetime | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to be expected of a month."""

    month: Days
    usage: Mapping[str, Expected]
    costs: list[ExpectedCost]
    limits: list[ExpectedLimit]


async def forecast(db: Connection, account: Account, limits: TierLimits, *, now: datetime) -> Forecast:
    """Return what is to be expected of the month of `now`."""
    scope, month = Scope(account.account_id), Days.of_month(now.date())
    since = max(_midnight(now.date() - timedelta(days=WINDOW - 1)), account.created_at)
    days = max(_days(now - since), _LEAST)
    sums = await _sums(db, scope, month, since.date())
    left = _days(_midnight(next_month(month.first)) - now)
    usage = {kind: _expected(sums[f"{kind}_of_month"], sums[f"{kind}_of_window"] / days, left) for kind in KINDS}
    return Forecast(
        month,
        usage,
        await _costs(db, scope, account, limits, month, now),
        [
            limit
            for limit in (
                await _inboxes(db, scope, limits.max_inboxes, since, days, now),
                await _sends(db, scope, limits.max_sends_per_day, usage["sent"].per_day, now),
                await _domains(db, scope, limits.max_custom_domains, since, days, now),
            )
            if limit
        ],
    )


def met(used: int, limit: int, per_day: float, now: datetime) -> datetime | None:
    """Return when a limit is met that so much a day is used of: `now` if it is, None for never or not within a year."""
    if used >= limit:
        return now
    if per_day <= 0 or (limit - used) / per_day > _days(FURTHEST):
        return None
    return now + timedelta(days=(limit - used) / per_day)


def _expected(so_far: int, per_day: float, left: float) -> Expected:
    return Expected(so_far, per_day, so_far + round(max(per_day, 0) * left))


async def _sums(db: Connection, scope: Scope, month: Days, since: date) -> Mapping[str, int]:
    columns = ", ".join(
        f"coalesce(sum({kind}) filter (where day >= ${at}), 0)::bigint as {kind}_of_{name}"
        for kind in KINDS
        for at, name in ((2, "month"), (3, "window"))
    )
    row = await db.fetchrow(
        f"select {columns} from usage_account_days where account_id = $1 and day >= least($2::date, $3) and day <= $4",
        scope.account_id, month.first, since, month.last,
    )  # fmt: skip
    assert row is not None
    return dict(row)


async def _costs(
    db: Connection, scope: Scope, account: Account, limits: TierLimits, month: Days, now: datetime
) -> list[ExpectedCost]:
    costs = splits.of_month(await SplitRepository(db, scope).costs(), month.first, await books.of(db, scope))
    so_far: dict[str, int] = {}
    for cost in costs:
        so_far[cost.currency] = so_far.get(cost.currency, 0) + cost.amount
    row = await db.fetchrow(
        """
        select currency, case when current_period_end > $2 and current_period_end < $3
                               and (cancel_at is null or cancel_at > current_period_end) then amount else 0 end as more
        from billing_accounts
        where account_id = $1 and status in ('trialing', 'active', 'past_due') and amount is not null
        """,
        account.account_id, now, _midnight(next_month(month.first)),
    )  # fmt: skip
    if row:
        so_far.setdefault(row["currency"], 0)
        return [
            ExpectedCost(
                currency, amount, amount + (row["more"] if currency == row["currency"] else 0), Basis.SUBSCRIPTION
            )
            for currency, amount in sorted(so_far.items())
        ]
    if so_far:
        return [ExpectedCost(currency, amount, amount, Basis.CHARGES) for currency, amount in sorted(so_far.items())]
    return [ExpectedCost(splits.DEFAULT_CURRENCY, 0, limits.price_cents, Basis.TIER)]


async def _inboxes(
    db: Connection, scope: Scope, limit: int | None, since: datetime, days: float, now: datetime
) -> ExpectedLimit | None:
    """Look at how many inboxes there are more than when the window began. A move ends one stay and begins another."""
    if limit is None:
        return None
    used = await quotas.used(db, scope, Quota.INBOXES)
    before = since.date() - timedelta(days=1)
    more = await db.fetchval(
        """
        select (select count(*) from (
                    select from inbox_placements where account_id = $1 and first > $2 and last = 'infinity' limit $3) b)
             - (select count(*) from (
                    select from inbox_placements
                    where account_id = $1 and last >= $2 and last < 'infinity' and first <= $2 limit $3) e)
        """,
        scope.account_id, before, _MOST_COUNTED,
    )  # fmt: skip
    return ExpectedLimit(Quota.INBOXES, used, limit, more / days, met(used, limit, more / days, now))


async def _sends(
    db: Connection, scope: Scope, limit: int | None, per_day: float, now: datetime
) -> ExpectedLimit | None:
    """Look at today alone, at the week's pace or at that of today, whichever is faster: the day turns at midnight."""
    if not limit:
        return None
    used = await sends.used_today(db, scope, now=now)
    begun = _midnight(now.date())
    pace = max(per_day, used / max(_days(now - begun), _LEAST_TODAY))
    at = met(used, limit, pace, now)
    return ExpectedLimit(sends.QUOTA, used, limit, pace, at if at and at < begun + timedelta(days=1) else None)


async def _domains(
    db: Connection, scope: Scope, limit: int | None, since: datetime, days: float, now: datetime
) -> ExpectedLimit | None:
    if not limit:
        return None
    used = await quotas.used(db, scope, Quota.DOMAINS)
    made = await db.fetchval(
        "select count(*) from (select from domains where account_id = $1 and created_at >= $2 limit $3) d",
        scope.account_id, since, _MOST_COUNTED,
    )  # fmt: skip
    return ExpectedLimit(Quota.DOMAINS, used, limit, made / days, met(used, limit, made / days, now))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _days(length: timedelta) -> float:
    return length / timedelta(days=1)
