"""Webhooks and deliveries, and what a caller may ask of them (contract §4)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from daimon.events.models import EventType

MOST_WEBHOOKS = 50  # of the account itself, and of each pod
UNHEALTHY_AFTER = 20  # failures in a row
SECRET_GRACE = timedelta(hours=24)  # for which a rotated secret signs too
DELIVERIES_KEPT = timedelta(days=30)
ATTEMPTS_KEPT = 20  # of one delivery: somebody may ask for more than the ladder has


class WebhookStatus(StrEnum):
    """Unhealthy: it failed too often and is only probed, until a probe succeeds. Disabled: nothing is sent."""

    ACTIVE = "active"
    UNHEALTHY = "unhealthy"
    DISABLED = "disabled"


class Webhook(msgspec.Struct, frozen=True):
    """One row of `webhooks`, as far as clients see it. Without `events` it is told of all."""

    id: UUID
    account_id: UUID
    pod_id: UUID | None
    inbox_id: UUID | None
    url: str
    description: str | None
    events: tuple[str, ...]
    status: WebhookStatus
    disabled_reason: str | None
    failure_count: int
    last_delivered_at: datetime | None
    client_id: str | None
    created_at: datetime
    updated_at: datetime
    cursor: int


class NewWebhook(msgspec.Struct, frozen=True):
    """What a create asks for."""

    url: str
    events: tuple[EventType, ...] = ()
    description: str | None = None
    pod_id: UUID | None = None
    inbox_id: UUID | None = None
    client_id: str | None = None


class WebhookChange(msgspec.Struct, frozen=True):
    """What a PATCH asks for; UNSET leaves a field as it is."""

    url: str | UnsetType = UNSET
    events: tuple[EventType, ...] | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    status: WebhookStatus | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class WebhookQuery:
    """Which webhooks a list shows."""

    limit: int
    offset: int = 0
    cursor: str | None = None
    pod_id: UUID | None = None
    inbox_id: UUID | None = None
    status: WebhookStatus | None = None


class DeliveryStatus(StrEnum):
    """Pending: it will be tried again. Failed: it will not, unless somebody asks for it."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One try: what was sent where, and what came back. `answer` is the first 2 KiB of it."""

    at: datetime
    url: str
    headers: dict[str, str]  # as sent, without the signatures
    duration_ms: int
    status: int | None = None  # HTTP's; None: no answer came
    error: str | None = None  # why it failed, for people
    answer: str = ""
    remote_ip: str | None = None


class Delivery(msgspec.Struct, frozen=True):
    """One row of `webhook_deliveries`. `replay_id` is of the replay that asked for it."""

    id: UUID
    account_id: UUID
    webhook_id: UUID
    sequence: int
    event_id: UUID
    event: str
    replay_id: UUID | None
    status: DeliveryStatus
    attempt_count: int
    attempts: tuple[Attempt, ...]  # the last ATTEMPTS_KEPT of them
    next_attempt_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """Which deliveries a list shows, the newest first."""

    limit: int
    cursor: str | None = None
    status: DeliveryStatus | None = None
    event: str | None = None


class Replay(msgspec.Struct, frozen=True):
    """One row of `webhook_replays`: the events after `cursor` up to `until` are sent again."""

    id: UUID
    webhook_id: UUID
    events: tuple[str, ...]
    cursor: int
    until: int
    created_at: datetime
    finished_at: datetime | None


class Signing(msgspec.Struct, frozen=True):
    """The secrets a webhook is signed with: its own, and the one before it for a while."""

    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreatedWebhook:
    """A create's outcome. Without a secret: an earlier create with this client_id made it."""

    webhook: Webhook
    secret: str | None
