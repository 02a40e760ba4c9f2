"""Mails that a step of the pipeline failed on: out of everybody's way, retried, and then the operator's to see."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from daimon.db.engine import Connection
from daimon.inbound.queue import Claim

RETRY_AFTER = (timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6))
MAX_ERROR_CHARS = 500

_QUEUE_COLUMNS = "account_id, id, mail_from, recipients, peer_ip, helo, tls, size, received_at, attempts, slow"


@dataclass(frozen=True, slots=True)
class ParkedMail:
    """A mail that waits for its next try, or, without `not_before`, for the operator."""

    account_id: UUID
    id: UUID
    mail_from: str | None
    size: int
    received_at: datetime
    parked_at: datetime
    attempts: int
    error: str
    not_before: datetime | None


async def park(db: Connection, claim: Claim, error: str, *, now: datetime) -> None:
    """Move one mail out of the queue, with the error that stopped it. After the last try nothing is retried."""
    wait = RETRY_AFTER[claim.attempts] if claim.attempts < len(RETRY_AFTER) else None
    await db.execute(
        f"""
        with gone as (delete from inbound_queue where account_id = $1 and id = $2 returning {_QUEUE_COLUMNS})
        insert into inbound_parked ({_QUEUE_COLUMNS}, error, not_before, parked_at)
        select account_id, id, mail_from, recipients, peer_ip, helo, tls, size, received_at, attempts + 1, true,
               $3, $4, $5 from gone
        """,
        claim.account_id, claim.id, error[:MAX_ERROR_CHARS], now + wait if wait else None, now,
    )  # fmt: skip


async def release_due(db: Connection, *, now: datetime, limit: int) -> int:
    """Put the parked mails whose time has come back into the queue; return how many."""
    released = await db.fetch(
        f"""
        with due as (
            delete from inbound_parked p using (
                select account_id, id from inbound_parked where not_before <= $1 order by not_before limit $2
                for update skip locked
            ) d where p.account_id = d.account_id and p.id = d.id returning p.*
        )
        insert into inbound_queue ({_QUEUE_COLUMNS}) select {_QUEUE_COLUMNS} from due returning id
        """,
        now,
        limit,
    )
    return len(released)


async def parked(db: Connection, *, limit: int) -> list[ParkedMail]:
    """Return the parked mails of the whole server, the latest first. For the operator alone."""
    rows = await db.fetch(
        """
        select account_id, id, mail_from, size, received_at, parked_at, attempts, error, not_before
        from inbound_parked order by parked_at desc limit $1
        """,
        limit,
    )
    return [ParkedMail(**dict(row)) for row in rows]


async def retry(db: Connection, mail_id: UUID, *, now: datetime) -> bool:
    """Let a parked mail be tried again at once; False if there is none with this id. For the operator alone."""
    done = await db.execute("update inbound_parked set not_before = $2 where id = $1", mail_id, now)
    return not done.endswith(" 0")
