"""How long notices, and the counters that bound them, are kept."""

from datetime import datetime, timedelta

from daimon.db.engine import Connection
from daimon.db.tag import rows_in

NOTICES_KEPT = timedelta(days=30)
SENT_KEPT = timedelta(days=1)


async def forget(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete notices that no road was found for in 30 days, and those that were sent a day ago."""
    taken = 0
    for old, since in (("created_at < $1", now - NOTICES_KEPT), ("sent_at < $1", now - SENT_KEPT)):
        tag = await db.execute(
            f"delete from notices where (account_id, id) in (select account_id, id from notices where {old} limit $2)",
            since,
            limit,
        )
        taken += rows_in(tag)
    return taken


async def forget_rates(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete the counters that are full again: they are as good as none."""
    tag = await db.execute(
        "delete from mail_rates where counted in (select counted from mail_rates where full_at < $1 limit $2)",
        now,
        limit,
    )
    return rows_in(tag)
