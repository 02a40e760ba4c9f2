"""How much waits between `250` and visible. For the operator alone."""

from dataclasses import dataclass

from daimon.db.engine import Connection

MOST = 10_000  # is counted; a longer queue costs the one who asks no more


@dataclass(frozen=True, slots=True)
class Backlog:
    """Mails of the whole server, each up to `MOST`."""

    queued: int
    parked: int


async def measure(db: Connection) -> Backlog:
    """Count what waits."""
    row = await db.fetchrow(
        """
        select (select count(*) from (select from inbound_queue limit $1) q) as queued,
               (select count(*) from (select from inbound_parked limit $1) p) as parked
        """,
        MOST,
    )
    assert row is not None
    return Backlog(**dict(row))
