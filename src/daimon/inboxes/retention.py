"""Inboxes go when they have been deleted for long and nothing is in them any more."""

from datetime import datetime, timedelta

from daimon.db.engine import Connection
from daimon.db.tag import rows_in

DELETED_KEPT = timedelta(days=30)


async def erase(db: Connection, *, now: datetime, limit: int) -> int:
    """Erase empty inboxes that were deleted long ago, `limit` at a time, with their threads and their addresses."""
    gone = await db.fetch(
        """
        select account_id, id from inboxes i where deleted_at < $1 and not exists (
            select 1 from messages m where m.account_id = i.account_id and m.inbox_id = i.id)
        limit $2 for update
        """,
        now - DELETED_KEPT,
        limit,
    )
    # Asked again under the lock: a mail accepted before the inbox was deleted may have come out of the queue meanwhile.
    await db.execute(
        """
        with gone as (
            delete from inboxes i using unnest($1::uuid[], $2::uuid[]) as n (account_id, id)
            where i.account_id = n.account_id and i.id = n.id and not exists (
                select 1 from messages m where m.account_id = i.account_id and m.inbox_id = i.id)
            returning i.account_id, i.id
        ), refs as (
            delete from thread_refs r using gone g where r.account_id = g.account_id and r.inbox_id = g.id
        ), drafts as (
            delete from drafts d using gone g where d.account_id = g.account_id and d.inbox_id = g.id
        ), addresses as (
            delete from addresses a using gone g where a.account_id = g.account_id and a.inbox_id = g.id
        )
        delete from threads t using gone g where t.account_id = g.account_id and t.inbox_id = g.id
        """,
        [row["account_id"] for row in gone],
        [row["id"] for row in gone],
    )
    return max(len(gone), await _release_subdomains(db, limit=limit))


async def _release_subdomains(db: Connection, *, limit: int) -> int:
    """Let subdomains be taken again whose pod is gone and under which no address is held any more."""
    tag = await db.execute(
        """
        delete from subdomains s where s.pod_id is null and s.subdomain in (
            select subdomain from subdomains l where l.pod_id is null and not exists (
                select 1 from inboxes i where i.account_id = l.account_id and i.domain = l.domain) limit $1)
        """,
        limit,
    )
    return rows_in(tag)
