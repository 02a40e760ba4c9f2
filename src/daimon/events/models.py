"""Events as they are recorded and read (contract §4)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class EventType(StrEnum):
    """What can happen; the value is its public name."""

    MESSAGE_RECEIVED = "message.received"
    MESSAGE_SENT = "message.sent"
    MESSAGE_DELIVERED = "message.delivered"
    MESSAGE_DEFERRED = "message.deferred"
    MESSAGE_BOUNCED = "message.bounced"
    MESSAGE_COMPLAINED = "message.complained"
    MESSAGE_REJECTED = "message.rejected"
    MESSAGE_BLOCKED = "message.blocked"
    INBOX_CREATED = "inbox.created"
    INBOX_DELETED = "inbox.deleted"
    POD_CREATED = "pod.created"
    POD_SUSPENDED = "pod.suspended"
    DOMAIN_VERIFIED = "domain.verified"
    DOMAIN_FAILED = "domain.failed"
    ACCOUNT_UPGRADED = "account.upgraded"
    ACCOUNT_DOWNGRADED = "account.downgraded"
    ACCOUNT_SUSPENDED = "account.suspended"
    ACCOUNT_UNDER_REVIEW = "account.under_review"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
    WEBHOOK_UNHEALTHY = "webhook.unhealthy"
    LIMIT_WARNING = "limit.warning"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happens in the running transaction. `data` is the JSON of the event's `data`."""

    account_id: UUID
    event: EventType
    data: str
    pod_id: UUID | None
    inbox_id: UUID | None
    at: datetime
