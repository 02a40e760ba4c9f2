"""Deleting a pod, and what becomes of its inboxes: they stay in the account, or are deleted with it.

Each step is one statement, however many inboxes there are.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from daimon.accounts import client_ids
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.domains import service as domains
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.inboxes import placements
from daimon.inboxes.repository import ADDRESS_HELD
from daimon.keys.models import Principal
from daimon.keys.repository import KeyRepository
from daimon.kit import ids
from daimon.pods.errors import PodNotEmpty
from daimon.pods.models import Pod
from daimon.pods.repository import Lock, PodRepository
from daimon.pods.subdomains import SubdomainRepository
from daimon.quotas import pods as quotas
from daimon.rules import service as rules
from daimon.suppressions import service as suppressions


class Fate(StrEnum):
    """What becomes of the inboxes of a pod that is deleted."""

    MOVE = "move"  # they stay in the account
    DELETE = "delete"


async def delete_pod(db: Connection, who: Principal, pod_id: UUID, fate: Fate | None, *, now: datetime) -> Pod:
    """Delete a pod, its keys and what was granted in it, and return it as it was.

    Raises PodNotFound, and PodNotEmpty where it holds inboxes and nothing is said of them.
    """
    scope, pods = who.scope, PodRepository(db, who.scope)
    pod = await pods.lock(pod_id, Lock.ALONE)
    if fate is None and (held := await quotas.inboxes_in(db, scope, [pod_id])):
        raise PodNotEmpty(
            f"The pod holds {held} {'inbox' if held == 1 else 'inboxes'}.", current_usage={"current_inboxes": held}
        )
    await _lock_inboxes(db, scope, pod_id)
    gone = await _delete_inboxes(db, scope, pod_id, now) if fate is Fate.DELETE else []
    await _move_inboxes(db, scope, pod_id, now)
    await KeyRepository(db, scope).revoke_of_pod(pod_id, now)
    if pod.client_id:
        await client_ids.release(db, scope, kind="pod", client_id=pod.client_id)
    await SubdomainRepository(db, scope).release(pod_id)
    await domains.leave_pod(db, scope, pod_id)
    await suppressions.leave_pod(db, scope, pod_id)
    await rules.delete_lists(db, scope, [pod_id, *(each.inbox_id for each in gone if each.inbox_id)])
    await pods.delete(pod_id, now)
    await quotas.give_back(db, scope, len(gone))
    await quotas.forget(db, scope, pod_id)
    await quotas.uncount_pod(db, scope)
    await events.record(db, gone)
    return pod


async def _lock_inboxes(db: Connection, scope: Scope, pod_id: UUID) -> None:
    """Wait for whoever is changing an inbox of the pod; from here on nobody does."""
    await db.execute(
        """
        select count(*) from (
            select 1 from inboxes where account_id = $1 and pod_id = $2 order by id for no key update) locked
        """,
        scope.account_id,
        pod_id,
    )


async def _move_inboxes(db: Connection, scope: Scope, pod_id: UUID, now: datetime) -> None:
    """Leave the pod's inboxes to the account, those deleted before too: late mail to them is in no pod."""
    moved = await db.fetch(
        """
        with keys as (update keys set pod_id = null where account_id = $1 and pod_id = $2 and scope = 'inbox')
        update inboxes set pod_id = null, updated_at = case when status = 'deleted' then updated_at else $3 end
        where account_id = $1 and pod_id = $2
        returning id
        """,
        scope.account_id, pod_id, now,
    )  # fmt: skip
    await placements.move_many(db, scope, [row["id"] for row in moved], None, now)


async def _delete_inboxes(db: Connection, scope: Scope, pod_id: UUID, now: datetime) -> list[NewEvent]:
    """Delete the pod's inboxes as `inboxes.service.delete` does one, and return what is told of each."""
    rows = await db.fetch(
        """
        with gone as (
            update inboxes set status = 'deleted', deleted_at = $3, updated_at = $3
            where account_id = $1 and pod_id = $2 and status <> 'deleted'
            returning id, username || '@' || domain as address, client_id
        ), addresses as (
            update addresses a set status = 'deleted', held_until = $4 from gone g
            where a.address = g.address and a.account_id = $1
        ), revoked as (
            update keys k set status = 'revoked', revoked_at = $3 from gone g
            where k.account_id = $1 and k.inbox_id = g.id and k.status = 'active' returning k.client_id
        ), released as (
            delete from client_ids c where c.account_id = $1 and (
                c.kind = 'inbox' and c.client_id in (select client_id from gone)
                or c.kind = 'key' and c.client_id in (select client_id from revoked))
        )
        select id, address from gone order by id
        """,
        scope.account_id, pod_id, now, now + ADDRESS_HELD,
    )  # fmt: skip
    await placements.end(db, scope, [row["id"] for row in rows], now)
    return [_deleted(scope, pod_id, row["id"], row["address"], now) for row in rows]


def _deleted(scope: Scope, pod_id: UUID, inbox_id: UUID, address: str, now: datetime) -> NewEvent:
    data = {"inbox": {"id": ids.show(ids.Kind.INBOX, inbox_id), "email": address}}
    told = msgspec.json.encode(data).decode()
    return NewEvent(scope.account_id, EventType.INBOX_DELETED, told, pod_id, inbox_id, now)
