"""Inboxes in pods: which one a new inbox goes in, and moving from one to another.

Locks are taken in this order: the pod, its inboxes in order of id, the counters. Whoever puts an inbox into a pod holds
that pod; who takes one out holds the inbox alone.
"""

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, UnsetType

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.events import service as events
from daimon.events.models import NewEvent
from daimon.inboxes import placements
from daimon.inboxes.models import Inbox, NewInbox
from daimon.kit.errors import Forbidden, Invalid
from daimon.kit.ids import Kind, show
from daimon.pods.errors import PodSuspended
from daimon.pods.models import Pod, PodStatus
from daimon.pods.repository import Lock, PodRepository
from daimon.quotas import pods as quotas
from daimon.quotas import warnings
from daimon.quotas.service import Quota


def wanted(scope: Scope, wish: NewInbox) -> UUID | UnsetType:
    """Return the pod that a new inbox shall be in; without a word, the only one that the scope reaches.

    Raises Invalid where the scope is several pods and none is named.
    """
    if wish.pod_id is not UNSET or scope.pod_ids is None:
        return wish.pod_id
    if scope.pod_id is None:
        raise Invalid.field("pod_id", "is required: this key reaches several pods")
    return scope.pod_id


async def open_to(db: Connection, scope: Scope, wish: NewInbox) -> Pod | None:
    """Return the pod of a new inbox, held as it is until the commit. Raises PodNotFound, PodSuspended."""
    if wish.pod_id is UNSET:
        return None
    pod = await PodRepository(db, scope).lock(wish.pod_id, Lock.SHARED)
    if pod.status is PodStatus.SUSPENDED:
        raise PodSuspended().about(pod_id=show(Kind.POD, pod.id))
    return pod


async def target(db: Connection, scope: Scope, pod_id: UUID | UnsetType | None) -> Pod | None:
    """Return the pod that the account moves an inbox to, held until the commit. Raises PodNotFound."""
    if pod_id is UNSET or pod_id is None or not scope.is_account:
        return None
    return await PodRepository(db, scope).lock(pod_id, Lock.SHARED)


async def move(db: Connection, scope: Scope, inbox: Inbox, pod: Pod | None, now: datetime) -> None:
    """Put a locked inbox into a pod, or with None out of the one it is in. Its mail, ids, address and key stay.

    Raises PodLimitReached, and Forbidden for anyone but the account.
    """
    if not scope.is_account:
        raise Forbidden(
            "Only the account moves inboxes between pods.",
            next_steps=["Send it with an account key, or leave pod_id out."],
        )
    await db.execute(
        """
        with keys as (update keys set pod_id = $3 where account_id = $1 and inbox_id = $2)
        update inboxes set pod_id = $3, updated_at = $4 where account_id = $1 and id = $2
        """,
        inbox.account_id, inbox.id, pod.id if pod else None, now,
    )  # fmt: skip
    await placements.move(db, scope, inbox.id, pod.id if pod else None, now)
    used = await quotas.change_place(
        db, scope, old=inbox.pod_id, new=pod.id if pod else None, limit=pod.limits.max_inboxes if pod else None
    )
    if pod and (warning := almost_full(pod, used, now)):
        await events.record(db, [warning])


def almost_full(pod: Pod, used: int, now: datetime) -> NewEvent | None:
    """Return the warning that a pod gives with the inbox that came into it last, if it gives one."""
    limit = pod.limits.max_inboxes
    return warnings.crossed(pod.account_id, Quota.INBOXES, used - 1, used, limit, now, pod_id=pod.id)
