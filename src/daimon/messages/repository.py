"""Rows of `messages` with what was read out of them, born scoped: an inbox outside the scope has no messages."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from msgspec import structs

from daimon.db.engine import Connection, Record
from daimon.db.patterns import contains
from daimon.db.scope import Scope
from daimon.db.where import Where, rows_for
from daimon.inboxes.errors import InboxNotFound
from daimon.inboxes.repository import LIVE_INBOXES, one_inbox
from daimon.kit.paging import Page, read_cursor, write_cursor
from daimon.mail.auth_results import AuthResults
from daimon.messages.content import TOLD_REPLY, TOLD_TEXT, Detail, Summary, distrusted
from daimon.messages.errors import MessageNotFound
from daimon.messages.models import BLOCKED, Awaited, Direction, Message, MessageQuery, Original, Sort, Told

_read_summary = msgspec.json.Decoder(Summary).decode
_read_results = msgspec.json.Decoder(AuthResults).decode
_read_detail = msgspec.json.Decoder(Detail).decode

_COLUMNS = """m.id, m.account_id, i.pod_id, m.inbox_id, m.thread_id, m.direction, m.status, m.raw_id, m.from_address,
    m.from_name, m.subject, m.message_id, m.labels, m.read, m.preview, m.size, m.sent_at, m.received_at, c.summary,
    c.authentication"""
_CONTENTS = "join mail_contents c on c.account_id = m.account_id and c.id = m.raw_id"
_TOLD_OF = "substr(e.data->'message'->>'id', 5)::uuid"  # behind `msg_`
# Which event told of a message; looked for among the inbox's latest, as nobody waits for what is long there.
_SEQUENCE = f"""(select e.sequence from (
        select sequence, data from events e
        where e.account_id = m.account_id and e.inbox_id = m.inbox_id and e.event = 'message.received'
        order by e.account_id desc, e.inbox_id desc, e.sequence desc limit 1000) e
    where {_TOLD_OF} = m.id limit 1)"""
_THERE = "(m.deleted_at is null or m.blocked_at is not null)"
TOLD_CHARACTERS = 512 * 1024
_TOLD_DETAIL = f"""case when length(c.detail::text) <= {TOLD_CHARACTERS} then c.detail
    when position('\\u0000' in c.detail::text) = 0 then json_build_object(
        'headers', '{{}}'::json, 'body_html', null, 'body_text', left(c.detail->>'body_text', {TOLD_TEXT}),
        'reply_body', left(c.detail->>'reply_body', {TOLD_REPLY}), 'cut', true) end"""
_SEARCH = "m.subject ilike $? or m.from_address ilike $? or m.from_name ilike $? or m.preview ilike $?"


class MessageRepository:
    """The messages of one inbox, given by id or by address, within a scope."""

    def __init__(self, db: Connection, scope: Scope, inbox: UUID | str) -> None:
        self._db = db
        self._account_id = scope.account_id
        named = one_inbox(scope, inbox)
        self._inbox = f"(select id as inbox_id, account_id, pod_id {LIVE_INBOXES}{named})"
        self._named = named.parameters

    async def page(self, query: MessageQuery) -> Page[Message]:
        """Return messages in order of receipt. Raises InboxNotFound, InvalidCursor."""
        beyond, order = ("<", "desc") if query.sort is Sort.NEWEST else (">", "asc")
        where = Where(*self._named)
        where.add(f"m.id {beyond} $?", read_cursor(query.cursor, tuple[UUID])[0] if query.cursor else None)
        aside = query.label == BLOCKED
        where.add("$? = any(m.labels)", None if aside else query.label).add("m.thread_id = $?", query.thread_id)
        where.add("m.received_at < $?", query.before).add("m.received_at > $?", query.after)
        where.add("lower(m.from_address) = lower($?)", query.from_).add("m.direction = $?", query.direction)
        where.add(_SEARCH, contains(query.q))
        rows = await self._db.fetch(
            f"""
            select {_COLUMNS}{", c.detail" if query.with_detail else ""} from {self._inbox} i
            cross join lateral (
                select * from messages m where m.account_id = i.account_id and m.inbox_id = i.inbox_id
                    and {"m.blocked_at is not null" if aside else "m.deleted_at is null"}
                    {_read_state(query.unread)}{where}
                order by m.account_id {order}, m.inbox_id {order}, m.id {order}
                limit {rows_for(query.limit)}
            ) m {_CONTENTS} order by m.id {order}
            """,
            *where.parameters,
        )
        if not rows:
            await self._must_exist()
        messages = [message_of(row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        return Page(messages, write_cursor(messages[-1].id) if more else None)

    async def get(self, message_id: UUID) -> Message:
        """Return a message with its detail. Raises InboxNotFound, MessageNotFound."""
        message = Where(*self._named).add("m.id = $?", message_id)
        row = await self._db.fetchrow(
            f"""
            select {_COLUMNS}, c.detail from {self._inbox} i
            join messages m on m.account_id = i.account_id and m.inbox_id = i.inbox_id {_CONTENTS}
            where {_THERE}{message}
            """,
            *message.parameters,
        )
        if row is None:
            await self._must_exist()
            raise MessageNotFound
        return message_of(row)

    async def first(self, awaited: Awaited) -> Told | None:
        """Return the oldest message that a long poll waits for, if it is there. Raises InboxNotFound."""
        where = Where(*self._named).add("m.id > $?", awaited.after)
        where.add("lower(m.from_address) = lower($?)", awaited.from_).add("m.has_code = $?", awaited.has_code)
        where.add("m.subject ilike $?", contains(awaited.subject))
        told = awaited.behind is not None
        source = _as_told(where, awaited.behind) if told else _as_numbered(awaited, where)
        row = await self._db.fetchrow(
            f"""
            select {_COLUMNS}, c.detail, {"m.sequence" if told else _SEQUENCE} as sequence from {self._inbox} i
            cross join lateral ({source}) m {_CONTENTS}
            """,
            *where.parameters,
        )
        if row is None:
            await self._must_exist()
            return None
        return Told(message_of(row), row["sequence"])

    async def original(self, message_id: UUID) -> Original:
        """Return a message as it was received. Raises InboxNotFound, MessageNotFound."""
        message = Where(*self._named).add("m.id = $?", message_id)
        row = await self._db.fetchrow(
            f"""
            select r.octets, i.inbox_id, i.pod_id from {self._inbox} i
            join messages m on m.account_id = i.account_id and m.inbox_id = i.inbox_id
            join raw_mails r on r.account_id = m.account_id and r.id = m.raw_id
            where {_THERE}{message}
            """,
            *message.parameters,
        )
        if row is None:
            await self._must_exist()
            raise MessageNotFound
        return Original(**dict(row))

    async def set_state(self, message: Message, labels: list[str], *, read: bool, deleted: bool) -> None:
        """Write labels, read mark and deletion, and what they change in the counters of thread and inbox.

        The caller holds the inbox's lock, and `message` was read under it.
        """
        unread = _counts_as_unread(read=read, deleted=deleted) - _counts_as_unread(read=message.read, deleted=False)
        await self._db.execute(
            """
            with message as (
                update messages set labels = $4, read = $5, deleted_at = case when $6 then now() end
                where account_id = $1 and id = $2
            ), thread as (
                update threads set unread_count = unread_count + $7, message_count = message_count - $8,
                    deleted_at = case when message_count = $8 then now() else deleted_at end, updated_at = now(),
                    labels = array(select distinct l from unnest(labels || $4) l)
                where account_id = $1 and id = $9 returning deleted_at is not null as gone
            )
            update inboxes set unread_count = unread_count + $7, message_count = message_count - $8,
                thread_count = thread_count - (select gone::int from thread)
            where account_id = $1 and id = $3
            """,
            self._account_id, message.id, message.inbox_id, labels, read, deleted, unread, int(deleted),
            message.thread_id,
        )  # fmt: skip

    async def release(self, message: Message, thread_id: UUID, labels: list[str]) -> None:
        """Put a blocked message into a thread, as one that was just received. The caller holds the inbox's lock."""
        await self._db.execute(
            """
            update messages set status = 'received', thread_id = $3, labels = $4, blocked_at = null, deleted_at = null
            where account_id = $1 and id = $2
            """,
            self._account_id, message.id, thread_id, labels,
        )  # fmt: skip

    async def discard(self, message: Message) -> None:
        """Delete a blocked message: it is in no counter. The caller holds the inbox's lock."""
        await self._db.execute(
            "update messages set blocked_at = null, deleted_at = now() where account_id = $1 and id = $2",
            self._account_id,
            message.id,
        )

    async def _must_exist(self) -> None:
        if not await self._db.fetchval(f"select true from {self._inbox} i", *self._named):
            raise InboxNotFound


