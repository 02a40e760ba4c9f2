"""Domains, their records and keys, and what a caller may ask of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from daimon.mail.dkim_signing import Algorithm
from daimon.quotas.tiers import Tiers

PENDING_FOR = timedelta(hours=72)  # then a domain that was never proven has failed
GRACE = timedelta(hours=72)  # of a verified domain that shows its token no more
REMOVABLE_AFTER = timedelta(days=7)  # mail that an old key signed has been read by then

Seen = Mapping[str, list[str] | None]  # what DNS said, by question; None: nobody answered


class DomainStatus(StrEnum):
    """Pending: not proven yet. Failed: not proven in 72 hours, or not any more."""

    PENDING = "pending"
    VERIFIED = "verified"
    FAILED = "failed"


class RecordStatus(StrEnum):
    """Pending: not there. Mismatch: something else is there. Unreachable: the name servers did not answer."""

    PENDING = "pending"
    VERIFIED = "verified"
    MISMATCH = "mismatch"
    UNREACHABLE = "unreachable"
    REMOVABLE = "removable"


class Purpose(StrEnum):
    """What a record is for."""

    OWNERSHIP = "ownership"
    RECEIVING = "receiving"
    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"


class Stage(StrEnum):
    """Next: published, and signs once DNS shows it. Retired: signs no more."""

    NEXT = "next"
    CURRENT = "current"
    RETIRED = "retired"


class DkimKey(msgspec.Struct, frozen=True):
    """The public side of a row of `dkim_keys`; `record` is its TXT record."""

    selector: str
    algorithm: Algorithm
    stage: Stage
    record: str
    created_at: datetime
    retired_at: datetime | None = None


class Record(msgspec.Struct, frozen=True):
    """A DNS record that a domain needs: `value` is what it should be, `found` what stands there."""

    type: str
    name: str
    value: str
    purpose: Purpose
    required: bool
    status: RecordStatus
    found: tuple[str, ...] = ()
    hint: str | None = None
    priority: int | None = None


class Domain(msgspec.Struct, frozen=True):
    """One row of `domains`, with its keys."""

    id: UUID
    account_id: UUID
    pod_id: UUID | None
    domain: str
    status: DomainStatus
    reason: str | None
    token: str
    catch_all_inbox_id: UUID | None
    seen: Seen
    client_id: str | None
    pending_since: datetime
    checked_at: datetime | None
    verified_at: datetime | None
    missing_since: datetime | None
    next_check_at: datetime | None
    created_at: datetime
    updated_at: datetime
    keys: tuple[DkimKey, ...] = ()


class NewDomain(msgspec.Struct, frozen=True):
    """What a create asks for. The name is in its stored form."""

    domain: str
    pod_id: UUID | None = None
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class DomainQuery:
    """Which domains a list shows. `offset` is for small lists; `cursor` costs the same at any depth."""

    limit: int
    offset: int = 0
    cursor: str | None = None
    pod_id: UUID | None = None
    status: DomainStatus | None = None


@dataclass(frozen=True, slots=True)
class DomainPolicy:
    """What the operator decides about domains."""

    service_domain: str
    mx_hosts: tuple[str, ...]
    tiers: Tiers


@dataclass(frozen=True, slots=True)
class CreatedDomain:
    """A create's outcome. Not fresh: an earlier create with this client_id made it."""

    domain: Domain
    fresh: bool
