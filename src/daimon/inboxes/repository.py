"""Rows of `inboxes` and `addresses`, born scoped."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.db.where import Where, rows_for
from daimon.inboxes import placements
from daimon.inboxes.errors import InboxNotFound
from daimon.inboxes.models import Inbox, InboxChange, InboxQuery, InboxStatus
from daimon.kit.paging import COUNT_CAP, Page, read_cursor, write_cursor
from daimon.pods.errors import PodNotFound
from daimon.quotas.usage import NO_POD

_STATUSES = {status.value: status for status in InboxStatus}  # a third of the cost of InboxStatus(text)
ADDRESS_HELD = timedelta(days=30)

_COLUMNS = """id, account_id, pod_id, username, domain, display_name, status, message_count, thread_count, unread_count,
    last_received_at, client_id, metadata, created_at, updated_at"""
LIVE_INBOXES = "from inboxes where account_id = $1 and status <> 'deleted'"


class InboxRepository:
    """The inboxes within one scope."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._scope = scope

    async def add(self, inbox: Inbox) -> bool:
        """Take the address and insert the inbox; False if the address is taken.

        A deleted inbox's address can be taken again at once by its account, by others when its hold has ended.
        """
        taken = await self._db.fetchval(
            """
            with address as (
                insert into addresses as a (address, account_id, inbox_id, status) values ($1, $2, $3, 'active')
                on conflict (address) do update
                    set account_id = excluded.account_id, inbox_id = excluded.inbox_id, status = 'active',
                        held_until = null
                    where a.status = 'deleted' and (a.account_id = excluded.account_id or a.held_until < $11)
                returning true
            ), placement as (
                insert into inbox_placements (account_id, inbox_id, first, pod_id)
                select $2::uuid, $3::uuid, $12::date, coalesce($4::uuid, $13::uuid) from address
            )
            insert into inboxes (account_id, id, pod_id, username, domain, display_name, status, client_id, metadata,
                                 created_at, updated_at)
            select $2, $3, $4, $5, $6, $7, $8, $9, $10::json, $11, $11 from address
            returning true
            """,
            inbox.email, inbox.account_id, inbox.id, inbox.pod_id, inbox.username, inbox.domain, inbox.display_name,
            inbox.status, inbox.client_id, _json(inbox.metadata), inbox.created_at, inbox.created_at.date(), NO_POD,
        )  # fmt: skip
        return taken is True

    async def free_usernames(self, candidates: Sequence[str], domain: str) -> list[str]:
        """Return those of the candidates that no inbox of this server has, in their order."""
        rows = await self._db.fetch(
            "select address from addresses where address = any($1)", [f"{name}@{domain}" for name in candidates]
        )
        taken = {row["address"] for row in rows}
        return [name for name in candidates if f"{name}@{domain}" not in taken]

    async def get(self, inbox: UUID | str) -> Inbox:
        """Return the inbox with this id or address. Raises InboxNotFound."""
        where = one_inbox(self._scope, inbox)
        return _found(await self._db.fetchrow(f"select {_COLUMNS} {LIVE_INBOXES}{where}", *where.parameters))

    async def get_many(self, inboxes: Sequence[UUID | str]) -> dict[UUID | str, Inbox]:
        """Return those of the inboxes, given by id or address, that there are, by what they were asked for by."""
        where = Where(self._scope.account_id).within("pod_id", self._scope.pod_ids).add("id = $?", self._scope.inbox_id)
        addresses = where.parameter([each.lower() for each in inboxes if isinstance(each, str)])
        where.add(
            "id = any(array(select unnest($?::uuid[]) union all"
            f" select inbox_id from addresses where address = any({addresses}::text[]) and account_id = $1))",
            [each for each in inboxes if isinstance(each, UUID)],
        )
        rows = await self._db.fetch(f"select {_COLUMNS} {LIVE_INBOXES}{where}", *where.parameters)
        found: dict[UUID | str, Inbox] = {}
        for inbox in map(inbox_of, rows):
            found[inbox.id] = found[inbox.email.lower()] = inbox
        return {
            each: found[key] for each in inboxes if (key := each.lower() if isinstance(each, str) else each) in found
        }

    async def lock(self, inbox: UUID | str) -> Inbox:
        """Return the inbox and keep it as it is until the transaction ends. Raises InboxNotFound."""
        where = one_inbox(self._scope, inbox)
        return _found(
            await self._db.fetchrow(f"select {_COLUMNS} {LIVE_INBOXES}{where} for no key update", *where.parameters)
        )

    async def page(self, query: InboxQuery) -> Page[Inbox]:
        """Return inboxes, the oldest first, and how many there are in all. Raises PodNotFound.

        Without a filter the total is the counter of the account, or of its pods. With one it is counted, up to
        COUNT_CAP.
        """
        pods = pods_asked_for(self._scope.pod_ids, query.pod_id)
        where = self._matching(query, pods)
        total = _used(pods) if query.shows_all and self._scope.inbox_id is None else _counted(where)
        counting = list(where.parameters)
        where.add("id > $?", read_cursor(query.cursor, tuple[UUID])[0] if query.cursor else None)
        limit, offset = rows_for(query.limit), where.offset(query.offset)
        source = _of_each_pod(where, limit, offset) if pods and len(pods) > 1 else _in_order(where)
        rows = await self._db.fetch(
            f"select {_COLUMNS}, {total} as total from {source} order by account_id, id limit {limit} offset {offset}",
            *where.parameters,
        )
        inboxes = [inbox_of(row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        if not rows and query.pod_id:
            await self._pod_must_exist(query.pod_id)
        counted = rows[0]["total"] if rows else await self._db.fetchval(f"select {total}", *counting)
        return Page(inboxes, write_cursor(inboxes[-1].id) if more else None, counted)

    async def change(self, inbox: Inbox, change: InboxChange, now: datetime) -> Inbox:
        """Write what a PATCH changes, the address's status with it. The caller holds the inbox's lock."""
        after = _changed(inbox, change)
        await self._db.execute(
            """
            with address as (
                update addresses set status = $5 where address = $6 and account_id = $1 and status <> 'deleted')
            update inboxes set display_name = $3, metadata = $4::json, status = $5, updated_at = $7
            where account_id = $1 and id = $2
            """,
            inbox.account_id, inbox.id, after["display_name"], _json(after["metadata"]), after["status"], inbox.email,
            now,
        )  # fmt: skip
        return await self.get(inbox.id)

    async def delete(self, inbox: Inbox, now: datetime) -> None:
        """Mark the inbox deleted and hold its address for its account."""
        await self._db.execute(
            """
            with address as (
                update addresses set status = 'deleted', held_until = $4 where address = $5 and account_id = $1
            )
            update inboxes set status = 'deleted', deleted_at = $3, updated_at = $3 where account_id = $1 and id = $2
            """,
            inbox.account_id, inbox.id, now, now + ADDRESS_HELD, inbox.email,
        )  # fmt: skip
        await placements.end(self._db, self._scope, [inbox.id], now)

    def _matching(self, query: InboxQuery, pods: Sequence[UUID] | None) -> Where:
        """Return the conditions of a list. The account is $1, and the pods, if there are any, $2."""
        where = Where(self._scope.account_id).within("pod_id", pods).add("id = $?", self._scope.inbox_id)
        where.add("domain = $?", query.domain).add("status = $?", query.status)
        return where.add("starts_with(username, $?)", query.q)

    async def _pod_must_exist(self, pod_id: UUID) -> None:
        if not await self._db.fetchval(
            "select true from pods where account_id = $1 and id = $2", self._scope.account_id, pod_id
        ):
            raise PodNotFound


def one_inbox(scope: Scope, inbox: UUID | str) -> Where:
    """Return the conditions of one inbox of a scope, given by id or address; `account_id = $1` is not among them.

    Only those that hold are written: with `$2 is null or …` PostgreSQL plans each execution anew, which takes longer
    than the look-up itself.
    """
    where = Where(scope.account_id).within("pod_id", scope.pod_ids).add("id = $?", scope.inbox_id)
    if isinstance(inbox, str):
        address = "(select inbox_id from addresses where address = $? and account_id = $1)"
        return where.add(f"id = {address}", inbox.lower())
    return where.add("id = $?", inbox)


def pods_asked_for(reached: Sequence[UUID] | None, asked: UUID | None) -> Sequence[UUID] | None:
    """Return the pods that a list shows: all that are reached, or the one asked for. Raises PodNotFound."""
    if asked is None:
        return reached
    if reached is not None and asked not in reached:
        raise PodNotFound
    return (asked,)


def _used(pods: Sequence[UUID] | None) -> str:
    which = f"= '{NO_POD}'" if pods is None else "= $2" if len(pods) == 1 else "= any($2)"
    return f"""(select coalesce(sum(used), 0)::bigint from quotas
        where account_id = $1 and quota = 'inboxes' and pod_id {which})"""


def _counted(where: Where) -> str:
    rows = f"select 1 from {_in_order(where)} limit {COUNT_CAP}"
    return f"(select count(*) from ({rows}) counted)"


def _in_order(where: Where) -> str:
    return f"inboxes where account_id = $1 and status <> 'deleted'{where}"


def _of_each_pod(where: Where, limit: int, offset: str) -> str:
    """Return the first inboxes of each pod: all the others of the account are not looked at."""
    return f"""(
        select of_one.* from unnest($2::uuid[]) as pod (id) cross join lateral (
            select * from {_in_order(where)} and pod_id = pod.id order by id limit {limit} + {offset}::bigint
        ) of_one) inboxes"""


def _found(row: Record | None) -> Inbox:
    if row is None:
        raise InboxNotFound
    return inbox_of(row)


def _changed(inbox: Inbox, change: InboxChange) -> dict[str, Any]:
    before = {"display_name": inbox.display_name, "metadata": inbox.metadata, "status": inbox.status}
    wanted = {name: getattr(change, name) for name in before}
    return {name: before[name] if value is msgspec.UNSET else value for name, value in wanted.items()}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def inbox_of(row: Record) -> Inbox:
    """Return the inbox in a row of `inboxes`."""
    return Inbox(
        id=row["id"],
        account_id=row["account_id"],
        pod_id=row["pod_id"],
        username=row["username"],
        domain=row["domain"],
        display_name=row["display_name"],
        status=_STATUSES[row["status"]],
        message_count=row["message_count"],
        thread_count=row["thread_count"],
        unread_count=row["unread_count"],
        last_received_at=row["last_received_at"],
        client_id=row["client_id"],
        metadata=msgspec.json.decode(row["metadata"]) if row["metadata"] != "{}" else {},
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
