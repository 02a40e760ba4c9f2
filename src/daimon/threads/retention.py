"""Threads go when they have been deleted for long and their messages are erased."""

from datetime import datetime, timedelta

from daimon.db.engine import Connection
from daimon.inboxes import arrival as inboxes

DELETED_KEPT = timedelta(days=30)


async def erase(db: Connection, *, now: datetime, limit: int) -> int:
    """Erase empty threads that were deleted long ago, `limit` at a time, and what led new mail to them."""
    rows = await db.fetch(
        """
        select account_id, inbox_id, id from threads t where deleted_at < $1 and not exists (
            select 1 from messages m where m.account_id = t.account_id and m.thread_id = t.id)
        limit $2
        """,
        now - DELETED_KEPT,
        limit,
    )
    if not rows:
        return 0
    await inboxes.lock(db, [(row["account_id"], row["inbox_id"]) for row in rows])  # a reply may be bringing one back
    await db.execute(
        """
        with gone as (
            delete from threads t using unnest($1::uuid[], $2::uuid[]) as n (account_id, id)
            where t.account_id = n.account_id and t.id = n.id and t.deleted_at < $3
            returning t.account_id, t.inbox_id, t.id
        )
        delete from thread_refs r using gone g
        where r.account_id = g.account_id and r.inbox_id = g.inbox_id and r.thread_id = g.id
        """,
        [row["account_id"] for row in rows],
        [row["id"] for row in rows],
        now - DELETED_KEPT,
    )
    return len(rows)
