"""Rows of `pods`, born scoped."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.db.where import Where, rows_for
from daimon.kit.paging import COUNT_CAP, Page, read_cursor, write_cursor
from daimon.pods.errors import PodNotFound
from daimon.pods.models import Pod, PodChange, PodLimits, PodQuery, PodStatus
from daimon.quotas.pods import PODS
from daimon.quotas.service import Quota
from daimon.quotas.usage import NO_POD

_COLUMNS = f"""p.*, coalesce((select q.used from quotas q
    where q.account_id = p.account_id and q.pod_id = p.id and q.quota = '{Quota.INBOXES}'), 0) as inbox_count"""
_ALL = f"coalesce((select used from quotas where account_id = $1 and pod_id = '{NO_POD}' and quota = '{PODS}'), 0)"


class Lock(StrEnum):
    """How a pod is kept until the transaction ends. It is locked before any inbox of it.

    SHARED: it stays, and its limits and subdomain as they are; inboxes are put in it side by side.
    ALONE: nothing is put in it meanwhile.
    """

    SHARED = "for key share of p"
    ALONE = "for update of p"


class PodRepository:
    """The pods within one scope."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._scope = scope

    async def add(self, pod: Pod) -> None:
        """Insert a pod."""
        await self._db.execute(
            """
            insert into pods (account_id, id, name, description, subdomain, client_id, metadata, status, max_inboxes,
                              max_sends_per_day, cost_center, created_at, updated_at)
            values ($1, $2, $3, $4, $5, $6, $7::json, $8, $9, $10, $11, $12, $12)
            """,
            pod.account_id, pod.id, pod.name, pod.description, pod.subdomain, pod.client_id, _json(pod.metadata),
            pod.status, pod.limits.max_inboxes, pod.limits.max_sends_per_day, pod.cost_center, pod.created_at,
        )  # fmt: skip

    async def get(self, pod_id: UUID) -> Pod:
        """Return a pod. Raises PodNotFound."""
        where = self._named(pod_id)
        return _found(
            await self._db.fetchrow(f"select {_COLUMNS} from pods p where p.account_id = $1{where}", *where.parameters)
        )

    async def lock(self, pod_id: UUID, lock: Lock) -> Pod:
        """Return a pod and keep it until the transaction ends. Raises PodNotFound."""
        where = self._named(pod_id)
        return _found(
            await self._db.fetchrow(
                f"select {_COLUMNS} from pods p where p.account_id = $1{where} {lock}", *where.parameters
            )
        )

    async def page(self, query: PodQuery) -> Page[Pod]:
        """Return pods, the oldest first, and how many there are in all.

        Without a filter the total is the account's own counter. With one it is counted, up to COUNT_CAP.
        """
        pod_ids = self._scope.pod_ids
        where = Where(self._scope.account_id).within("p.id", pod_ids).add("p.status = $?", query.status)
        where.add("starts_with(lower(p.name), lower($?))", query.q)
        counted = f"select 1 from pods p where p.account_id = $1{where} limit {COUNT_CAP}"
        total = _ALL if query.shows_all and pod_ids is None else f"(select count(*) from ({counted}) counted)"
        beyond = Where(*where.parameters)
        beyond.add("p.id > $?", read_cursor(query.cursor, tuple[UUID])[0] if query.cursor else None)
        rows = await self._db.fetch(
            f"""
            select {_COLUMNS}, {total} as total from pods p where p.account_id = $1{where}{beyond}
            order by p.account_id, p.id limit {rows_for(query.limit)} offset {beyond.offset(query.offset)}
            """,
            *beyond.parameters,
        )
        pods = [pod_of(row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        in_all = rows[0]["total"] if rows else await self._db.fetchval(f"select {total}", *where.parameters)
        return Page(pods, write_cursor(pods[-1].id) if more else None, in_all)

    async def change(self, pod: Pod, change: PodChange, now: datetime) -> Pod:
        """Write what a PATCH changes. The caller holds the pod's lock."""
        after = changed(pod, change, now)
        await self._db.execute(
            """
            update pods set name = $3, description = $4, subdomain = $5, metadata = $6::json, status = $7,
                max_inboxes = $8, max_sends_per_day = $9, cost_center = $10, updated_at = $11
            where account_id = $1 and id = $2
            """,
            pod.account_id, pod.id, after.name, after.description, after.subdomain, _json(after.metadata), after.status,
            after.limits.max_inboxes, after.limits.max_sends_per_day, after.cost_center, now,
        )  # fmt: skip
        return after

    async def delete(self, pod_id: UUID, now: datetime) -> None:
        """Erase a pod, its webhooks and what is granted in it, and remember what it was called.

        The caller holds its lock, and has emptied it.
        """
        await self._db.execute(
            """
            with grants as (delete from grants where account_id = $1 and pod_id = $2),
                 rates as (delete from rates where account_id = $1 and pod_id = $2),
                 webhooks as (delete from webhooks where account_id = $1 and pod_id = $2 returning id, client_id),
                 replays as (
                     delete from webhook_replays where account_id = $1 and webhook_id in (select id from webhooks)),
                 client_ids as (
                     delete from client_ids where account_id = $1 and kind = 'webhook'
                         and client_id in (select client_id from webhooks)),
                 former as (
                     insert into former_pods (account_id, id, name, cost_center, created_at, deleted_at)
                     select account_id, id, name, cost_center, created_at, $3 from pods
                     where account_id = $1 and id = $2)
            delete from pods where account_id = $1 and id = $2
            """,
            self._scope.account_id, pod_id, now,
        )  # fmt: skip

    def _named(self, pod_id: UUID) -> Where:
        """Return the conditions of one pod; `account_id = $1` is not among them. Raises PodNotFound."""
        if self._scope.inbox_id is not None:  # the key of an inbox reaches no pod
            raise PodNotFound
        return Where(self._scope.account_id).within("p.id", self._scope.pod_ids).add("p.id = $?", pod_id)


def changed(pod: Pod, change: PodChange, now: datetime) -> Pod:
    """Return the pod as a PATCH leaves it."""
    wanted = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET}
    limits = {name: wanted.pop(name) for name in PodLimits.__struct_fields__ if name in wanted}
    return msgspec.structs.replace(pod, **wanted, limits=msgspec.structs.replace(pod.limits, **limits), updated_at=now)


def _found(row: Record | None) -> Pod:
    if row is None:
        raise PodNotFound
    return pod_of(row)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def pod_of(row: Record) -> Pod:
    """Return the pod in a row of `pods`."""
    return Pod(
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        description=row["description"],
        subdomain=row["subdomain"],
        client_id=row["client_id"],
        metadata=msgspec.json.decode(row["metadata"]),
        status=PodStatus(row["status"]),
        limits=PodLimits(row["max_inboxes"], row["max_sends_per_day"]),
        cost_center=row["cost_center"],
        inbox_count=row["inbox_count"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
