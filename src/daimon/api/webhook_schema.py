"""Webhooks as clients write and read them."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daimon.api.schema import ClientId, Cursor, Offset, OneLine, Page, read_id
from daimon.events.models import EventType
from daimon.kit.clock import Time, rfc3339, rfc3339_or_none
from daimon.kit.ids import Kind, show, show_or_none
from daimon.kit.written import Ours
from daimon.webhooks.models import (
    Attempt,
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

Url = Annotated[str, Meta(min_length=1, max_length=2048, description="Begins with `https://`.")]
Events = Annotated[list[EventType], Meta(max_length=50, description="Types of events; none or [] means all.")]
Place = Annotated[str, Meta(max_length=64, description="The number of an event, or its id.")]


class WebhookCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new webhook: of the account, of a pod, or for one inbox."""

    url: Url
    events: Events | None = None
    description: OneLine | None = None
    pod_id: str | None = None
    inbox_id: str | None = None
    client_id: ClientId | None = None

    def to_domain(self) -> NewWebhook:
        """Return what the service is asked. Raises Invalid."""
        return NewWebhook(
            self.url,
            tuple(self.events or ()),
            self.description,
            read_id(Kind.POD, self.pod_id, "pod_id"),
            read_id(Kind.INBOX, self.inbox_id, "inbox_id"),
            self.client_id,
        )


class WebhookPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to a webhook; what is left out stays as it is. `disabled` pauses it, `active` lets it go on."""

    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    description: OneLine | UnsetType | None = UNSET
    status: Literal["active", "disabled"] | UnsetType = UNSET

    def to_domain(self) -> WebhookChange:
        """Return what the service is asked."""
        return WebhookChange(
            url=self.url,
            events=self.events if self.events is UNSET else tuple(self.events),
            description=self.description,
            status=self.status if self.status is UNSET else WebhookStatus(self.status),
        )


class WebhookList(Page, frozen=True):
    """Which webhooks a list shows."""

    offset: Offset = 0
    pod_id: str | None = None
    inbox_id: str | None = None
    status: WebhookStatus | None = None

    def to_domain(self) -> WebhookQuery:
        """Return what the service is asked. Raises Invalid."""
        pod_id = read_id(Kind.POD, self.pod_id, "pod_id")
        inbox_id = read_id(Kind.INBOX, self.inbox_id, "inbox_id")
        return WebhookQuery(self.limit, self.offset, self.cursor, pod_id, inbox_id, self.status)


class DeliveryList(Page, frozen=True):
    """Which deliveries a list shows, the newest first."""

    status: DeliveryStatus | None = None
    event: EventType | None = None

    def to_domain(self) -> DeliveryQuery:
        """Return what the service is asked."""
        return DeliveryQuery(self.limit, self.cursor, self.status, self.event)


class ReplayCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A range of events to send again: those behind `after`, up to but without `before`; by default up to now."""

    after: Place | Annotated[int, Meta(ge=0, le=2**53 - 1)]
    before: Place | Annotated[int, Meta(ge=0, le=2**53 - 1)] | None = None
    events: Events | None = None


class WebhookView(msgspec.Struct):
    """A webhook. `failure_count` are the attempts in a row that failed."""

    id: Ours
    account_id: Ours
    pod_id: Ours | None
    inbox_id: Ours | None
    url: str
    description: str | None
    events: list[Ours]
    status: WebhookStatus
    disabled_reason: str | None
    failure_count: int
    last_delivered_at: Time | None
    client_id: str | None
    created_at: Time
    updated_at: Time


class WebhookCreated(WebhookView):
    """A webhook as its create shows it: the secret is shown this once."""

    secret: Ours | UnsetType = UNSET


class WebhookPage(msgspec.Struct):
    """A page of webhooks."""

    webhooks: list[WebhookView]
    total: int
    limit: int
    offset: int
    has_more: bool
    next_cursor: Cursor | None


class RotatedSecret(msgspec.Struct):
    """A webhook's new secret. Both sign until `old_secret_valid_until`."""

    webhook_id: Ours
    secret: Ours
    old_secret_valid_until: Time


