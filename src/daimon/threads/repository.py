"""Rows of `threads`, born scoped."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from daimon.db.engine import Connection, Record
from daimon.db.patterns import contains
from daimon.db.scope import Scope
from daimon.db.where import Where, rows_for
from daimon.inboxes.errors import InboxNotFound
from daimon.inboxes.repository import LIVE_INBOXES, one_inbox, pods_asked_for
from daimon.kit.paging import Page, read_cursor, write_cursor
from daimon.pods.repository import PodRepository
from daimon.quotas import pods as quotas
from daimon.threads.errors import ThreadNotFound
from daimon.threads.models import Order, Thread, ThreadQuery

_COLUMNS = """t.id, t.inbox_id, i.pod_id, t.subject, t.participants, t.labels, t.message_count, t.unread_count,
    t.last_message_at, t.preview, t.created_at, t.updated_at"""
_JOINED = "threads t join inboxes i on i.account_id = t.account_id and i.id = t.inbox_id"
FEW_INBOXES = 1000  # a look into each of so many costs some 5 ms, in an account of any size
NEAR_BY = 4000  # threads of the account, of which so many can be walked past in about the same time


class _Wanted:
    """The statements that find the threads of a list. They differ in the way only, and in what that costs."""

    def __init__(
        self, account_id: UUID, pods: Sequence[UUID] | None, inbox_id: UUID | None, query: ThreadQuery
    ) -> None:
        after, order = ("<", "desc") if query.order is Order.NEWEST else (">", "asc")
        self._inboxes = Where(account_id).within("i.pod_id", pods)
        self._beyond = Where(*self._inboxes.parameters)
        if query.cursor:
            at, thread_id = read_cursor(query.cursor, tuple[datetime, UUID])
            moment = self._beyond.parameter(at)
            self._beyond.add(f"(t.last_message_at, t.id) {after} ({moment}, $?)", thread_id)
        self._threads = _matching(query, Where(*self._beyond.parameters).add("t.inbox_id = $?", inbox_id))
        self._limit = rows_for(query.limit)
        self._order = f"order by t.last_message_at {order}, t.id {order} limit"

    @property
    def parameters(self) -> list[object]:
        """What the parameters of each statement stand for."""
        return self._threads.parameters

    def in_order(self) -> str:
        """Walk along the threads of one inbox, or of the account."""
        return f"""
            select {_COLUMNS} from {_JOINED}
            where t.account_id = $1 and t.deleted_at is null and i.status <> 'deleted'
                {self._inboxes}{self._beyond}{self._threads} {self._order} {self._limit}"""

    def near_by(self) -> str:
        """Walk along the threads of the account, but not far: fewer rows than asked for may be found."""
        return f"""
            select {_COLUMNS} from (
                select * from threads t where t.account_id = $1 and t.deleted_at is null{self._beyond}
                {self._order} {NEAR_BY}
            ) t join inboxes i on i.account_id = t.account_id and i.id = t.inbox_id
            where i.account_id = $1 and i.status <> 'deleted'{self._inboxes}{self._threads}
            {self._order} {self._limit}"""

    def of_each_inbox(self) -> str:
        """Look into each inbox: what is shown is in those whose first thread is among the first."""
        threads = f"""select * from threads t
            where t.account_id = $1 and t.inbox_id = i.id and t.deleted_at is null{self._beyond}{self._threads}"""
        return f"""
            with firsts as (
                select i.id, i.pod_id from inboxes i cross join lateral ({threads} {self._order} 1) t
                where i.account_id = $1 and i.status <> 'deleted'{self._inboxes} {self._order} {self._limit}
            )
            select {_COLUMNS} from firsts i cross join lateral ({threads} {self._order} {self._limit}) t
            {self._order} {self._limit}"""


def _matching(query: ThreadQuery, where: Where) -> Where:
    if isinstance(query.inbox, str):
        found = "(select inbox_id from addresses where address = lower($?) and account_id = $1)"
        where.add(f"t.inbox_id = {found}", query.inbox)
    else:
        where.add("t.inbox_id = $?", query.inbox)
    where.add("$? = any(t.labels)", query.label).add("(t.unread_count > 0) = $?", query.unread)
    where.add("t.last_message_at < $?", query.before).add("t.last_message_at > $?", query.after)
    return where.add("t.subject ilike $? or t.preview ilike $?", contains(query.q))


class ThreadRepository:
    """The threads within one scope."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._scope = scope

    async def page(self, query: ThreadQuery) -> Page[Thread]:
        """Return threads in order of their last message. Raises InboxNotFound, PodNotFound, InvalidCursor."""
        pods = pods_asked_for(self._scope.pod_ids, query.pod_id)
        wanted = _Wanted(self._scope.account_id, pods, self._scope.inbox_id, query)
        if pods is None or query.inbox is not None or self._scope.inbox_id is not None:
            rows = await self._db.fetch(wanted.in_order(), *wanted.parameters)
        else:
            rows = await self._rows_of_pods(pods, wanted, query)
        if not rows:
            await self._asked_for_must_exist(query)
        threads = [thread_of(row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        return Page(threads, write_cursor(threads[-1].last_message_at, threads[-1].id) if more else None)

    async def _rows_of_pods(self, pods: Sequence[UUID], wanted: "_Wanted", query: ThreadQuery) -> list[Record]:
        """Look near by for the threads of many inboxes; to look into each of them costs more, but never without end."""
        if await quotas.inboxes_in(self._db, Scope(self._scope.account_id), pods) > FEW_INBOXES:
            rows = await self._db.fetch(wanted.near_by(), *wanted.parameters)
            if len(rows) > query.limit:
                return rows
        return await self._db.fetch(wanted.of_each_inbox(), *wanted.parameters)

    async def get(self, inbox: UUID | str, thread_id: UUID) -> Thread:
        """Return a thread of an inbox. Raises InboxNotFound, ThreadNotFound."""
        named = one_inbox(self._scope, inbox)
        thread = Where(*named.parameters).add("t.id = $?", thread_id)
        row = await self._db.fetchrow(
            f"""
            select {_COLUMNS} from (select id, account_id, pod_id {LIVE_INBOXES}{named}) i
            join threads t on t.account_id = i.account_id and t.inbox_id = i.id
            where t.deleted_at is null{thread}
            """,
            *thread.parameters,
        )
        if row is None:
            await self._inbox_must_exist(inbox)
            raise ThreadNotFound
        return thread_of(row)

    async def set_labels(self, thread: Thread, labels: list[str], now: datetime) -> None:
        """Write a thread's labels. The caller holds the inbox's lock."""
        await self._db.execute(
            "update threads set labels = $3, updated_at = $4 where account_id = $1 and id = $2",
            self._scope.account_id, thread.id, labels, now,
        )  # fmt: skip

    async def set_read(self, thread: Thread, *, read: bool, now: datetime) -> None:
        """Mark every message of a thread read, or unread. The caller holds the inbox's lock."""
        await self._db.execute(
            """
            with messages as (
                update messages set read = $4
                where account_id = $1 and thread_id = $2 and deleted_at is null and read <> $4 returning 1
            ), changed as (
                select case when $4 then -count(*) else count(*) end as unread from messages
            ), thread as (
                update threads set unread_count = unread_count + changed.unread, updated_at = $5 from changed
                where account_id = $1 and id = $2
            )
            update inboxes set unread_count = unread_count + changed.unread from changed
            where account_id = $1 and id = $3
            """,
            self._scope.account_id, thread.id, thread.inbox_id, read, now,
        )  # fmt: skip

    async def delete(self, thread: Thread, now: datetime) -> None:
        """Mark a thread and its messages deleted. The caller holds the inbox's lock."""
        await self._db.execute(
            """
            with messages as (
                update messages set deleted_at = $4 where account_id = $1 and thread_id = $2 and deleted_at is null
                returning read
            ), gone as (
                select count(*) as messages, count(*) filter (where not read) as unread from messages
            ), thread as (
                update threads set deleted_at = $4, updated_at = $4, message_count = 0, unread_count = 0
                where account_id = $1 and id = $2
            )
            update inboxes set message_count = message_count - gone.messages, unread_count = unread_count - gone.unread,
                thread_count = thread_count - 1
            from gone where account_id = $1 and id = $3
            """,
            self._scope.account_id, thread.id, thread.inbox_id, now,
        )  # fmt: skip

    async def _asked_for_must_exist(self, query: ThreadQuery) -> None:
        if query.inbox is not None:
            await self._inbox_must_exist(query.inbox)
        if query.pod_id is not None:
            await PodRepository(self._db, self._scope).get(query.pod_id)

    async def _inbox_must_exist(self, inbox: UUID | str) -> None:
        named = one_inbox(self._scope, inbox)
        if not await self._db.fetchval(f"select true {LIVE_INBOXES}{named}", *named.parameters):
            raise InboxNotFound


def thread_of(row: Record) -> Thread:
    """Return the thread in a row of `threads` joined with its inbox."""
    return Thread(**dict(row))
