"""The queue of accepted mails: taken per account in turn, held by row locks, gone with the commit that shows them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import msgspec

from daimon.db.engine import Connection, Record

PER_ACCOUNT = 64  # taken from one account before the next has its turn
ACCOUNTS = 64  # in one batch
MAX_MAILS = 128  # in one batch
MAX_BYTES = 16 * 1024 * 1024  # of octets in one batch


@dataclass(frozen=True, slots=True)
class QueuedMail:
    """An accepted mail, locked by the transaction that took it."""

    account_id: UUID
    id: UUID
    mail_from: str | None
    recipients: tuple[tuple[str, UUID], ...]  # address as written, inbox
    peer_ip: str
    helo: str
    size: int
    received_at: datetime
    attempts: int
    octets: bytes = b""


# One step of the skip scan per account: the cost is that of the accounts taken, however long the queue is.
_TAKE = """
with recursive turn as (
    (select account_id from inbound_queue where account_id > $1 and slow = $2 order by account_id limit 1)
    union all
    select (select q.account_id from inbound_queue q where q.account_id > turn.account_id and q.slow = $2
            order by q.account_id limit 1)
    from turn where turn.account_id is not null
)
select q.* from (select account_id from turn where account_id is not null limit $3) a
cross join lateral (
    select account_id, id, mail_from, recipients, peer_ip, helo, size, received_at, attempts from inbound_queue q
    where q.account_id = a.account_id and q.slow = $2 order by q.id limit $4 for update skip locked
) q limit $5
"""


async def take(db: Connection, *, after: UUID, slow: bool = False, most: int = MAX_MAILS) -> list[QueuedMail]:
    """Lock the next mails, beginning with the account after `after`, and return them with their octets.

    Mails that another worker holds are passed over. The locks end with the transaction.
    """
    rows = await db.fetch(_TAKE, after, slow, ACCOUNTS, min(PER_ACCOUNT, most), most)
    mails = _fitting([_mail_of(row) for row in rows])
    return await _with_octets(db, mails)


async def set_slow(db: Connection, mails: Sequence[QueuedMail]) -> None:
    """Leave mails to the slow lane: they took too long, and nobody shall wait behind them."""
    await db.execute(
        """
        update inbound_queue q set slow = true
        from unnest($1::uuid[], $2::uuid[]) as n (account_id, id) where q.account_id = n.account_id and q.id = n.id
        """,
        *_keys(mails),
    )


async def remove(db: Connection, mails: Sequence[QueuedMail]) -> None:
    """Take mails out of the queue."""
    await db.execute(
        """
        delete from inbound_queue q
        using unnest($1::uuid[], $2::uuid[]) as n (account_id, id) where q.account_id = n.account_id and q.id = n.id
        """,
        *_keys(mails),
    )


async def _with_octets(db: Connection, mails: Sequence[QueuedMail]) -> list[QueuedMail]:
    rows = await db.fetch(
        """
        select r.id, r.octets from unnest($1::uuid[], $2::uuid[]) as n (account_id, id)
        join raw_mails r on r.account_id = n.account_id and r.id = n.id
        """,
        *_keys(mails),
    )
    octets = {row["id"]: row["octets"] for row in rows}
    return [replace(mail, octets=octets[mail.id]) for mail in mails]


def _fitting(mails: Sequence[QueuedMail]) -> list[QueuedMail]:
    """Return the first mails that together fit into memory, at least one."""
    fitting: list[QueuedMail] = []
    size = 0
    for mail in mails:
        size += mail.size
        if fitting and size > MAX_BYTES:
            break
        fitting.append(mail)
    return fitting


def _keys(mails: Sequence[QueuedMail]) -> tuple[list[UUID], list[UUID]]:
    return [mail.account_id for mail in mails], [mail.id for mail in mails]


def _mail_of(row: Record) -> QueuedMail:
    recipients = msgspec.json.decode(row["recipients"], type=tuple[tuple[str, UUID], ...])
    return QueuedMail(
        account_id=row["account_id"],
        id=row["id"],
        mail_from=row["mail_from"],
        recipients=recipients,
        peer_ip=str(row["peer_ip"]),
        helo=row["helo"],
        size=row["size"],
        received_at=row["received_at"],
        attempts=row["attempts"],
    )
