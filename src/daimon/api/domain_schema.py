"""Domains as clients write and read them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daimon.api.schema import ClientId, Cursor, Offset, Page, read_id
from daimon.domains import records
from daimon.domains.models import (
    Domain,
    DomainPolicy,
    DomainQuery,
    DomainStatus,
    NewDomain,
    Purpose,
    Record,
    RecordStatus,
)
from daimon.domains.names import check
from daimon.kit.clock import Time, rfc3339, rfc3339_or_none
from daimon.kit.ids import Kind, show, show_or_none
from daimon.kit.written import Ours

Name = Annotated[str, Meta(min_length=1, max_length=253, description="Such as `agents.example.com`.")]


class DomainCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A claim of a domain: for the account, or for a pod's inboxes alone."""

    domain: Name
    pod_id: str | None = None
    client_id: ClientId | None = None

    def to_domain(self, policy: DomainPolicy) -> NewDomain:
        """Return what the service is asked. Raises Invalid."""
        name = check(self.domain, service_domain=policy.service_domain)
        return NewDomain(name, read_id(Kind.POD, self.pod_id, "pod_id"), self.client_id)


class DomainPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to a domain; what is left out stays as it is."""

    catch_all_inbox_id: Annotated[
        str | UnsetType | None, Meta(description="The inbox that gets mail to unknown addresses; null: it is refused.")
    ] = UNSET

    def inbox_id(self) -> UUID | None:
        """Return the inbox that is asked for. Raises Invalid."""
        return (
            None
            if self.catch_all_inbox_id is UNSET
            else read_id(Kind.INBOX, self.catch_all_inbox_id, "catch_all_inbox_id")
        )


class DomainList(Page, frozen=True):
    """Which domains a list shows."""

    offset: Offset = 0
    pod_id: str | None = None
    status: DomainStatus | None = None

    def to_domain(self) -> DomainQuery:
        """Return what the service is asked. Raises Invalid."""
        pod_id = read_id(Kind.POD, self.pod_id, "pod_id")
        return DomainQuery(self.limit, self.offset, self.cursor, pod_id, self.status)


class RecordView(msgspec.Struct):
    """A DNS record: what it should be, and what stands there as of `checked_at`."""

    type: Ours
    name: Ours
    value: Ours
    priority: int | None
    purpose: Purpose
    required: bool
    status: RecordStatus
    found: list[str]
    hint: str | None


class DomainView(msgspec.Struct):
    """A domain. `reason` says why it failed, or why it is not verified yet."""

    id: Ours
    account_id: Ours
    pod_id: Ours | None
    domain: Ours
    status: DomainStatus
    reason: str | None
    records: list[RecordView]
    catch_all_inbox_id: Ours | None
    client_id: str | None
    checked_at: Time | None
    verified_at: Time | None
    created_at: Time
    updated_at: Time


class DomainPage(msgspec.Struct):
    """A page of domains."""

    domains: list[DomainView]
    total: int
    limit: int
    offset: int
    has_more: bool
    next_cursor: Cursor | None


def domain_view(domain: Domain, policy: DomainPolicy, now: datetime) -> DomainView:
    """Return a domain as clients read it."""
    return DomainView(
        id=show(Kind.DOMAIN, domain.id),
        account_id=show(Kind.ACCOUNT, domain.account_id),
        pod_id=show_or_none(Kind.POD, domain.pod_id),
        domain=domain.domain,
        status=domain.status,
        reason=domain.reason,
        records=[_record_view(record) for record in records.of(domain, policy, now)],
        catch_all_inbox_id=show_or_none(Kind.INBOX, domain.catch_all_inbox_id),
        client_id=domain.client_id,
        checked_at=rfc3339_or_none(domain.checked_at),
        verified_at=rfc3339_or_none(domain.verified_at),
        created_at=rfc3339(domain.created_at),
        updated_at=rfc3339(domain.updated_at),
    )


def in_brief(domain: Domain) -> dict[str, Any]:
    """Return a domain for the audit trail: what somebody can change of it."""
    return {
        "domain": domain.domain,
        "pod_id": show_or_none(Kind.POD, domain.pod_id),
        "status": domain.status.value,
        "catch_all_inbox_id": show_or_none(Kind.INBOX, domain.catch_all_inbox_id),
        "dkim_selectors": [key.selector for key in domain.keys],
    }


def _record_view(record: Record) -> RecordView:
    return RecordView(
        record.type, record.name, record.value, record.priority, record.purpose, record.required, record.status,
        list(record.found), record.hint,
    )  # fmt: skip
