"""Places for inboxes in a pod, counted exactly beside those of the account, and the number of an account's pods.

Rows of one transaction are taken in order of their pod, the account's own first.
"""

from collections.abc import Sequence
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.kit.ids import Kind, show
from daimon.quotas.errors import PodLimitReached
from daimon.quotas.service import Quota
from daimon.quotas.usage import NO_POD

PODS = "pods"


async def take_place(db: Connection, scope: Scope, pod_id: UUID, limit: int | None) -> int:
    """Count one more inbox in a pod and return how many there are now. Raises PodLimitReached."""
    used: int | None = await db.fetchval(
        "insert into quotas as q (account_id, pod_id, quota, used)"
        " select $1, $2, $3, 1 where $4::bigint is null or $4 > 0"
        " on conflict (account_id, pod_id, quota) do update set used = q.used + 1"
        " where $4::bigint is null or q.used < $4 returning used",
        scope.account_id, pod_id, Quota.INBOXES, limit,
    )  # fmt: skip
    if used is None:
        raise await _full(db, scope, pod_id, limit)
    return used


async def leave_place(db: Connection, scope: Scope, pod_id: UUID) -> None:
    """Count one inbox less in a pod."""
    await db.execute(
        "update quotas set used = used - 1 where account_id = $1 and pod_id = $2 and quota = $3 and used > 0",
        scope.account_id, pod_id, Quota.INBOXES,
    )  # fmt: skip


async def change_place(
    db: Connection, scope: Scope, *, old: UUID | None, new: UUID | None, limit: int | None = None
) -> int:
    """Count an inbox in another pod than before, None is no pod; return how many the new one has now, 0 for no pod.

    Raises PodLimitReached.
    """
    used = 0
    for pod_id in sorted(pod for pod in (old, new) if pod is not None):
        if pod_id == new:
            used = await take_place(db, scope, pod_id, limit)
        else:
            await leave_place(db, scope, pod_id)
    return used


async def give_back(db: Connection, scope: Scope, places: int) -> None:
    """Count so many inboxes less in the account."""
    await db.execute(
        "update quotas set used = greatest(used - $4, 0) where account_id = $1 and pod_id = $2 and quota = $3",
        scope.account_id, NO_POD, Quota.INBOXES, places,
    )  # fmt: skip


async def forget(db: Connection, scope: Scope, pod_id: UUID) -> None:
    """Forget the counters of a pod that is deleted."""
    await db.execute("delete from quotas where account_id = $1 and pod_id = $2", scope.account_id, pod_id)


async def inboxes_in(db: Connection, scope: Scope, pod_ids: Sequence[UUID]) -> int:
    """Return how many inboxes there are in some pods."""
    return (
        await db.fetchval(
            "select sum(used)::bigint from quotas where account_id = $1 and pod_id = any($2) and quota = $3",
            scope.account_id, list(pod_ids), Quota.INBOXES,
        )
        or 0
    )  # fmt: skip


async def count_pod(db: Connection, scope: Scope) -> None:
    """Count one more pod."""
    await db.execute(
        "insert into quotas as q (account_id, quota, used) values ($1, $2, 1)"
        " on conflict (account_id, pod_id, quota) do update set used = q.used + 1",
        scope.account_id, PODS,
    )  # fmt: skip


async def uncount_pod(db: Connection, scope: Scope) -> None:
    """Count one pod less."""
    await db.execute(
        "update quotas set used = used - 1 where account_id = $1 and pod_id = $2 and quota = $3 and used > 0",
        scope.account_id, NO_POD, PODS,
    )  # fmt: skip


async def _full(db: Connection, scope: Scope, pod_id: UUID, limit: int | None) -> PodLimitReached:
    used = await inboxes_in(db, scope, [pod_id])
    return PodLimitReached(
        f"The pod may hold {limit} inboxes, and holds {used}.",
        current_usage={"current_inboxes": used, "max_inboxes": limit},
    ).about(pod_id=show(Kind.POD, pod_id))
