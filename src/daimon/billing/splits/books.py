"""Closing months: which are open, and the reports of those that are not.

A month is closed in three steps, so that nobody who meters has to wait. First `open_from` moves on: what is metered
from then on, of whatever day, is counted in a later month. A minute later, when every statement has ended that was
begun before that, the transactions that still run are noted. When they have ended too, the report is written down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from daimon.billing.splits.models import Cost, Line, Quantities, Report, Split
from daimon.db.engine import Connection
from daimon.db.scope import Scope

STATEMENTS_END = timedelta(minutes=2)  # the engine breaks off what takes longer than a minute
RESTORED = timedelta(hours=1)  # a barrier of another server's, in a copy of its database, is never reached
REMEMBERED = 12  # months before the present that are closed for an account whose books are opened


@dataclass(frozen=True, slots=True)
class Books:
    """Up to where the months of an account are closed."""

    begun: date
    open_from: date
    closing: date | None

    def is_closed(self, month: date) -> bool:
        """Tell whether a month's report is written down."""
        return month < self.open_from and month != self.closing


async def of(db: Connection, scope: Scope) -> Books | None:
    """Return the books of an account, None if it has none: then all its months are open."""
    row = await db.fetchrow("select begun, open_from, closing from split_books where account_id = $1", scope.account_id)
    return Books(row["begun"], row["open_from"], row["closing"]) if row else None


async def open_for(db: Connection, scope: Scope, now: datetime) -> None:
    """Open the books of an account that has none: its months since it was made are closed, a year back at the most."""
    await db.execute(
        """
        insert into split_books (account_id, begun, open_from)
        select account_id, first, first
        from accounts, greatest(date_trunc('month', created_at at time zone 'utc')::date, $2) as first
        where account_id = $1
        on conflict do nothing
        """,
        scope.account_id, _months_before(now.date(), REMEMBERED),
    )  # fmt: skip


async def open_for_customers(db: Connection, *, now: datetime, limit: int) -> int:
    """Open the books of accounts that pay by Stripe and have none."""
    rows = await db.fetch(
        """
        insert into split_books (account_id, begun, open_from)
        select a.account_id, first, first
        from billing_accounts b join accounts a on a.account_id = b.account_id,
             greatest(date_trunc('month', a.created_at at time zone 'utc')::date, $1) as first
        where not exists (select from split_books s where s.account_id = b.account_id) limit $2
        on conflict do nothing returning account_id
        """,
        _months_before(now.date(), REMEMBERED), limit,
    )  # fmt: skip
    return len(rows)


async def begin(db: Connection, *, now: datetime, limit: int) -> int:
    """Begin to close months that ended a day ago or earlier, and return of how many accounts.

    Within that day Stripe makes a bill of what it drafts when a period ends; whatever comes later is of an open month.
    """
    rows = await db.fetch(
        """
        with due as (
            select account_id, open_from from split_books where closing is null and open_from < $1
            order by open_from limit $3 for update skip locked
        )
        update split_books b set closing = d.open_from, closing_at = $2, barrier = null,
            open_from = (d.open_from + interval '1 month')::date
        from due d where b.account_id = d.account_id returning b.account_id
        """,
        (now.date() - timedelta(days=1)).replace(day=1), now, limit,
    )  # fmt: skip
    await db.execute(
        """
        update split_books set barrier = pg_snapshot_xmax(pg_current_snapshot())
        where closing is not null and barrier is null and closing_at <= $1
        """,
        now - STATEMENTS_END,
    )
    return len(rows)


async def next_to_write(db: Connection, *, now: datetime) -> tuple[UUID, date] | None:
    """Return an account and the month of it whose report can be written down, locked; None if there is none."""
    row = await db.fetchrow(
        """
        select account_id, closing from split_books
        where closing_at is not null and closing is not null
          and (barrier <= pg_snapshot_xmin(pg_current_snapshot()) or closing_at <= $1)
        order by closing_at limit 1 for update skip locked
        """,
        now - RESTORED,
    )
    return (row["account_id"], row["closing"]) if row else None


async def put_off(db: Connection, scope: Scope, *, now: datetime) -> None:
    """Let a report that could not be written down wait until all others are."""
    await db.execute(
        "update split_books set closing_at = $2 where account_id = $1 and closing is not null", scope.account_id, now
    )


async def write(db: Connection, scope: Scope, month: date, reports: Sequence[Report], now: datetime) -> None:
    """Write the reports of a month down, one for each currency, and the month is closed."""
    for report in reports:
        summary = msgspec.json.encode(_Summary(report.split, report.costs)).decode()
        await db.execute(
            "insert into split_reports (account_id, month, currency, summary, closed_at) values ($1, $2, $3, $4, $5)",
            scope.account_id, month, report.currency, summary, now,
        )  # fmt: skip
        await _write_lines(db, scope, month, report)
        await db.executemany(
            "insert into split_costs (account_id, cost_id, month, currency) values ($1, $2, $3, $4)",
            [(scope.account_id, cost.id, month, report.currency) for cost in report.costs],
        )
    await db.execute(
        "update split_books set closing = null, closing_at = null, barrier = null where account_id = $1",
        scope.account_id,
    )


async def read(db: Connection, scope: Scope, month: date) -> list[Report]:
    """Return the reports of a closed month, one for each currency."""
    heads = await db.fetch(
        "select currency, summary, closed_at from split_reports where account_id = $1 and month = $2 order by currency",
        scope.account_id, month,
    )  # fmt: skip
    return [
        Report(
            month,
            head["currency"],
            (summary := _read(head["summary"])).split,
            summary.costs,
            await _read_lines(db, scope, month, head["currency"]),
            head["closed_at"],
        )
        for head in heads
    ]


class _Summary(msgspec.Struct, frozen=True):
    """What a report says besides its lines."""

    split: Split
    costs: list[Cost]


_read = msgspec.json.Decoder(_Summary).decode
_LINE = "unit, name, corrects, received, sent, stored_bytes, inbox_days, amount, markup"


async def _write_lines(db: Connection, scope: Scope, month: date, report: Report) -> None:
    rows = [
        (
            line.unit, line.name, line.corrects, line.used.received, line.used.sent, line.used.stored_bytes,
            line.used.inbox_days, line.amount, line.markup,
        )
        for line in report.lines
    ]  # fmt: skip
    await db.execute(
        f"""
        insert into split_report_lines (account_id, month, currency, place, {_LINE})
        select $1, $2, $3, place, {_LINE}
        from unnest($4::text[], $5::text[], $6::date[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                    $11::bigint[], $12::bigint[]) with ordinality as n ({_LINE}, place)
        """,
        scope.account_id, month, report.currency, *zip(*rows, strict=True),
    )  # fmt: skip


async def _read_lines(db: Connection, scope: Scope, month: date, currency: str) -> list[Line]:
    rows = await db.fetch(
        f"select {_LINE} from split_report_lines where account_id = $1 and month = $2 and currency = $3 order by place",
        scope.account_id, month, currency,
    )  # fmt: skip
    return [
        Line(
            row["unit"],
            row["name"],
            row["corrects"],
            Quantities(row["received"], row["sent"], row["stored_bytes"], row["inbox_days"]),
            row["amount"],
            row["markup"],
        )
        for row in rows
    ]


def _months_before(day: date, months: int) -> date:
    first = day.replace(day=1)
    for _ in range(months):
        first = (first - timedelta(days=1)).replace(day=1)
    return first
