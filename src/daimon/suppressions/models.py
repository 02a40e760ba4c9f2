"""Suppressed addresses, and what a caller may ask of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec


class Reason(StrEnum):
    """Bounce: its server refused mail for good. Complaint: its reader called mail spam. Manual: somebody said so."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"


class Suppression(msgspec.Struct, frozen=True):
    """One row of `suppressions`. It holds for the inboxes of a pod, or (None) for those in none."""

    account_id: UUID
    pod_id: UUID | None
    address: str
    reason: Reason
    message_id: UUID | None
    detail: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SuppressionQuery:
    """Which suppressions a list shows, the newest first."""

    limit: int
    cursor: str | None = None
    pod_id: UUID | None = None
    address: str | None = None
    reason: Reason | None = None
    q: str | None = None  # the beginning of an address
    before: datetime | None = None
    after: datetime | None = None
