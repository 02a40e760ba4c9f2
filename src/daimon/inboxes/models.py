"""Inboxes, and what a caller may ask of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from daimon.accounts.models import Account
from daimon.keys.models import IssuedKey
from daimon.kit.rate_limit import RateLimit
from daimon.pods.models import PodPolicy
from daimon.quotas.tiers import Tiers


class InboxStatus(StrEnum):
    """Suspended: mail is refused with 550 5.2.1. Deleted: gone for clients, kept 30 days."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class Inbox(msgspec.Struct, frozen=True):
    """One row of `inboxes`."""

    id: UUID
    account_id: UUID
    pod_id: UUID | None
    username: str
    domain: str
    display_name: str | None
    status: InboxStatus
    message_count: int
    thread_count: int
    unread_count: int
    last_received_at: datetime | None
    client_id: str | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime

    @property
    def email(self) -> str:
        """The inbox's address."""
        return f"{self.username}@{self.domain}"


class NewInbox(msgspec.Struct, frozen=True):
    """What a create asks for; everything may be left out."""

    username: str | None = None
    domain: str | None = None
    display_name: str | None = None
    client_id: str | None = None
    metadata: dict[str, Any] = {}
    pod_id: UUID | msgspec.UnsetType = msgspec.UNSET  # not written into the fingerprint of a create without it


class InboxChange(msgspec.Struct, frozen=True):
    """What a PATCH asks for; UNSET leaves a field as it is."""

    display_name: str | msgspec.UnsetType | None = msgspec.UNSET
    metadata: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    status: InboxStatus | msgspec.UnsetType = msgspec.UNSET
    pod_id: UUID | msgspec.UnsetType | None = msgspec.UNSET  # None moves it out of its pod


@dataclass(frozen=True, slots=True)
class InboxQuery:
    """Which inboxes a list shows. `offset` is for small lists; `cursor` costs the same at any depth."""

    limit: int
    offset: int = 0
    cursor: str | None = None
    pod_id: UUID | None = None
    domain: str | None = None
    status: InboxStatus | None = None
    q: str | None = None  # the beginning of a username

    @property
    def shows_all(self) -> bool:
        """Tell whether no filter but that of the pod narrows the list."""
        return self.domain is None and self.status is None and self.q is None


@dataclass(frozen=True, slots=True)
class InboxPolicy:
    """What the operator decides about inboxes."""

    service_domain: str
    reserved_usernames: frozenset[str]
    free_creates_per_hour: int
    tiers: Tiers

    @property
    def of_pods(self) -> PodPolicy:
        """What of it concerns pods."""
        return PodPolicy(self.service_domain, self.reserved_usernames, self.tiers)


@dataclass(frozen=True, slots=True)
class Created:
    """A create's outcome. Not fresh: an earlier create with this client_id made it, and no secret is shown again."""

    inbox: Inbox
    account: Account
    fresh: bool
    inbox_key: IssuedKey | None = None
    account_key: IssuedKey | None = None
    rate_limit: RateLimit | None = None  # of free creates, where they are limited
