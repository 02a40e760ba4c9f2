"""Showing, adding and lifting suppressions. Every function runs in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.kit.errors import Invalid
from daimon.kit.paging import Page
from daimon.pods.repository import Lock, PodRepository
from daimon.suppressions.errors import SuppressionNotFound
from daimon.suppressions.models import Reason, Suppression, SuppressionQuery
from daimon.suppressions.repository import SuppressionRepository


@dataclass(frozen=True, slots=True)
class Added:
    """What an address is suppressed by. Not fresh: it was already."""

    suppression: Suppression
    fresh: bool


async def add(
    db: Connection,
    scope: Scope,
    address: str,
    *,
    pod_id: UUID | None,
    reason: Reason,
    detail: str | None,
    now: datetime,
) -> Added:
    """Suppress an address, given as it is stored. Raises PodNotFound, Invalid."""
    if pod_id is None and scope.pod_ids is not None:
        if scope.pod_id is None:
            raise Invalid.field("pod_id", "is required: this key reaches several pods")
        pod_id = scope.pod_id
    if pod_id is not None:
        await PodRepository(db, scope).lock(pod_id, Lock.SHARED)
    new = Suppression(scope.account_id, pod_id, address, reason, None, detail, now)
    return Added(*await SuppressionRepository(db, scope).add(new))


async def get(db: Connection, scope: Scope, address: str, pod_id: UUID | None = None) -> Suppression:
    """Return the suppression of an address, of several in reach the latest. Raises SuppressionNotFound."""
    return await SuppressionRepository(db, scope).get(address, pod_id)


async def page(db: Connection, scope: Scope, query: SuppressionQuery) -> Page[Suppression]:
    """Return a page of the suppressions within the scope, the newest first. Raises InvalidCursor."""
    return await SuppressionRepository(db, scope).page(query)


async def delete(db: Connection, scope: Scope, address: str, pod_id: UUID | None = None) -> Sequence[Suppression]:
    """Let mail be sent to an address again, from a pod or from all inboxes in reach. Raises SuppressionNotFound."""
    gone = await SuppressionRepository(db, scope).delete(address, pod_id)
    if not gone:
        raise SuppressionNotFound
    return gone


async def leave_pod(db: Connection, scope: Scope, pod_id: UUID) -> None:
    """Let the account have the suppressions of a pod that is deleted."""
    await SuppressionRepository(db, scope).leave_pod(pod_id)
