"""Links that nobody followed in time."""

from datetime import datetime

from daimon.db.engine import Connection
from daimon.db.tag import rows_in


async def forget_links(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete links that work no longer, `limit` at a time."""
    tag = await db.execute(
        "delete from links where hash in (select hash from links where expires_at < $1 limit $2)", now, limit
    )
    return rows_in(tag)
