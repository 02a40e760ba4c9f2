"""What the server's operator charges by hand, where it is not Stripe that does, and what he corrects of the use."""

from datetime import date, datetime
from uuid import UUID

from daimon.billing.splits import books
from daimon.billing.splits.models import Cost, Days
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.inboxes.errors import InboxNotFound
from daimon.kit import ids
from daimon.kit.errors import Invalid
from daimon.kit.ids import Kind
from daimon.quotas import usage
from daimon.quotas.usage import KINDS, NO_POD, Used

MOST_DAYS = 366


async def charge(
    db: Connection, scope: Scope, *, amount: int, currency: str, days: Days, description: str, now: datetime
) -> Cost:
    """Charge an account for some days, in minor units of a currency; less than nothing is a credit. Raises Invalid."""
    if amount == 0:
        raise Invalid.field("amount", "must not be 0")
    if not 0 <= (days.last - days.first).days < MOST_DAYS:
        raise Invalid.field("to", f"must be within {MOST_DAYS} days from the first, and not before it")
    charge_id = ids.new()
    await db.execute(
        "insert into billing_charges (account_id, id, amount, currency, first, last, description, created_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8)",
        scope.account_id, charge_id, amount, currency, days.first, days.last, description, now,
    )  # fmt: skip
    await books.open_for(db, scope, now)
    return Cost(ids.show(Kind.CHARGE, charge_id), description, amount, currency, days)


async def correct(
    db: Connection, scope: Scope, inbox_id: UUID, *, day: date, kind: str, quantity: int, reason: str
) -> Used:
    """Add a line to the ledger that puts right what an inbox used on a day, in the pod that it was in then.

    Raises InboxNotFound for one that was nowhere on that day, and Invalid for taking back more than was used.
    """
    pod_id = await db.fetchval(
        "select pod_id from inbox_placements where account_id = $1 and inbox_id = $2 and first <= $3 and last >= $3",
        scope.account_id, inbox_id, day,
    )  # fmt: skip
    if pod_id is None:
        raise InboxNotFound("The account had no such inbox on that day.")
    metered: int = await db.fetchval(
        """
        select coalesce(sum(quantity), 0)::bigint from usage_lines
        where account_id = $1 and inbox_id = $2 and kind = $4
          and (day = $3 and corrects is null or day >= $3 and corrects = $3)
        """,
        scope.account_id, inbox_id, day, kind,
    )  # fmt: skip
    if quantity == 0 or metered + quantity < 0:
        raise Invalid.field("quantity", f"must not be 0, nor take back more than the {metered} of that day")
    counters = dict.fromkeys(KINDS, 0) | {kind: quantity}
    used = Used(scope.account_id, None if pod_id == NO_POD else pod_id, inbox_id, day, **counters)
    await usage.meter(db, [used], reason=reason)
    return used
