"""Pods, and what a caller may ask of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from daimon.keys.models import IssuedKey
from daimon.quotas.tiers import Tiers


class PodStatus(StrEnum):
    """Suspended: it makes and sends nothing, and still receives."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class PodLimits(msgspec.Struct, frozen=True):
    """What a pod may use of what its account may; None is the account's own limit alone."""

    max_inboxes: int | None = None
    max_sends_per_day: int | None = None


class Pod(msgspec.Struct, frozen=True):
    """One row of `pods`, and the number of its inboxes."""

    id: UUID
    account_id: UUID
    name: str
    description: str | None
    subdomain: str | None
    client_id: str | None
    metadata: dict[str, Any]
    status: PodStatus
    limits: PodLimits
    cost_center: str | None
    inbox_count: int
    created_at: datetime
    updated_at: datetime


class NewPod(msgspec.Struct, frozen=True):
    """What a create asks for."""

    name: str
    description: str | None = None
    subdomain: str | None = None
    client_id: str | None = None
    metadata: dict[str, Any] = {}
    limits: PodLimits = PodLimits()
    cost_center: str | None = None


class PodChange(msgspec.Struct, frozen=True):
    """What a PATCH asks for; UNSET leaves a field as it is."""

    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET
    subdomain: str | UnsetType | None = UNSET
    status: PodStatus | UnsetType = UNSET
    max_inboxes: int | UnsetType | None = UNSET
    max_sends_per_day: int | UnsetType | None = UNSET
    cost_center: str | UnsetType | None = UNSET


@dataclass(frozen=True, slots=True)
class PodQuery:
    """Which pods a list shows. `offset` is for small lists; `cursor` costs the same at any depth."""

    limit: int
    offset: int = 0
    cursor: str | None = None
    status: PodStatus | None = None
    q: str | None = None  # the beginning of a name

    @property
    def shows_all(self) -> bool:
        """Tell whether no filter narrows the list."""
        return self.status is None and self.q is None


@dataclass(frozen=True, slots=True)
class PodPolicy:
    """What the operator decides about pods."""

    service_domain: str
    reserved_names: frozenset[str]  # that no subdomain may have
    tiers: Tiers


@dataclass(frozen=True, slots=True)
class CreatedPod:
    """A create's outcome. Without a key: an earlier create with this client_id made it."""

    pod: Pod
    key: IssuedKey | None
