"""What is kept of requests, and for how long."""

from datetime import datetime, timedelta

from daimon.db.engine import Connection
from daimon.db.tag import rows_in

RESPONSES_KEPT = timedelta(hours=24)  # an Idempotency-Key replays the first response for so long


async def forget_responses(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete stored responses that are too old to be replayed, `limit` at a time."""
    tag = await db.execute(
        """
        delete from idempotency where (account_id, key_hash) in (
            select account_id, key_hash from idempotency where created_at < $1 limit $2)
        """,
        now - RESPONSES_KEPT,
        limit,
    )
    return rows_in(tag)
