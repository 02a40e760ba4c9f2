"""The log of deliveries is kept 30 days, as events are."""

from datetime import datetime

from daimon.db.engine import Connection
from daimon.db.tag import rows_in
from daimon.webhooks.models import DELIVERIES_KEPT


async def forget(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete deliveries and replays that are older, at most `limit` of each."""
    before = now - DELIVERIES_KEPT
    deliveries = await db.execute(
        """
        delete from webhook_deliveries where (account_id, id) in (
            select account_id, id from webhook_deliveries where created_at < $1 limit $2)
        """,
        before, limit,
    )  # fmt: skip
    replays = await db.execute(
        """
        delete from webhook_replays where (account_id, id) in (
            select account_id, id from webhook_replays where created_at < $1 limit $2)
        """,
        before, limit,
    )  # fmt: skip
    return max(rows_in(deliveries), rows_in(replays))
