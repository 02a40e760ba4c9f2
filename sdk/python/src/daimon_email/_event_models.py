"""What calls about events and webhooks return."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Optional

from daimon_email._result import Result


@dataclass(frozen=True)
class Event(Result):
    """Something that happened. `sequence` is its number in the account; `data` is as the server sent it."""

    event: str
    event_id: str
    sequence: int
    timestamp: datetime
    account_id: str
    data: dict[str, Any]
    pod_id: Optional[str] = None
    inbox_id: Optional[str] = None
    webhook_id: Optional[str] = None


@dataclass(frozen=True)
class Webhook(Result):
    """A webhook. Without `events` it hears of all; `failure_count` are the attempts in a row that failed."""

    id: str
    account_id: str
    url: str
    events: list[str]
    status: str
    failure_count: int
    created_at: datetime
    updated_at: datetime
    pod_id: Optional[str] = None
    inbox_id: Optional[str] = None
    description: Optional[str] = None
    disabled_reason: Optional[str] = None
    last_delivered_at: Optional[datetime] = None
    client_id: Optional[str] = None


@dataclass(frozen=True)
class CreatedWebhook(Webhook):
    """A new webhook. Its secret is shown this once; None where `client_id` found a webhook made before."""

    secret: Optional[str] = field(default=None, repr=False)


@dataclass(frozen=True)
class RotatedSecret(Result):
    """A webhook's new secret, which is shown this once. Both sign until `old_secret_valid_until`."""

    webhook_id: str
    secret: str = field(repr=False)
    old_secret_valid_until: datetime


@dataclass(frozen=True)
class Attempt:
    """One try to deliver: what was sent where, and what came back (its first 2 KiB)."""

    at: datetime
    url: str
    headers: dict[str, str]
    duration_ms: int
    response_body: str
    response_status: Optional[int] = None
    error: Optional[str] = None
    remote_ip: Optional[str] = None


@dataclass(frozen=True)
class TestedWebhook(Result):
    """What came of a test."""

    delivered: bool
    event_id: str
    attempt: Attempt


@dataclass(frozen=True)
class Delivery(Result):
    """An event for a webhook, and what came of sending it."""

    id: str
    webhook_id: str
    event: str
    event_id: str
    sequence: int
    status: str
    attempt_count: int
    attempts: list[Attempt]
    created_at: datetime
    updated_at: datetime
    replay_id: Optional[str] = None
    next_attempt_at: Optional[datetime] = None


@dataclass(frozen=True)
class Replay(Result):
    """A range of events that is sent again: those behind `after`, up to and with `until`."""

    id: str
    webhook_id: str
    after: int
    until: int
    events: list[str]
    created_at: datetime
