"""How long events can be read again."""

from datetime import datetime, timedelta

from daimon.db.engine import Connection
from daimon.db.tag import rows_in

EVENTS_KEPT = timedelta(days=30)


async def forget(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete events older than they are promised to be kept, about `limit` at a time.

    Always the first ones of a sequence: what is left of it has no holes, or whoever goes on behind one would not know.
    """
    tag = await db.execute(
        """
        delete from events e using (
            select account_id, max(sequence) as last
            from (select account_id, sequence from events where created_at < $1 limit $2) old group by account_id
        ) gone
        where e.account_id = gone.account_id and e.sequence <= gone.last
        """,
        now - EVENTS_KEPT,
        limit,
    )
    return rows_in(tag)
