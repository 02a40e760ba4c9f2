"""When rows of billing end. Invoices stay as long as the account."""

from datetime import datetime, timedelta

from daimon.db.engine import Connection
from daimon.db.tag import rows_in

EVENTS_KEPT = timedelta(days=60)  # Stripe sends one again for 3 days by itself, and for 30 when somebody asks it to
LINKS_KEPT = timedelta(days=30)  # after they expired: until then they say that they did
REPORTS_KEPT = timedelta(days=90)
METERED_KEPT = timedelta(days=400)


async def forget_events(db: Connection, *, now: datetime, limit: int) -> int:
    """Forget which events of Stripe's were applied. One that came yet again would be read back, and change nothing."""
    tag = await db.execute(
        "delete from stripe_events where ctid = any(array("
        "select ctid from stripe_events where received_at < $1 limit $2))",
        now - EVENTS_KEPT,
        limit,
    )
    return rows_in(tag)


async def forget_links(db: Connection, *, now: datetime, limit: int) -> int:
    """Forget links to pay by that expired long ago."""
    tag = await db.execute(
        "delete from upgrade_links where ctid = any(array("
        "select ctid from upgrade_links where expires_at < $1 limit $2))",
        now - LINKS_KEPT,
        limit,
    )
    return rows_in(tag)


async def forget_reports(db: Connection, *, now: datetime, limit: int) -> int:
    """Forget what the comparison of a night long ago found."""
    tag = await db.execute(
        "delete from billing_reconciliations where day = any(array("
        "select day from billing_reconciliations where day < $1 limit $2))",
        (now - REPORTS_KEPT).date(),
        limit,
    )
    return rows_in(tag)


async def forget_meter_events(db: Connection, *, now: datetime, limit: int) -> int:
    """Forget what Stripe's meters were told long ago."""
    tag = await db.execute(
        "delete from meter_events where ctid = any(array(select ctid from meter_events where day < $1 limit $2))",
        (now - METERED_KEPT).date(),
        limit,
    )
    return rows_in(tag)
