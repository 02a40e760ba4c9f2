"""Keeping the ledger: places for its months, and whether it agrees with the sums that were written beside it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.scope import Scope

MONTHS_KEPT = 12  # before the present one; the sums stay
SHOWN = 20  # differences of one account
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """A sum that is not what it should be: `where` names the table that has another than the one before it."""

    where: str
    day: date
    kind: str
    pod_id: UUID | None
    inbox_id: UUID | None
    expected: int
    found: int


def kept_since(today: date) -> date:
    """Return the first day whose lines are kept."""
    first = today.replace(day=1)
    for _ in range(MONTHS_KEPT):
        first = (first - timedelta(days=1)).replace(day=1)
    return first


async def keep_months(db: Connection, *, now: datetime) -> int:
    """Make places for the months to come, and drop those whose time is over, each as a whole; return how many."""
    today = now.date()
    dropped: int = await db.fetchval("select keep_usage_months($1, $2)", today, kept_since(today))
    return dropped


async def verify(db: Connection, scope: Scope, today: date) -> list[Difference]:
    """Return where an account's lines, its sums by inbox, by pod and by account do not agree, the first ones.

    All is read in one statement, so that what is metered meanwhile is in all of it or in none.
    """
    rows = await db.fetch(_VERIFY, scope.account_id, kept_since(today), SHOWN)
    return [
        Difference(row["place"], row["day"], row["kind"], row["pod_id"], row["inbox_id"], row["expected"], row["found"])
        for row in rows
    ]


async def accounts(db: Connection) -> AsyncIterator[UUID]:
    """Yield every account, the oldest first."""
    after = UUID(int=0)
    while rows := await db.fetch(
        "select account_id from accounts where account_id > $1 order by account_id limit $2", after, _BATCH
    ):
        for row in rows:
            yield row["account_id"]
        after = rows[-1]["account_id"]


def _by_kind(table: str, keys: str) -> str:
    """Return the rows of a table of sums as lines are: one a kind."""
    return f"""
        select day, {keys}, kind, quantity from {table}
        cross join lateral (values ('received', received), ('sent', sent), ('bounced', bounced),
                                   ('stored_bytes', stored_bytes)) as k (kind, quantity)
        where account_id = $1 and day >= $2 and quantity <> 0"""


def _compared(place: str, expected: str, found: str, keys: str) -> str:
    """Return where two relations of (day, pod_id, inbox_id, kind, quantity) have different sums."""
    sums = "select day, {keys}, kind, sum(quantity)::bigint as quantity from {relation} group by day, {keys}, kind"
    ours, theirs = (sums.format(keys=keys, relation=relation) for relation in (expected, found))
    return f"""
        select '{place}' as place, day, {"pod_id" if "pod_id" in keys else "null::uuid as pod_id"},
               {"inbox_id" if "inbox_id" in keys else "null::uuid as inbox_id"}, kind,
               coalesce(e.quantity, 0) as expected, coalesce(f.quantity, 0) as found
        from ({ours}) e full join ({theirs}) f using (day, {keys}, kind)
        where coalesce(e.quantity, 0) <> coalesce(f.quantity, 0)"""


_VERIFY = f"""
    with lines as (
        select day, pod_id, inbox_id, kind, quantity, true as whole from usage_lines where account_id = $1 and day >= $2
    ), inboxes as (
        select *, true as whole from ({_by_kind("usage_days", "pod_id, inbox_id")}) i
    ), pods as (
        select *, true as whole from ({_by_kind("usage_pod_days", "pod_id")}) p
    ), account as (
        {_by_kind("usage_account_days", "true as whole")}
    )
    {_compared("usage_days", "lines", "inboxes", "pod_id, inbox_id")}
    union all {_compared("usage_pod_days", "inboxes", "pods", "pod_id")}
    union all {_compared("usage_account_days", "pods", "account", "whole")}
    order by day, place, kind limit $3
"""
