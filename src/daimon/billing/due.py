"""What the clock brings: warnings of a grace, its end, and subscriptions of accounts that were deleted."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from daimon.billing.mirror import Mirror
from daimon.billing.repository import BillingRepository
from daimon.db.engine import Database
from daimon.db.scope import Scope
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log

AT_ONCE = 50  # accounts in one step
PUT_OFF = timedelta(minutes=5)  # an account that Stripe could not be asked about; nothing is taken from it meanwhile
_LIVE = "('trialing', 'active', 'past_due', 'unpaid', 'paused')"

_log = Log(__name__)


async def look(db: Database, mirror: Mirror) -> int:
    """Bring accounts in line whose grace has come to a warning or to its end; return how many.

    Each is claimed by moving its moment on, so that several workers take several accounts.
    """
    now = mirror.clock()
    async with db.transaction() as connection:
        rows = await connection.fetch(
            """
            update billing_accounts set due_at = $1::timestamptz + $3::interval where account_id = any(array(
                select account_id from billing_accounts where due_at <= $1 order by due_at limit $2
                for update skip locked))
            returning account_id
            """,
            now, AT_ONCE, PUT_OFF,
        )  # fmt: skip
    return await _each(mirror, [row["account_id"] for row in rows])


async def follow_deletions(db: Database, mirror: Mirror) -> int:
    """Let the subscriptions of deleted accounts end with their period, and of restored ones go on; return how many."""
    async with db.read() as connection:
        rows = await connection.fetch(
            f"""
            (select b.account_id, subscription_id, true as ends from accounts a join billing_accounts b
                on b.account_id = a.account_id
             where a.deleted_at is not null and not b.ended_by_deletion and b.status in {_LIVE} limit $1)
            union all
            (select b.account_id, subscription_id, false from billing_accounts b join accounts a
                on a.account_id = b.account_id
             where b.ended_by_deletion and a.deleted_at is null and b.status in {_LIVE} limit $1)
            """,
            AT_ONCE,
        )
    for row in rows:
        await mirror.stripe.end_with_period(row["subscription_id"], ends=row["ends"])
        async with db.transaction() as connection:
            await BillingRepository(connection, Scope(row["account_id"])).mark_ending(ended=row["ends"])
        await mirror.renew(row["account_id"])
    return len(rows)


async def _each(mirror: Mirror, accounts: Sequence[UUID]) -> int:
    for account_id in accounts:
        try:
            await mirror.renew(account_id)
        except Unavailable as error:
            _log.warning("billing.put_off", error=error.error)
    return len(accounts)