async def told_of(
    db: Connection, account_id: UUID, message_ids: Sequence[UUID], *, detail: bool = True
) -> dict[UUID, Message]:
    """Return messages of any inboxes of an account that are still there, as events tell of them.

    Of a detail of more than `TOLD_CHARACTERS` only the beginning of the texts is read: no event could hold the rest.
    """
    detail_column = _TOLD_DETAIL if detail else "null"
    rows = await db.fetch(
        f"""
        select {_COLUMNS}, {detail_column} as detail
        from messages m join inboxes i on i.account_id = m.account_id and i.id = m.inbox_id {_CONTENTS}
        where m.account_id = $1 and m.id = any($2) and m.deleted_at is null
        """,
        account_id,
        message_ids,
    )
    return {row["id"]: message_of(row) for row in rows}


def _as_numbered(awaited: Awaited, where: Where) -> str:
    return f"""
        select * from messages m where m.account_id = i.account_id and m.inbox_id = i.inbox_id
            and m.deleted_at is null and m.direction = 'inbound'
            {_read_state(True if awaited.after is None else None)}{where}
        order by m.account_id, m.inbox_id, m.id limit 1"""


def _as_told(where: Where, behind: int | None) -> str:
    # In the order of the events, which is that of the commits. That of the ids is only as good as the clocks. What an
    # event tells of is read out before the join (`offset 0`): the functions that do it are not leakproof, so behind the
    # wall of `messages` the join would not go by its index but past each message of the account.
    return f"""
        select m.*, e.sequence from (
            select e.account_id, e.sequence, {_TOLD_OF} as message_id from events e
            where e.account_id = i.account_id and e.inbox_id = i.inbox_id and e.event = 'message.received'
                and e.sequence > {where.parameter(behind)}
            order by e.account_id, e.inbox_id, e.sequence offset 0
        ) e join messages m on m.account_id = e.account_id and m.id = e.message_id
        where m.deleted_at is null{where}
        order by e.sequence limit 1"""


