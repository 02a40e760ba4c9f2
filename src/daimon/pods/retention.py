"""How long it is remembered what deleted pods were called."""

from datetime import datetime, timedelta

from daimon.db.engine import Connection
from daimon.db.tag import rows_in

NAMES_KEPT = timedelta(days=400)  # reports of closed months hold the names themselves


async def forget_names(db: Connection, *, now: datetime, limit: int) -> int:
    """Forget pods that were deleted long ago, `limit` at a time."""
    tag = await db.execute(
        """
        delete from former_pods p using (
            select account_id, id from former_pods where deleted_at < $1 limit $2 for update skip locked
        ) old
        where p.account_id = old.account_id and p.id = old.id
        """,
        now - NAMES_KEPT,
        limit,
    )
    return rows_in(tag)
