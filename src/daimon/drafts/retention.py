"""Sent drafts are kept 30 days; those of an inbox that is erased go with it."""

from datetime import datetime

from daimon.db.engine import Connection
from daimon.db.tag import rows_in
from daimon.drafts.models import SENT_KEPT


async def forget(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete drafts that were sent long ago, `limit` at a time."""
    tag = await db.execute(
        """
        delete from drafts where (account_id, id) in (
            select account_id, id from drafts where status = 'sent' and updated_at < $1 limit $2)
        """,
        now - SENT_KEPT,
        limit,
    )
    return rows_in(tag)
