"""How long events can be read again."""

from datetime import datetime, timedelta

from daimon.db.engine import Connection
from daimon.db.tag import rows_in

EVENTS_KEPT = timedelta(days=30)


async def forget(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete events older than they are promised to be kept, at most `limit` at a time.

    Always the first ones of a sequence: what is left of it has no holes, or whoever goes on behind one would not know.
    So an old event behind a young one waits for it: a mail that was parked for weeks is told of with its old date.
    """
    tag = await db.execute(
        """
        with due as (
            select distinct account_id from (
                select e.account_id from events e where e.created_at < $1 and $1 > (
                    select f.created_at from events f where f.account_id = e.account_id
                    order by f.account_id, f.sequence limit 1)
                limit $2
            ) old
        ), firsts as (
            select f.* from due cross join lateral (
                select e.account_id, e.sequence, bool_and(e.created_at < $1) over (order by e.sequence) as gone
                from (
                    select * from events e where e.account_id = due.account_id
                    order by e.account_id, e.sequence limit $2
                ) e
            ) f
        )
        delete from events e using (
            select account_id, sequence from firsts where gone order by account_id, sequence limit $2
        ) f
        where e.account_id = f.account_id and e.sequence = f.sequence
        """,
        now - EVENTS_KEPT,
        limit,
    )
    return rows_in(tag)
