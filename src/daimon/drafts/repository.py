"""Rows of `drafts`, born scoped: within an inbox that the scope was found to reach."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.db.where import Where
from daimon.drafts.errors import DraftNotFound
from daimon.drafts.models import Draft, DraftError, DraftFile, DraftQuery, DraftStatus, DraftSummary
from daimon.kit.paging import Page, read_cursor, write_cursor
from daimon.mail import mime
from daimon.outbound.models import NewMail

LOOKED_AT = 512  # drafts, when it is decided whose turn it is
AT_ONCE = 32  # drafts that are sent in one transaction
_LISTED = "id, account_id, inbox_id, status, send_at, summary, message_id, error, client_id, created_at, updated_at"
_summary = msgspec.json.Decoder(DraftSummary).decode
_error = msgspec.json.Decoder(DraftError).decode
_content = msgspec.msgpack.Decoder(NewMail).decode


class Due(NamedTuple):
    """A draft whose moment has come."""

    account_id: UUID
    inbox_id: UUID
    id: UUID
    send_at: datetime
    octets: int


class DraftRepository:
    """The drafts of the one inbox that a scope is narrowed to."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id
        self._inbox_id = scope.inbox_id

    async def add(self, draft: Draft) -> None:
        """Insert a draft."""
        assert draft.content is not None
        await self._db.execute(
            """
            insert into drafts (account_id, id, inbox_id, status, send_at, next_at, content, summary, client_id,
                                created_at, updated_at)
            values ($1, $2, $3, $4, $5, $5, $6, $7::json, $8, $9, $9)
            """,
            draft.account_id, draft.id, draft.inbox_id, draft.status, draft.send_at, _packed(draft.content),
            _json(draft.summary), draft.client_id, draft.created_at,
        )  # fmt: skip

    async def get(self, draft_id: UUID, *, lock: bool = False) -> Draft:
        """Return a draft whole, locked until the transaction ends if asked. Raises DraftNotFound."""
        row = await self._db.fetchrow(
            f"select {_LISTED}, content from drafts where account_id = $1 and inbox_id = $2 and id = $3"
            + (" for update" if lock else ""),
            self._account_id,
            self._inbox_id,
            draft_id,
        )
        if row is None:
            raise DraftNotFound
        return _draft_of(row, _content(row["content"]))

    async def page(self, query: DraftQuery) -> Page[Draft]:
        """Return drafts without their contents, the newest first."""
        where = Where(self._account_id, self._inbox_id).add("status = $?", query.status)
        where.add("id < $?", read_cursor(query.cursor, tuple[UUID])[0] if query.cursor else None)
        rows = await self._db.fetch(
            f"select {_LISTED} from drafts where account_id = $1 and inbox_id = $2{where}"
            f" order by id desc limit {query.limit + 1}",
            *where.parameters,
        )
        drafts = [_draft_of(row, None) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        return Page(drafts, write_cursor(drafts[-1].id) if more else None)

    async def change(self, draft: Draft) -> None:
        """Write what a draft has become. The caller has locked it."""
        assert draft.content is not None
        await self._db.execute(
            """
            update drafts set status = $3, send_at = $4, next_at = $4, content = $5, summary = $6::json, error = null,
                updated_at = $7
            where account_id = $1 and id = $2
            """,
            self._account_id, draft.id, draft.status, draft.send_at, _packed(draft.content), _json(draft.summary),
            draft.updated_at,
        )  # fmt: skip

    async def delete(self, draft_id: UUID) -> None:
        """Delete a draft."""
        await self._db.execute("delete from drafts where account_id = $1 and id = $2", self._account_id, draft_id)

    async def set_refused(self, draft_id: UUID, error: DraftError, *, again: datetime | None, now: datetime) -> None:
        """Note why a draft was not sent, and when that is tried again; None: never."""
        await self._db.execute(
            """
            update drafts set status = case when $4::timestamptz is null then 'failed' else status end, next_at = $4,
                error = $3::json, updated_at = $5
            where account_id = $1 and id = $2
            """,
            self._account_id,
            draft_id,
            _json(error),
            again,
            now,
        )


async def take_due(db: Connection, *, after: UUID, now: datetime) -> list[Due]:
    """Lock drafts of one account whose moments have come, those first that came first.

    Of the accounts that have drafts among the first ones it is the next behind `after`, so that each has its turn.
    Those that are in somebody's hands are passed over.
    """
    rows = await db.fetch(
        f"""
        with due as materialized (
            select account_id, id from drafts where status = 'scheduled' and next_at <= $1
            order by next_at limit {LOOKED_AT}
        ), turn as (
            select account_id from due order by account_id <= $2, account_id limit 1
        )
        select d.account_id, d.inbox_id, d.id, d.send_at, octet_length(d.content) as octets
        from turn join due on due.account_id = turn.account_id
        join drafts d on d.account_id = due.account_id and d.id = due.id
        where d.status = 'scheduled' and d.next_at <= $1
        order by d.next_at limit {AT_ONCE} for update of d skip locked
        """,
        now,
        after,
    )
    return [Due(**dict(row)) for row in rows]


async def contents_of(db: Connection, due: Sequence[Due]) -> list[NewMail]:
    """Return what drafts of one account say, in their order. The caller has locked them."""
    rows = await db.fetch(
        "select id, content from drafts where account_id = $1 and id = any($2)",
        due[0].account_id,
        [each.id for each in due],
    )
    contents = {row["id"]: _content(row["content"]) for row in rows}
    return [contents[each.id] for each in due]


async def set_sent(db: Connection, account_id: UUID, sent: Sequence[tuple[UUID, UUID]], *, now: datetime) -> None:
    """Note which messages drafts became. What they say is the messages' from here on."""
    await db.execute(
        """
        update drafts d set status = 'sent', message_id = n.message_id, next_at = null, error = null, updated_at = $4,
            content = $5
        from unnest($2::uuid[], $3::uuid[]) as n (id, message_id) where d.account_id = $1 and d.id = n.id
        """,
        account_id,
        [draft_id for draft_id, _ in sent],
        [message_id for _, message_id in sent],
        now,
        _packed(NewMail()),
    )


async def next_due(db: Connection) -> datetime | None:
    """Return when the next draft is to be sent."""
    due: datetime | None = await db.fetchval("select min(next_at) from drafts where status = 'scheduled'")
    return due


def summary_of(mail: NewMail) -> DraftSummary:
    """Return what a list shows of a mail."""
    files = tuple(
        DraftFile(each.filename, each.content_type, len(each.content), each.content_id) for each in mail.attachments
    )
    return DraftSummary(mail.to, mail.cc, mail.bcc, mail.subject, mime.preview(mail.body_text or ""), files)


def _draft_of(row: Record, content: NewMail | None) -> Draft:
    return Draft(
        id=row["id"],
        account_id=row["account_id"],
        inbox_id=row["inbox_id"],
        status=DraftStatus(row["status"]),
        send_at=row["send_at"],
        summary=_summary(row["summary"]),
        content=content,
        message_id=row["message_id"],
        error=_error(row["error"]) if row["error"] else None,
        client_id=row["client_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _packed(mail: NewMail) -> bytes:
    return msgspec.msgpack.encode(mail)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
