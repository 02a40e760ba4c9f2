"""The queue of mail to be sent: taken in turn by destination and account, held by a lease, gone when it is decided.

Leases run by the database's clock, which is one for all workers, and for who takes a mail back.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.tag import rows_in
from daimon.outbound.models import QueuedMail

CHANNEL = "daimon_outbound"  # NOTIFY: there is something to send
READY = "ready"
LEASE = timedelta(seconds=30)  # after a crash, so long nobody else touches what was in hand
RENEW_SECONDS = 8.0
TURNS = 256  # pairs of destination and account that are looked at in one take
PER_TURN = 32
MOST = 512
_FIRST = ("", UUID(int=0))
_LAST = UUID(int=(1 << 128) - 1)

Turn = tuple[str, UUID]  # destination and account
Key = tuple[UUID, UUID]  # account and delivery

_COLUMNS = """account_id, id, message_id, inbox_id, raw_id, mail_from, recipient, destination, smtputf8, size,
    attempt_count, queued_at"""

# One step of the skip scan for each pair, however long the queue is; a busy destination is passed over in one step.
_TAKE = f"""
with recursive turn as (
    (select destination, account_id from outbound_queue
     where ready and (destination, account_id) > ($1, $2) order by destination, account_id limit 1)
    union all
    select next.destination, next.account_id from turn cross join lateral (
        select q.destination, q.account_id from outbound_queue q
        where q.ready and (q.destination, q.account_id) > (
            turn.destination, case when turn.destination = any($3::text[]) then $4::uuid else turn.account_id end)
        order by q.destination, q.account_id limit 1
    ) next
), due as (
    select q.account_id, q.id from (select * from turn limit $5) t
    cross join lateral (
        select account_id, id from outbound_queue q
        where q.ready and q.destination = t.destination and q.account_id = t.account_id
            and t.destination <> all($3::text[])
        order by q.id limit $6 for update skip locked
    ) q limit $7
)
update outbound_queue q set ready = false, leased_by = $8, due_at = now() + $9
from due where q.account_id = due.account_id and q.id = due.id
returning {", ".join("q." + column.strip() for column in _COLUMNS.split(","))}
"""


async def take(
    db: Connection, worker: UUID, *, after: Turn, busy: Sequence[str], most: int = MOST
) -> tuple[list[QueuedMail], Turn]:
    """Lease the next mails to a worker, beginning behind the turn `after`; return them, and the turn to go on behind.

    Destinations that are busy are passed over. Every destination, and every account of one, has its turn.
    """
    rows = await db.fetch(_TAKE, *after, list(busy), _LAST, TURNS, min(PER_TURN, most), most, worker, LEASE)
    taken = sorted(
        (QueuedMail(**dict(row)) for row in rows), key=lambda mail: (mail.destination, mail.account_id, mail.id)
    )
    if not taken:
        return [], _FIRST
    return taken, (taken[-1].destination, taken[-1].account_id)


async def wake(db: Connection, *, limit: int) -> int:
    """Make ready what has waited long enough, put off or left behind by a worker that died; return how many."""
    return rows_in(
        await db.execute(
            """
            update outbound_queue set ready = true, doubtful = doubtful or leased_by is not null, leased_by = null
            where (account_id, id) in (
                select account_id, id from outbound_queue
                where not ready and due_at <= now() order by due_at limit $1 for update skip locked)
            """,
            limit,
        )
    )


async def renew(db: Connection, worker: UUID, mails: Collection[Key]) -> list[Key]:
    """Keep mails that a worker has in hand for another lease; return those that it still had one on.

    It waits for nobody: whoever has a row locked is ending the lease.
    """
    rows = await db.fetch(
        """
        with held as materialized (
            select q.account_id, q.id from unnest($3::uuid[], $4::uuid[]) as n (account_id, id)
            join outbound_queue q on q.account_id = n.account_id and q.id = n.id
            where q.leased_by is not distinct from $1  -- `=` may be planned as a loop over all leases for each mail
            for update of q skip locked
        )
        update outbound_queue q set due_at = now() + $2 from held
        where q.account_id = held.account_id and q.id = held.id returning q.account_id, q.id
        """,
        worker,
        LEASE,
        [account_id for account_id, _ in mails],
        [delivery_id for _, delivery_id in mails],
    )
    return [(row["account_id"], row["id"]) for row in rows]


async def give_back(db: Connection, worker: UUID, mails: Sequence[QueuedMail]) -> None:
    """Make ready again what a worker took and did not try."""
    await db.execute(
        """
        with held as materialized (
            select q.account_id, q.id from unnest($2::uuid[], $3::uuid[]) as n (account_id, id)
            join outbound_queue q on q.account_id = n.account_id and q.id = n.id
            where q.leased_by is not distinct from $1 for update of q skip locked
        )
        update outbound_queue q set ready = true, leased_by = null from held
        where q.account_id = held.account_id and q.id = held.id
        """,
        worker,
        [mail.account_id for mail in mails],
        [mail.id for mail in mails],
    )


async def take_back(db: Connection, account_id: UUID, message_id: UUID) -> dict[UUID, bool]:
    """Take out of the queue what no worker has in hand of a message, which is held: nobody sends that any more.

    Returns the deliveries, and of each whether a worker was lost that had it in hand, so that it may be sent already.
    """
    rows = await db.fetch(
        """
        with free as materialized (
            select id, doubtful or leased_by is not null as doubtful from outbound_queue
            where account_id = $1 and message_id = $2 and (leased_by is null or due_at <= now())
            order by id for update
        )
        delete from outbound_queue q using free where q.account_id = $1 and q.id = free.id
        returning q.id, free.doubtful
        """,
        account_id,
        message_id,
    )
    return {row["id"]: row["doubtful"] for row in rows}


async def octets_of(db: Connection, mail: QueuedMail) -> bytes | None:
    """Return a mail's octets, None if they were erased with their account."""
    octets: bytes | None = await db.fetchval(
        "select octets from raw_mails where account_id = $1 and id = $2", mail.account_id, mail.raw_id
    )
    return octets


async def all_octets(db: Connection, mails: Sequence[QueuedMail]) -> dict[tuple[UUID, UUID], bytes]:
    """Return the octets of mails by account and id of the raw mail."""
    wanted = {(mail.account_id, mail.raw_id) for mail in mails}
    rows = await db.fetch(
        """
        select r.account_id, r.id, r.octets from unnest($1::uuid[], $2::uuid[]) as n (account_id, id)
        join raw_mails r on r.account_id = n.account_id and r.id = n.id
        """,
        [account_id for account_id, _ in wanted],
        [raw_id for _, raw_id in wanted],
    )
    return {(row["account_id"], row["id"]): row["octets"] for row in rows}
