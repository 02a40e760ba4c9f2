"""The rules of webhooks. Every function runs in the caller's transaction; sending is the lanes' part."""

import hashlib
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET

from daimon.accounts import client_ids
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.inboxes import service as inboxes
from daimon.keys.models import Principal
from daimon.kit import ids
from daimon.kit.errors import Invalid
from daimon.kit.paging import Page
from daimon.pods import service as pods
from daimon.quotas import webhooks as quotas
from daimon.webhooks import secret
from daimon.webhooks.errors import TooManyWebhooks, WebhookDisabled
from daimon.webhooks.models import (
    MOST_WEBHOOKS,
    SECRET_GRACE,
    CreatedWebhook,
    Delivery,
    DeliveryQuery,
    DeliveryStatus,
    NewWebhook,
    Replay,
    Webhook,
    WebhookChange,
    WebhookQuery,
    WebhookStatus,
)
from daimon.webhooks.repository import WebhookRepository
from daimon.webhooks.secret import Vault

_KIND = "webhook"


async def create(db: Connection, who: Principal, wish: NewWebhook, *, vault: Vault, now: datetime) -> CreatedWebhook:
    """Create a webhook with its secret. The caller has checked the URL.

    Raises PodNotFound, InboxNotFound, Invalid, ClientIdConflict, TooManyWebhooks.
    """
    repository, webhook_id = WebhookRepository(db, who.scope), ids.new()
    pod_id = await _holder(db, who.scope, wish)
    if wish.client_id and (earlier := await _made_before(db, who.scope, wish, webhook_id)):
        return CreatedWebhook(await repository.get(earlier), None)
    if not await quotas.take_place(db, who.scope, pod_id, most=MOST_WEBHOOKS):
        raise TooManyWebhooks
    made = secret.make()
    webhook = Webhook(
        id=webhook_id,
        account_id=who.scope.account_id,
        pod_id=pod_id,
        inbox_id=wish.inbox_id,
        url=wish.url,
        description=wish.description,
        events=_sorted(wish.events),
        status=WebhookStatus.ACTIVE,
        disabled_reason=None,
        failure_count=0,
        last_delivered_at=None,
        client_id=wish.client_id,
        created_at=now,
        updated_at=now,
        cursor=0,
    )
    await repository.add(webhook, vault.seal(made))
    return CreatedWebhook(webhook, made)


async def get(db: Connection, scope: Scope, webhook_id: UUID) -> Webhook:
    """Return a webhook. Raises WebhookNotFound."""
    return await WebhookRepository(db, scope).get(webhook_id)


async def page(db: Connection, scope: Scope, query: WebhookQuery) -> Page[Webhook]:
    """Return a page of the webhooks within the scope, the oldest first."""
    return await WebhookRepository(db, scope).page(query)


async def change(
    db: Connection, scope: Scope, webhook_id: UUID, wish: WebhookChange, now: datetime
) -> tuple[Webhook, Webhook]:
    """Change a webhook and return it as it was and as it is. Raises WebhookNotFound."""
    repository = WebhookRepository(db, scope)
    before = await repository.get(webhook_id, lock=True)
    after = _changed(before, wish, now)
    await repository.change(before, after)
    return before, after


async def delete(db: Connection, scope: Scope, webhook_id: UUID) -> Webhook:
    """Delete a webhook and return it as it was: nothing is sent to it any more. Raises WebhookNotFound."""
    repository = WebhookRepository(db, scope)
    webhook = await repository.get(webhook_id, lock=True)
    await repository.delete(webhook.id)
    await quotas.leave_place(db, scope, webhook.pod_id)
    if webhook.client_id:
        await client_ids.release(db, scope, kind=_KIND, client_id=webhook.client_id)
    return webhook


async def rotate_secret(
    db: Connection, scope: Scope, webhook_id: UUID, *, vault: Vault, now: datetime
) -> tuple[Webhook, str]:
    """Give a webhook a new secret; for 24 hours the one before signs beside it. Raises WebhookNotFound."""
    repository = WebhookRepository(db, scope)
    webhook = await repository.get(webhook_id, lock=True)
    made = secret.make()
    await repository.set_secret(webhook.id, vault.seal(made), until=now + SECRET_GRACE, now=now)
    return webhook, made


