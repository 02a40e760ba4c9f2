"""How much waits to be sent. For the operator alone."""

from dataclasses import dataclass

from daimon.db.engine import Connection

MOST = 10_000  # is counted; a longer queue costs the one who asks no more


@dataclass(frozen=True, slots=True)
class Backlog:
    """Recipients of the whole server whom a mail waits for, each up to `MOST`. `ready`: it could be sent now."""

    queued: int
    ready: int


async def measure(db: Connection) -> Backlog:
    """Count what waits."""
    row = await db.fetchrow(
        """
        select (select count(*) from (select from outbound_queue limit $1) q) as queued,
               (select count(*) from (select from outbound_queue where ready limit $1) r) as ready
        """,
        MOST,
    )
    assert row is not None
    return Backlog(**dict(row))
