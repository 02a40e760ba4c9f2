"""How long counters of clients without an account are kept."""

from datetime import datetime

from daimon.db.engine import Connection
from daimon.quotas.service import FREE_CREATE_WINDOW


async def forget_free_creates(db: Connection, *, now: datetime, limit: int) -> None:
    """Delete the counters of networks that made nothing in the last window, `limit` at a time."""
    await db.execute(
        """
        delete from free_creates where network in (
            select network from free_creates where at[cardinality(at)] < $1 limit $2)
        """,
        now - FREE_CREATE_WINDOW,
        limit,
    )
