"""How long counters are kept that nobody asks for any more."""

from datetime import datetime, timedelta

from daimon.db.engine import Connection
from daimon.db.tag import rows_in
from daimon.quotas.service import FREE_CREATE_WINDOW
from daimon.quotas.usage import NO_POD

RATES_KEPT = timedelta(hours=1)  # full again for so long: then the next use may as well begin anew


async def forget_free_creates(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete the counters of networks that made nothing in the last window, `limit` at a time."""
    tag = await db.execute(
        """
        delete from free_creates where network in (
            select network from free_creates where at[cardinality(at)] < $1 limit $2)
        """,
        now - FREE_CREATE_WINDOW,
        limit,
    )
    return rows_in(tag)


async def forget_rates(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete buckets that have been full for a while, `limit` at a time, but for those in use."""
    tag = await db.execute(
        """
        delete from rates r using (
            select account_id, pod_id, rate from rates where full_at < $1 limit $2 for update skip locked
        ) full_ones
        where r.account_id = full_ones.account_id and r.pod_id = full_ones.pod_id and r.rate = full_ones.rate
        """,
        now - RATES_KEPT,
        limit,
    )
    return rows_in(tag)


async def forget_leases(db: Connection, *, now: datetime, limit: int) -> int:
    """Free the expired leases of `limit` accounts at most. Numbers are locked first, as `quotas.leases` has it."""
    tag = await db.execute(
        """
        with numbers as (
            select account_id, quota from quotas q
            where q.pod_id = $3 and (q.account_id, q.quota) in (
                select distinct account_id, lease from leases where expires_at <= $1 limit $2)
            order by account_id, quota
            for no key update
        ), gone as (
            delete from leases l using numbers n
            where l.account_id = n.account_id and l.lease = n.quota and l.expires_at <= $1
            returning l.account_id, l.lease
        )
        update quotas q set used = q.used - freed.leases
        from (select account_id, lease, count(*) as leases from gone group by account_id, lease) freed
        where q.account_id = freed.account_id and q.pod_id = $3 and q.quota = freed.lease
        """,
        now, limit, NO_POD,
    )  # fmt: skip
    return rows_in(tag)
