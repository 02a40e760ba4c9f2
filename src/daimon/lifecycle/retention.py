"""Links that nobody followed in time."""

from datetime import datetime

from daimon.db.engine import Connection


async def forget_links(db: Connection, *, now: datetime, limit: int) -> None:
    """Delete links that work no longer, `limit` at a time."""
    await db.execute(
        "delete from links where hash in (select hash from links where expires_at < $1 limit $2)", now, limit
    )