async def signing(db: Connection, scope: Scope, webhook_id: UUID, *, vault: Vault, now: datetime) -> list[str]:
    """Return the secrets that a webhook is signed with at present, the newest first. Raises WebhookNotFound."""
    return [vault.open(box) for box in await WebhookRepository(db, scope).sealed_secrets(webhook_id, now)]


async def deliveries(db: Connection, scope: Scope, webhook_id: UUID, query: DeliveryQuery) -> Page[Delivery]:
    """Return a page of what was sent, the newest first. Raises WebhookNotFound."""
    return await WebhookRepository(db, scope).deliveries(webhook_id, query)


async def delivery(db: Connection, scope: Scope, webhook_id: UUID, delivery_id: UUID) -> Delivery:
    """Return one delivery. Raises WebhookNotFound, DeliveryNotFound."""
    return await WebhookRepository(db, scope).delivery(webhook_id, delivery_id)


async def retry(db: Connection, scope: Scope, webhook_id: UUID, delivery_id: UUID, now: datetime) -> Delivery:
    """Let a delivery be sent again at once, whatever came of it before.

    Raises WebhookNotFound, DeliveryNotFound, WebhookDisabled.
    """
    repository = WebhookRepository(db, scope)
    await _enabled(repository, webhook_id)
    found = await repository.delivery(webhook_id, delivery_id, lock=True)
    await repository.send_again(found, now)
    return msgspec.structs.replace(found, status=DeliveryStatus.PENDING, next_attempt_at=now, updated_at=now)


async def replay(
    db: Connection, scope: Scope, webhook_id: UUID, *, after: int, until: int, events: tuple[str, ...], now: datetime
) -> Replay:
    """Let the events after one number up to another be sent again, in their order, of these types or all.

    Raises WebhookNotFound, WebhookDisabled, Invalid for a range that holds nothing.
    """
    repository = WebhookRepository(db, scope)
    webhook = await _enabled(repository, webhook_id)
    if until <= after:
        raise Invalid.field("before", "must come at least two events behind `after`: the range holds no event")
    made = Replay(ids.new(), webhook.id, _sorted(events), after, until, now, None)
    await repository.add_replay(made)
    return made


async def _holder(db: Connection, scope: Scope, wish: NewWebhook) -> UUID | None:
    """Return the pod whose the webhook is, None for the account's own, once what it names is seen to exist."""
    pod_id = wish.pod_id
    if pod_id is None and scope.pod_ids is not None:
        if scope.pod_id is None:
            raise Invalid.field("pod_id", "is required: this key reaches several pods")
        pod_id = scope.pod_id
    if pod_id is not None:
        await pods.get(db, scope, pod_id)
    if wish.inbox_id is not None:
        inbox = await inboxes.get(db, scope, wish.inbox_id)
        if pod_id is not None and inbox.pod_id != pod_id:
            raise Invalid.field("inbox_id", "is not in this pod; leave out pod_id, or name the pod that it is in")
    return pod_id


async def _made_before(db: Connection, scope: Scope, wish: NewWebhook, webhook_id: UUID) -> UUID | None:
    assert wish.client_id is not None
    fingerprint = hashlib.sha256(msgspec.json.encode(wish, order="sorted")).digest()
    return await client_ids.claim(
        db, scope, kind=_KIND, client_id=wish.client_id, fingerprint=fingerprint, object_id=webhook_id
    )


def _changed(before: Webhook, wish: WebhookChange, now: datetime) -> Webhook:
    wanted = {name: value for name, value in msgspec.structs.asdict(wish).items() if value is not UNSET}
    if "events" in wanted:
        wanted["events"] = _sorted(wanted["events"])
    if "status" in wanted:
        paused = wanted["status"] is WebhookStatus.DISABLED
        wanted |= {"disabled_reason": "paused" if paused else None}
        wanted |= {} if paused else {"failure_count": 0}
    return msgspec.structs.replace(before, **wanted, updated_at=now)


async def _enabled(repository: WebhookRepository, webhook_id: UUID) -> Webhook:
    webhook = await repository.get(webhook_id, lock=True)
    if webhook.status is WebhookStatus.DISABLED:
        raise WebhookDisabled
    return webhook


def _sorted(events: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(events)))
