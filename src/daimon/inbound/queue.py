"""The queue of accepted mails: taken per account in turn, held by row locks, gone with the commit that shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from daimon.db.engine import Connection, Record
from daimon.inbound.models import QueuedMail

PER_ACCOUNT = 64  # taken from one account before the next has its turn
ACCOUNTS = 64  # in one batch
MAX_MAILS = 128  # in one batch
MAX_BYTES = 16 * 1024 * 1024  # of octets in one batch


@dataclass(frozen=True, slots=True)
class Claim:
    """A mail of the queue, locked by the transaction that took it; nothing that could be wrong with it is read yet."""

    account_id: UUID
    id: UUID
    size: int
    attempts: int


# One step of the skip scan per account: the cost is that of the accounts taken, however long the queue is.
_TAKE = """
with recursive turn as (
    (select account_id from inbound_queue where account_id > $1 and slow = $2 and id <> all($6)
     order by account_id limit 1)
    union all
    select (select q.account_id from inbound_queue q where q.account_id > turn.account_id and q.slow = $2
            and q.id <> all($6) order by q.account_id limit 1)
    from turn where turn.account_id is not null
)
select q.* from (select account_id from turn where account_id is not null limit $3) a
cross join lateral (
    select account_id, id, size, attempts from inbound_queue q
    where q.account_id = a.account_id and q.slow = $2 and q.id <> all($6) order by q.id limit $4 for update skip locked
) q limit $5
"""


async def take(
    db: Connection, *, after: UUID, slow: bool = False, most: int = MAX_MAILS, but: Sequence[UUID] = ()
) -> tuple[list[Claim], bool]:
    """Lock the next mails, beginning with the account after `after`.

    Returns them, and whether every account after `after` has had its turn with them. Mails that another worker holds,
    and those of `but`, are passed over. The locks end with the transaction.
    """
    rows = await db.fetch(_TAKE, after, slow, ACCOUNTS, min(PER_ACCOUNT, most), most, but)
    claims = [Claim(**dict(row)) for row in rows]
    fitting = _fitting(claims)
    accounts = len({claim.account_id for claim in claims})
    return fitting, len(fitting) == len(claims) < most and accounts < ACCOUNTS


async def load(db: Connection, claims: Sequence[Claim]) -> list[QueuedMail]:
    """Return the mails that were taken, in order. Raises ValueError if one of them is not whole."""
    if not claims:
        return []
    rows = await db.fetch(
        """
        select q.account_id, q.id, q.mail_from, q.recipients, q.peer_ip, q.helo, q.size, q.received_at, r.octets
        from unnest($1::uuid[], $2::uuid[]) with ordinality as n (account_id, id, place)
        join inbound_queue q on q.account_id = n.account_id and q.id = n.id
        join raw_mails r on r.account_id = n.account_id and r.id = n.id
        order by n.place
        """,
        *_keys(claims),
    )
    if len(rows) != len(claims):
        raise ValueError("the octets of a mail are missing")
    return [_mail_of(row) for row in rows]


async def set_slow(db: Connection, claims: Sequence[Claim]) -> None:
    """Leave mails to the slow lane: they took too long, and nobody shall wait behind them."""
    await db.execute(
        """
        update inbound_queue q set slow = true
        from unnest($1::uuid[], $2::uuid[]) as n (account_id, id) where q.account_id = n.account_id and q.id = n.id
        """,
        *_keys(claims),
    )


async def remove(db: Connection, mails: Sequence[Claim | QueuedMail]) -> None:
    """Take mails out of the queue."""
    if not mails:
        return
    await db.execute(
        """
        delete from inbound_queue q
        using unnest($1::uuid[], $2::uuid[]) as n (account_id, id) where q.account_id = n.account_id and q.id = n.id
        """,
        *_keys(mails),
    )


async def forget(db: Connection, mails: Sequence[QueuedMail]) -> None:
    """Erase the octets of mails that reach nobody any more."""
    if mails:
        await db.execute(
            """
            delete from raw_mails r
            using unnest($1::uuid[], $2::uuid[]) as n (account_id, id) where r.account_id = n.account_id and r.id = n.id
            """,
            [mail.account_id for mail in mails],
            [mail.id for mail in mails],
        )


def _fitting(claims: Sequence[Claim]) -> list[Claim]:
    """Return the first mails that together fit into memory, at least one."""
    fitting: list[Claim] = []
    size = 0
    for claim in claims:
        size += claim.size
        if fitting and size > MAX_BYTES:
            break
        fitting.append(claim)
    return fitting


def _keys(mails: Sequence[Claim | QueuedMail]) -> tuple[list[UUID], list[UUID]]:
    return [mail.account_id for mail in mails], [mail.id for mail in mails]


def _mail_of(row: Record) -> QueuedMail:
    recipients = msgspec.json.decode(row["recipients"], type=tuple[tuple[str, UUID], ...])
    return QueuedMail(**{**dict(row), "recipients": recipients})
