"""Keys that signed last a month ago go: their records were removable for long."""

from datetime import datetime, timedelta

from daimon.db.engine import Connection
from daimon.db.tag import rows_in

RETIRED_KEPT = timedelta(days=30)


async def forget(db: Connection, *, now: datetime, limit: int) -> int:
    """Forget retired keys, `limit` at a time."""
    tag = await db.execute(
        """
        delete from dkim_keys where ctid = any(array(
            select ctid from dkim_keys where retired_at < $1 limit $2))
        """,
        now - RETIRED_KEPT,
        limit,
    )
    return rows_in(tag)
