"""Places for webhooks: of the account itself, and of each pod, counted exactly."""

from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.quotas.usage import NO_POD

_WEBHOOKS = "webhooks"


async def take_place(db: Connection, scope: Scope, pod_id: UUID | None, *, most: int) -> bool:
    """Count one more webhook of a pod, or with None of the account itself; False if there are `most` already."""
    used = await db.fetchval(
        "insert into quotas as q (account_id, pod_id, quota, used) values ($1, $2, $3, 1)"
        " on conflict (account_id, pod_id, quota) do update set used = q.used + 1 where q.used < $4 returning used",
        scope.account_id, pod_id or NO_POD, _WEBHOOKS, most,
    )  # fmt: skip
    return used is not None


async def leave_place(db: Connection, scope: Scope, pod_id: UUID | None) -> None:
    """Count one webhook less."""
    await db.execute(
        "update quotas set used = used - 1 where account_id = $1 and pod_id = $2 and quota = $3 and used > 0",
        scope.account_id, pod_id or NO_POD, _WEBHOOKS,
    )  # fmt: skip
