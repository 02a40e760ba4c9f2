"""Where inboxes were: in which pod, from which UTC day until which. Written with what puts an inbox there.

The day of a move belongs to the pod that the inbox came into, and of several on one day to the last. The caller holds
the inbox's lock.
"""

from datetime import datetime, timedelta
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.db.tag import rows_in
from daimon.quotas.usage import NO_POD

KEPT = timedelta(days=400)


async def move(db: Connection, scope: Scope, inbox_id: UUID, pod_id: UUID | None, now: datetime) -> None:
    """Put an inbox into a pod, or with None into none, from the day of `now` on."""
    await move_many(db, scope, [inbox_id], pod_id, now)


async def move_many(db: Connection, scope: Scope, inboxes: list[UUID], pod_id: UUID | None, now: datetime) -> None:
    """Do so with several. Those that are deleted stay where they were."""
    await db.execute(
        """
        with changed as (
            update inbox_placements set pod_id = $3
            where account_id = $1 and inbox_id = any($2) and last = 'infinity' and first >= $4
        ), ended as (
            update inbox_placements set last = $4::date - 1
            where account_id = $1 and inbox_id = any($2) and last = 'infinity' and first < $4
            returning account_id, inbox_id
        )
        insert into inbox_placements (account_id, inbox_id, first, pod_id)
        select account_id, inbox_id, $4, $3 from ended
        """,
        scope.account_id, inboxes, pod_id or NO_POD, now.date(),
    )  # fmt: skip


async def end(db: Connection, scope: Scope, inboxes: list[UUID], now: datetime) -> None:
    """Let inboxes be nowhere after the day of `now`."""
    await db.execute(
        "update inbox_placements set last = greatest(first, $3::date)"
        " where account_id = $1 and inbox_id = any($2) and last = 'infinity'",
        scope.account_id, inboxes, now.date(),
    )  # fmt: skip


async def forget(db: Connection, *, now: datetime, limit: int) -> int:
    """Forget where inboxes were long ago, `limit` at a time: reports of those months are closed."""
    tag = await db.execute(
        """
        delete from inbox_placements p using (
            select account_id, inbox_id, first from inbox_placements where last < $1 limit $2 for update skip locked
        ) old
        where p.account_id = old.account_id and p.inbox_id = old.inbox_id and p.first = old.first
        """,
        (now - KEPT).date(),
        limit,
    )
    return rows_in(tag)