class AttemptView(msgspec.Struct):
    """One try. `response_body` is the first 2 KiB of the answer; the signatures are left out of the headers."""

    at: Time
    url: str
    headers: dict[str, str]
    duration_ms: int
    response_status: int | None
    response_body: str
    error: str | None
    remote_ip: str | None


class DeliveryView(msgspec.Struct):
    """An event for a webhook, and what came of sending it."""

    id: Ours
    webhook_id: Ours
    event: Ours
    event_id: Ours
    sequence: int
    replay_id: Ours | None
    status: DeliveryStatus
    attempt_count: int
    attempts: list[AttemptView]
    next_attempt_at: Time | None
    created_at: Time
    updated_at: Time


class DeliveryPage(msgspec.Struct):
    """A page of deliveries."""

    deliveries: list[DeliveryView]
    has_more: bool
    next_cursor: Cursor | None


class ReplayView(msgspec.Struct):
    """A range that is sent again: the events behind `after` up to and with `until`."""

    id: Ours
    webhook_id: Ours
    after: int
    until: int
    events: list[Ours]
    created_at: Time


class Tested(msgspec.Struct):
    """What came of a test: `delivered` for an answer of 2xx."""

    delivered: bool
    event_id: Ours
    attempt: AttemptView


def webhook_view(webhook: Webhook) -> WebhookView:
    """Return a webhook as clients read it."""
    return WebhookView(**_shown(webhook))


def created_view(webhook: Webhook, secret: str | None) -> WebhookCreated:
    """Return a webhook as its create shows it."""
    return WebhookCreated(**_shown(webhook), secret=secret or UNSET)


def _shown(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": show(Kind.WEBHOOK, webhook.id),
        "account_id": show(Kind.ACCOUNT, webhook.account_id),
        "pod_id": show_or_none(Kind.POD, webhook.pod_id),
        "inbox_id": show_or_none(Kind.INBOX, webhook.inbox_id),
        "url": webhook.url,
        "description": webhook.description,
        "events": list(webhook.events),
        "status": webhook.status,
        "disabled_reason": webhook.disabled_reason,
        "failure_count": webhook.failure_count,
        "last_delivered_at": rfc3339_or_none(webhook.last_delivered_at),
        "client_id": webhook.client_id,
        "created_at": rfc3339(webhook.created_at),
        "updated_at": rfc3339(webhook.updated_at),
    }


def delivery_view(delivery: Delivery) -> DeliveryView:
    """Return a delivery as clients read it."""
    return DeliveryView(
        id=show(Kind.DELIVERY, delivery.id),
        webhook_id=show(Kind.WEBHOOK, delivery.webhook_id),
        event=delivery.event,
        event_id=show(Kind.EVENT, delivery.event_id),
        sequence=delivery.sequence,
        replay_id=show_or_none(Kind.REPLAY, delivery.replay_id),
        status=delivery.status,
        attempt_count=delivery.attempt_count,
        attempts=[attempt_view(attempt) for attempt in delivery.attempts],
        next_attempt_at=rfc3339_or_none(delivery.next_attempt_at),
        created_at=rfc3339(delivery.created_at),
        updated_at=rfc3339(delivery.updated_at),
    )


def attempt_view(attempt: Attempt) -> AttemptView:
    """Return an attempt as clients read it."""
    return AttemptView(
        at=rfc3339(attempt.at),
        url=attempt.url,
        headers=attempt.headers,
        duration_ms=attempt.duration_ms,
        response_status=attempt.status,
        response_body=attempt.answer,
        error=attempt.error,
        remote_ip=attempt.remote_ip,
    )


def replay_view(replay: Replay) -> ReplayView:
    """Return a replay as clients read it."""
    return ReplayView(
        show(Kind.REPLAY, replay.id),
        show(Kind.WEBHOOK, replay.webhook_id),
        replay.cursor,
        replay.until,
        list(replay.events),
        rfc3339(replay.created_at),
    )
