"""How long events can be read again."""

from datetime import datetime, timedelta

from daimon.db.engine import Connection
from daimon.db.tag import rows_in

EVENTS_KEPT = timedelta(days=30)


async def forget(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete events older than they are promised to be kept, `limit` at a time."""
    tag = await db.execute(
        """
        delete from events where (account_id, sequence) in (
            select account_id, sequence from events where created_at < $1 limit $2)
        """,
        now - EVENTS_KEPT,
        limit,
    )
    return rows_in(tag)
