"""Inboxes as clients write and read them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daimon.accounts.models import Tier
from daimon.api.schema import (
    ClientId,
    Metadata,
    Offset,
    OneLine,
    Page,
    Search,
    check_metadata,
    read_id,
)
from daimon.inboxes.models import Created, Inbox, InboxChange, InboxQuery, InboxStatus, NewInbox
from daimon.keys.models import IssuedKey
from daimon.kit.clock import Time, rfc3339, rfc3339_or_none
from daimon.kit.ids import Kind, show, show_or_none
from daimon.kit.paging import Page as PageOf
from daimon.kit.written import Ours

Username = Annotated[
    str,
    Meta(
        max_length=320,
        description="3-32 of `a-z 0-9 - . _`, first and last alphanumeric, no `..`. Left out: a free one is made.",
    ),
]
Domain = Annotated[
    str,
    Meta(
        max_length=253,
        description="A verified domain of the account. Left out: the pod's subdomain if it has one, else the service.",
    ),
]


PodOf = Annotated[str, Meta(max_length=100, description="The pod it is in.")]


class InboxCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new inbox; everything may be left out."""

    username: Username | None = None
    domain: Domain | None = None
    display_name: OneLine | None = None
    pod_id: PodOf | None = None
    client_id: ClientId | None = None
    metadata: Metadata | None = None

    def to_domain(self) -> NewInbox:
        """Return what the service is asked. Raises Invalid."""
        return NewInbox(
            self.username,
            self.domain,
            self.display_name,
            self.client_id,
            check_metadata(self.metadata or {}),
            read_id(Kind.POD, self.pod_id, "pod_id") or UNSET,
        )


class InboxPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to an inbox; what is left out stays as it is."""

    display_name: OneLine | UnsetType | None = UNSET
    pod_id: Annotated[str, Meta(max_length=100, description="Where it moves; null: to no pod.")] | UnsetType | None = (
        UNSET
    )
    metadata: Metadata | UnsetType | None = UNSET
    status: Literal["active", "suspended"] | UnsetType = UNSET

    def to_domain(self) -> InboxChange:
        """Return what the service is asked. Raises Invalid."""
        metadata = self.metadata if self.metadata is UNSET else check_metadata(self.metadata or {})
        status = self.status if self.status is UNSET else InboxStatus(self.status)
        pod_id = self.pod_id if self.pod_id is UNSET else read_id(Kind.POD, self.pod_id, "pod_id")
        return InboxChange(self.display_name, metadata, status, pod_id)


class PodInboxList(Page, frozen=True):
    """Which inboxes of a pod a list shows."""

    offset: Offset = 0
    domain: Annotated[str, Meta(max_length=253)] | None = None
    status: Literal["active", "suspended"] | None = None
    q: Annotated[Search, Meta(description="What the username begins with.")] | None = None

    def to_domain(self, pod_id: UUID | None) -> InboxQuery:
        """Return what the service is asked."""
        status = InboxStatus(self.status) if self.status else None
        return InboxQuery(self.limit, self.offset, self.cursor, pod_id, self.domain, status, self.q)


class InboxList(PodInboxList, frozen=True):
    """Which inboxes a list shows."""

    pod_id: Annotated[str, Meta(max_length=100)] | None = None

    def to_query(self) -> InboxQuery:
        """Return what the service is asked. Raises Invalid."""
        return self.to_domain(read_id(Kind.POD, self.pod_id, "pod_id"))


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a key is rotated."""

    grace_seconds: Annotated[int, Meta(ge=0, le=604_800, description="How long the old secret works on.")] = 0


class InboxView(msgspec.Struct):
    """An inbox."""

    id: Ours
    account_id: Ours
    pod_id: Ours | None
    username: Ours
    domain: Ours
    email: Ours
    display_name: str | None
    status: InboxStatus
    tier: Tier
    message_count: int
    thread_count: int
    unread_count: int
    last_received_at: Time | None
    client_id: str | None
    metadata: dict[str, Any]
    view_url: Ours
    created_at: Time
    updated_at: Time


class InboxCreated(InboxView):
    """A new inbox with its keys, which are shown this once: `account_api_key` with an account's first inbox."""

    inbox_api_key: Ours | UnsetType = UNSET
    account_api_key: Ours | UnsetType = UNSET


class InboxPage(msgspec.Struct):
    """A page of inboxes, the oldest first."""

    inboxes: list[InboxView]
    total: int
    limit: int
    offset: int
    has_more: bool
    next_cursor: str | None


class RotatedInboxKey(msgspec.Struct):
    """An inbox's key with its new secret, which is shown this once."""

    inbox_id: Ours
    email: Ours
    key_id: Ours
    inbox_api_key: Ours
    old_key_valid_until: Time


def inbox_view(inbox: Inbox, tier: Tier, public_url: str) -> InboxView:
    """Return an inbox as clients read it."""
    return InboxView(*_fields(inbox, tier, public_url))


def inbox_page(page: PageOf[Inbox], query: PodInboxList, tier: Tier, public_url: str) -> InboxPage:
    """Return a page of inboxes as clients read it."""
    views = [inbox_view(inbox, tier, public_url) for inbox in page.items]
    more = page.next_cursor is not None
    return InboxPage(views, page.total, query.limit, query.offset, more, page.next_cursor)


def created_view(created: Created, public_url: str) -> InboxCreated:
    """Return a created inbox with the secrets that its create made."""
    view = InboxCreated(*_fields(created.inbox, created.account.tier, public_url))
    if created.inbox_key:
        view.inbox_api_key = created.inbox_key.secret
    if created.account_key:
        view.account_api_key = created.account_key.secret
    return view


def rotated_view(inbox: Inbox, key: IssuedKey, old_valid_until: datetime) -> RotatedInboxKey:
    """Return a rotated key as clients read it."""
    return RotatedInboxKey(
        show(Kind.INBOX, inbox.id), inbox.email, show(Kind.KEY, key.key_id), key.secret, rfc3339(old_valid_until)
    )


def _fields(inbox: Inbox, tier: Tier, public_url: str) -> tuple[Any, ...]:
    shown_id = show(Kind.INBOX, inbox.id)
    return (
        shown_id,
        show(Kind.ACCOUNT, inbox.account_id),
        show_or_none(Kind.POD, inbox.pod_id),
        inbox.username,
        inbox.domain,
        inbox.email,
        inbox.display_name,
        inbox.status,
        tier,
        inbox.message_count,
        inbox.thread_count,
        inbox.unread_count,
        rfc3339_or_none(inbox.last_received_at),
        inbox.client_id,
        inbox.metadata,
        f"{public_url}/console/inboxes/{shown_id}",
        rfc3339(inbox.created_at),
        rfc3339(inbox.updated_at),
    )