def _read_state(unread: bool | None) -> str:
    # Written into the statement, not a parameter: only so can the planner use the index of unread messages.
    return "" if unread is None else "and not m.read" if unread else "and m.read"


def _counts_as_unread(*, read: bool, deleted: bool) -> int:
    return int(not read and not deleted)


def message_of(row: Record) -> Message:
    """Return the message in a row of `messages` joined with its contents."""
    results = _read_results(row["authentication"]) if row["authentication"] else None
    summary = _read_summary(row["summary"])
    if results:
        summary = structs.replace(summary, safety=distrusted(summary.safety, results))
    return Message(
        id=row["id"],
        account_id=row["account_id"],
        pod_id=row["pod_id"],
        inbox_id=row["inbox_id"],
        thread_id=row["thread_id"],
        direction=Direction(row["direction"]),
        status=row["status"],
        raw_id=row["raw_id"],
        from_address=row["from_address"],
        from_name=row["from_name"],
        subject=row["subject"],
        message_id=row["message_id"],
        labels=row["labels"],
        read=row["read"],
        preview=row["preview"],
        size=row["size"],
        sent_at=row["sent_at"],
        received_at=row["received_at"],
        summary=summary,
        authentication=results,
        detail=_read_detail(row["detail"]) if row.get("detail") else None,
    )
