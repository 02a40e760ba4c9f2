"""How much waits in the database: for the operator alone."""

from dataclasses import dataclass

from daimon.db.engine import Connection

MOST = 10_000  # is counted; a longer queue costs the one who asks no more


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in the whole server, each up to `MOST`.

    `accepted`: mails between `250` and visible. `to_send`: recipients whom a mail waits for, `ready` those of them
    whose mail could be sent now.
    """

    accepted: int
    parked: int
    to_send: int
    ready: int


async def measure(db: Connection) -> Backlog:
    """Count what waits."""
    row = await db.fetchrow(
        """
        select (select count(*) from (select from inbound_queue limit $1) a) as accepted,
               (select count(*) from (select from inbound_parked limit $1) p) as parked,
               (select count(*) from (select from outbound_queue limit $1) q) as to_send,
               (select count(*) from (select from outbound_queue where ready limit $1) r) as ready
        """,
        MOST,
    )
    assert row is not None
    return Backlog(**dict(row))
