"""Sent drafts are kept 30 days; those of an inbox that is erased go with it."""

from datetime import datetime

from daimon.db.engine import Connection
from daimon.drafts.models import SENT_KEPT


async def forget(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete drafts that were sent long ago, `limit` at a time."""
    gone: int = await db.fetchval(
        """
        with gone as (
            delete from drafts where (account_id, id) in (
                select account_id, id from drafts where status = 'sent' and updated_at < $1 limit $2)
            returning account_id, id, client_id
        ), released as (
            delete from client_ids c using gone g
            where c.account_id = g.account_id and c.kind = 'draft' and c.client_id = g.client_id and c.object_id = g.id
        )
        select count(*) from gone
        """,
        now - SENT_KEPT,
        limit,
    )
    return gone
