"""Notices: mail from the server itself, written down with the change that it tells of and sent afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from daimon.db.engine import Connection, Record
from daimon.kit import ids
from daimon.notices.sealing import open_body, seal_body

MAX_SUBJECT_CHARS = 200


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail to a person that is not sent yet."""

    account_id: UUID
    id: UUID
    recipient: str
    subject: str
    body: str | None  # None: it was sealed under another secret key of the server, and can be read no more
    created_at: datetime


async def tell(db: Connection, account_id: UUID, recipient: str, subject: str, body: str, *, now: datetime) -> None:
    """Write a notice in the caller's transaction; the worker sends it once that has committed."""
    await tell_all(db, account_id, [recipient], subject, body, now=now)


async def tell_all(
    db: Connection, account_id: UUID, recipients: Sequence[str], subject: str, body: str, *, now: datetime
) -> None:
    """Write one notice to each of several people."""
    await db.execute(
        """
        insert into notices (account_id, id, recipient, subject, body, created_at, due_at)
        select $1, told.id, told.recipient, $4, $5, $6, $6 from unnest($2::uuid[], $3::text[]) as told (id, recipient)
        """,
        account_id, [ids.new() for _ in recipients], list(recipients), _one_line(subject),
        seal_body(body), now,
    )  # fmt: skip


async def waiting(db: Connection, limit: int) -> list[Notice]:
    """Return notices that are not sent yet, the oldest first."""
    rows = await db.fetch(
        """
        select account_id, id, recipient, subject, body, created_at from notices
        where sent_at is null order by id limit $1
        """,
        limit,
    )
    return [_notice_of(row) for row in rows]


async def take_due(db: Connection, *, now: datetime, limit: int) -> list[Notice]:
    """Lock the notices for which it is time to look for a road; those that another worker holds are passed over."""
    rows = await db.fetch(
        """
        select account_id, id, recipient, subject, body, created_at from notices
        where sent_at is null and due_at <= $1 order by due_at limit $2 for update skip locked
        """,
        now,
        limit,
    )
    return [_notice_of(row) for row in rows]


async def mark_sent(db: Connection, notices: Sequence[Notice], *, now: datetime) -> None:
    """Note that notices are on their way. What they said is theirs alone from here on: it may hold a link."""
    await db.execute(
        """
        update notices set sent_at = $3, body = ''
        from unnest($1::uuid[], $2::uuid[]) as n (account_id, id)
        where notices.account_id = n.account_id and notices.id = n.id
        """,
        [notice.account_id for notice in notices],
        [notice.id for notice in notices],
        now,
    )


async def put_off(db: Connection, notices: Sequence[Notice], *, until: datetime) -> None:
    """Look for a road for these notices again later."""
    await db.execute(
        """
        update notices set due_at = $3
        from unnest($1::uuid[], $2::uuid[]) as n (account_id, id)
        where notices.account_id = n.account_id and notices.id = n.id
        """,
        [notice.account_id for notice in notices],
        [notice.id for notice in notices],
        until,
    )


def _notice_of(row: Record) -> Notice:
    return Notice(**{**dict(row), "body": open_body(row["body"])})


def _one_line(subject: str) -> str:
    """Return a subject that fits one header field: a name that somebody chose may be in it."""
    return " ".join(subject.split())[:MAX_SUBJECT_CHARS]
