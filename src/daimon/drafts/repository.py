"""Rows of `drafts`, born scoped: within an inbox that the scope was found to reach."""

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

    async def set_sent(self, draft_id: UUID, message_id: UUID, now: datetime) -> None:
        """Note which message a draft became. What it says is the message's from here on."""
        await self._db.execute(
            """
            update drafts set status = 'sent', message_id = $3, next_at = null, error = null, updated_at = $4,
                content = $5
            where account_id = $1 and id = $2
            """,
            self._account_id,
            draft_id,
            message_id,
            now,
            _packed(NewMail()),
        )

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


async def take_due(db: Connection, *, now: datetime) -> Due | None:
    """Lock the draft whose moment came first, None if there is none; one that is in somebody's hands is passed over."""
    row = await db.fetchrow(
        """
        select account_id, inbox_id, id, send_at from drafts where status = 'scheduled' and next_at <= $1
        order by next_at limit 1 for update skip locked
        """,
        now,
    )
    return Due(**dict(row)) if row else None


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
