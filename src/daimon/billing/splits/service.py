"""The rules of billing splits, one sentence a line. Every function runs in the caller's transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from daimon.billing.splits import books
from daimon.billing.splits.allocation import WHOLE
from daimon.billing.splits.books import Books
from daimon.billing.splits.dividing import divide, spans
from daimon.billing.splits.gathering import gather
from daimon.billing.splits.models import UNALLOCATED, Cost, Days, Method, Report, Settings, Split, SplitBy
from daimon.billing.splits.repository import SplitRepository
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.kit.errors import Invalid
from daimon.kit.ids import Kind
from daimon.kit.ids import read as read_id
from daimon.pods.errors import PodNotFound
from daimon.teams.errors import TeamNotFound

MANY = 1_000  # lines of a report: to make more of them would hold up everybody else's requests
DEFAULT_CURRENCY = "usd"  # of a month that cost nothing


async def settings(db: Connection, scope: Scope, *, now: datetime) -> Settings:
    """Return how the account splits its cost now."""
    return await SplitRepository(db, scope).settings(now.date())


async def change(db: Connection, scope: Scope, split: Split, *, now: datetime) -> Settings:
    """Split the cost so from this month on, and return how it was split before.

    Raises Invalid for percentages that do not make 100, PodNotFound and TeamNotFound.
    """
    _check(split)
    repository = SplitRepository(db, scope)
    await _check_units(repository, split)
    before = await repository.settings(now.date())
    await books.open_for(db, scope, now)
    await repository.put(split, now)
    return before


async def report(
    db: Connection, scope: Scope, month: date, *, now: datetime, currency: str | None = None, cost: Cost | None = None
) -> Report:
    """Return the report of a month, in the one currency that it was paid in, or in the one that is named.

    `cost` stands for what the month cost, as a question: what if it were this? Raises Invalid for a month that has not
    begun, and for one with several currencies of which none is named.
    """
    if month > now.date():
        raise Invalid.field("period", f"has not begun; the present one is {now:%Y-%m}")
    if cost:
        return await _divide(db, scope, month, [cost], cost.currency, now)
    account_books = await books.of(db, scope)
    if account_books and account_books.is_closed(month) and (closed := await books.read(db, scope, month)):
        named = _chosen([each.currency for each in closed], currency)
        return next(
            (each for each in closed if each.currency == named), replace(closed[0], currency=named, costs=[], lines=[])
        )
    costs = of_month(await SplitRepository(db, scope).costs(), month, account_books)
    named = _chosen(sorted({each.currency for each in costs}), currency)
    return await _divide(db, scope, month, [each for each in costs if each.currency == named], named, now)


async def close(db: Connection, scope: Scope, month: date, *, now: datetime) -> None:
    """Write down the report of a month that can be. It is the same in every later reading."""
    costs = of_month(await SplitRepository(db, scope).costs(), month, await _closing(db, scope, month))
    currencies = sorted({cost.currency for cost in costs}) or [DEFAULT_CURRENCY]
    reports = [
        await _divide(db, scope, month, [cost for cost in costs if cost.currency == currency], currency, now)
        for currency in currencies
    ]
    await books.write(db, scope, month, reports, now)


async def _closing(db: Connection, scope: Scope, month: date) -> Books:
    """Return the books as they are for the month that is being closed: it takes what was late for those before it."""
    account_books = await books.of(db, scope)
    assert account_books is not None
    return Books(account_books.begun, month, None)


def _chosen(currencies: Sequence[str], wanted: str | None) -> str:
    if wanted:
        return wanted
    if len(currencies) > 1:
        raise Invalid.field("currency", f"must name one of {', '.join(currencies)}: the month was paid in each of them")
    return currencies[0] if currencies else DEFAULT_CURRENCY


def of_month(costs: Sequence[tuple[date, Cost]], month: date, account_books: Books | None) -> list[Cost]:
    """Return what an open month bears of the costs: its own, and the earliest one what was too late before."""
    takes_late = account_books is not None and account_books.open_from == month
    found = [cost for belongs, cost in costs if belongs == month]
    if account_books and takes_late:
        found += [
            replace(cost, corrects=belongs)
            for belongs, cost in costs
            if account_books.begun <= belongs < month and belongs != account_books.closing
        ]
    return found


async def _divide(
    db: Connection, scope: Scope, month: date, costs: Sequence[Cost], currency: str, now: datetime
) -> Report:
    repository = SplitRepository(db, scope)
    days, today = Days.of_month(month), now.date()
    split = (await repository.settings(days.last)).split
    over = set(spans(days, today, costs).values())
    pods = await repository.pods(min(each.first for each in over))
    teams = await repository.teams() if split.by is SplitBy.TEAM else {}
    metered = await repository.metered(over)

    def divided() -> Report:
        return divide(days, today, currency, split, costs, gather(split.by, pods, teams, metered))

    return await asyncio.to_thread(divided) if len(pods) > MANY else divided()


def _check(split: Split) -> None:
    """Raise Invalid for what does not go together."""
    if split.method is Method.FIXED:
        total = sum(split.fixed.values())
        if total != WHOLE:
            raise Invalid.field("fixed", f"must make exactly 100 percent, and makes {total / WHOLE * 100:.4f}")
    elif split.fixed:
        raise Invalid.field("fixed", "goes together with method `fixed` alone")
    weights = split.weights
    if not (weights.sends or weights.received or weights.storage or weights.inboxes):
        raise Invalid.field("weights", "must not all be 0")


async def _check_units(repository: SplitRepository, split: Split) -> None:
    """Raise PodNotFound, TeamNotFound or Invalid for a line that is named and that the account does not have."""
    for field, named in (("fixed", split.fixed), ("markups", split.markups)):
        units = [unit for unit in named if unit != UNALLOCATED]
        if split.by is SplitBy.COST_CENTER:
            missing = set(units) - await repository.known_cost_centers(units)
            if missing:
                raise Invalid.field(field, f"no pod has the cost centre {min(missing)!r}")
        elif units:
            kind, table, error = _KINDS[split.by]
            wanted = [_uuid(kind, unit, field) for unit in units]
            if len(await repository.known(table, wanted)) < len(wanted):
                raise error


_KINDS = {
    SplitBy.POD: (Kind.POD, "pods", PodNotFound),
    SplitBy.TEAM: (Kind.TEAM, "teams", TeamNotFound),
}


def _uuid(kind: Kind, text: str, field: str) -> UUID:
    found = read_id(kind, text)
    if found is None:
        raise Invalid.field(field, f"its names must be ids that begin with `{kind.value}_`, or `{UNALLOCATED}`")
    return found
