"""Threads as clients read and change them."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daimon.api.message_schema import Label
from daimon.api.path import PathInbox
from daimon.api.schema import Cursor, Moment, Page, Search, in_utc, read_id
from daimon.kit.clock import Time, rfc3339
from daimon.kit.ids import Kind, show, show_or_none
from daimon.kit.written import Ours
from daimon.threads.models import Order, Thread, ThreadQuery
from daimon.threads.service import ThreadChange


class InboxThreadList(Page, frozen=True):
    """Which threads of an inbox a list shows."""

    label: Label | None = None
    unread: bool | None = None
    before: Annotated[Moment, Meta(description="Last message before this.")] | None = None
    after: Annotated[Moment, Meta(description="Last message after this.")] | None = None
    q: Annotated[Search, Meta(description="Looked for in subject and preview.")] | None = None
    sort: Literal["last_message_at"] = "last_message_at"
    order: Literal["asc", "desc"] = "desc"

    def to_domain(self, inbox: UUID | str | None, pod_id: UUID | None = None) -> ThreadQuery:
        """Return what the service is asked. Raises Invalid."""
        return ThreadQuery(
            limit=self.limit,
            cursor=self.cursor,
            inbox=inbox,
            pod_id=pod_id,
            label=self.label,
            unread=self.unread,
            before=in_utc(self.before, "before"),
            after=in_utc(self.after, "after"),
            q=self.q,
            order=Order(self.order),
        )


class ThreadList(InboxThreadList, frozen=True):
    """Which threads of all inboxes a list shows."""

    inbox_id: Annotated[str, Meta(max_length=320, description="An inbox's id or address.")] | None = None
    pod_id: str | None = None

    def to_query(self) -> ThreadQuery:
        """Return what the service is asked. Raises Invalid, InboxNotFound."""
        inbox = None if self.inbox_id is None else PathInbox().read(self.inbox_id)
        return self.to_domain(inbox, read_id(Kind.POD, self.pod_id, "pod_id"))


class ThreadPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to a thread; what is left out stays as it is. `read` marks each of its messages."""

    labels: list[Label] | UnsetType = UNSET
    read: bool | UnsetType = UNSET

    def to_domain(self) -> ThreadChange:
        """Return what the service is asked."""
        return ThreadChange(self.labels, self.read)


class LabelsToAdd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Labels that a thread gets besides those it has."""

    labels: Annotated[list[Label], Meta(min_length=1, max_length=50)]


class LabelsToRemove(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Labels that a thread loses, in the body."""

    labels: Annotated[list[Label], Meta(max_length=50)] = []


class LabelsInQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Labels that a thread loses, in the query: not every client sends a body with DELETE."""

    label: Annotated[list[Label], Meta(max_length=50)] = []


class ThreadView(msgspec.Struct):
    """A thread."""

    id: Ours
    inbox_id: Ours
    pod_id: Ours | None
    subject: str
    participants: list[str]
    labels: list[str]
    message_count: int
    unread_count: int
    last_message_at: Time
    preview: str
    created_at: Time
    updated_at: Time


class ThreadPage(msgspec.Struct):
    """A page of threads."""

    threads: list[ThreadView]
    has_more: bool
    next_cursor: Cursor | None


def thread_view(thread: Thread) -> ThreadView:
    """Return a thread as clients read it."""
    return ThreadView(
        id=show(Kind.THREAD, thread.id),
        inbox_id=show(Kind.INBOX, thread.inbox_id),
        pod_id=show_or_none(Kind.POD, thread.pod_id),
        subject=thread.subject,
        participants=thread.participants,
        labels=thread.labels,
        message_count=thread.message_count,
        unread_count=thread.unread_count,
        last_message_at=rfc3339(thread.last_message_at),
        preview=thread.preview,
        created_at=rfc3339(thread.created_at),
        updated_at=rfc3339(thread.updated_at),
    )
