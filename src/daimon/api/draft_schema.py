"""Drafts as clients write and read them."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daimon.api.message_schema import Label
from daimon.api.schema import ClientId, Cursor, Moment, Page, in_utc, read_id
from daimon.api.send_schema import (
    Addresses,
    Html,
    MailFields,
    MessageId,
    NewAttachment,
    OwnHeaders,
    Subject,
    Text,
    read_attachments,
    read_headers,
    read_message_id,
    read_people,
)
from daimon.drafts.models import Draft, DraftChange, DraftError, DraftFile, DraftQuery, DraftStatus, NewDraft
from daimon.kit.clock import Time, rfc3339, rfc3339_or_none
from daimon.kit.ids import Kind, show, show_or_none
from daimon.kit.written import Ours
from daimon.mail.parsed import Mailbox
from daimon.outbound.models import MOST_ATTACHMENTS

SendAt = Annotated[Moment, Meta(description="When it is sent by itself; within a year.")]


class DraftCreate(MailFields, frozen=True):
    """A draft. With `send_at` it is sent by itself at that moment."""

    send_at: SendAt | None = None
    client_id: ClientId | None = None

    def to_draft(self) -> NewDraft:
        """Return what the service is asked. Raises Invalid, PayloadTooLarge."""
        return NewDraft(self.to_domain(), in_utc(self.send_at, "send_at"), self.client_id)


class DraftPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Changes to a draft; what is left out stays as it is. `send_at` null takes the schedule back."""

    to: Addresses | UnsetType = UNSET
    cc: Addresses | UnsetType = UNSET
    bcc: Addresses | UnsetType = UNSET
    subject: Subject | UnsetType = UNSET
    body: Text | UnsetType | None = UNSET
    body_html: Html | UnsetType | None = UNSET
    reply_to: Addresses | UnsetType = UNSET
    attachments: Annotated[list[NewAttachment], Meta(max_length=MOST_ATTACHMENTS)] | UnsetType = UNSET
    headers: OwnHeaders | UnsetType = UNSET
    labels: Annotated[list[Label], Meta(max_length=50)] | UnsetType = UNSET
    in_reply_to: MessageId | UnsetType | None = UNSET
    references: Annotated[list[MessageId], Meta(max_length=100)] | UnsetType = UNSET
    thread_id: str | UnsetType | None = UNSET
    send_at: SendAt | UnsetType | None = UNSET

    def to_domain(self) -> DraftChange:
        """Return what the service is asked. Raises Invalid, PayloadTooLarge."""
        given = {name: value for name in _READ if (value := getattr(self, name)) is not UNSET}
        fields = {_NAMES.get(name, name): _READ[name](value) for name, value in given.items()}
        return DraftChange(fields, self.send_at if not self.send_at else in_utc(self.send_at, "send_at"))


_NAMES = {"body": "body_text"}  # where the service calls a field otherwise
_READ: dict[str, Callable[[Any], object]] = {
    "to": partial(read_people, field="to"),
    "cc": partial(read_people, field="cc"),
    "bcc": partial(read_people, field="bcc"),
    "reply_to": partial(read_people, field="reply_to"),
    "subject": str,
    "body": lambda text: text,
    "body_html": lambda text: text,
    "headers": read_headers,
    "attachments": read_attachments,
    "labels": lambda labels: tuple(dict.fromkeys(labels)),
    "in_reply_to": lambda text: text and read_message_id(text, "in_reply_to"),
    "references": lambda texts: tuple(read_message_id(each, "references") for each in texts),
    "thread_id": lambda text: read_id(Kind.THREAD, text, "thread_id"),
}


class DraftList(Page, frozen=True):
    """Which drafts a list shows, the newest first."""

    status: DraftStatus | None = None

    def to_domain(self) -> DraftQuery:
        """Return what the service is asked."""
        return DraftQuery(self.limit, self.cursor, self.status)


class DraftView(msgspec.Struct):
    """A draft. Lists leave out bodies, headers and what it refers to. `sent_message_id` is the message it became."""

    id: Ours
    inbox_id: Ours
    status: DraftStatus
    send_at: Time | None
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    bcc: tuple[Mailbox, ...]
    subject: str
    preview: str
    attachments: tuple[DraftFile, ...]
    sent_message_id: Ours | None
    error: DraftError | None
    client_id: str | None
    created_at: Time
    updated_at: Time
    body: str | UnsetType | None = UNSET
    body_html: str | UnsetType | None = UNSET
    reply_to: tuple[Mailbox, ...] | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    labels: tuple[str, ...] | UnsetType = UNSET
    in_reply_to: str | UnsetType | None = UNSET
    references: tuple[str, ...] | UnsetType = UNSET
    thread_id: Ours | UnsetType | None = UNSET


class DraftPage(msgspec.Struct):
    """A page of drafts."""

    drafts: list[DraftView]
    has_more: bool
    next_cursor: Cursor | None


def draft_view(draft: Draft) -> DraftView:
    """Return a draft as clients read it."""
    summary = draft.summary
    view = DraftView(
        id=show(Kind.DRAFT, draft.id),
        inbox_id=show(Kind.INBOX, draft.inbox_id),
        status=draft.status,
        send_at=rfc3339_or_none(draft.send_at),
        to=summary.to,
        cc=summary.cc,
        bcc=summary.bcc,
        subject=summary.subject,
        preview=summary.preview,
        attachments=summary.attachments,
        sent_message_id=show_or_none(Kind.MESSAGE, draft.message_id),
        error=draft.error,
        client_id=draft.client_id,
        created_at=rfc3339(draft.created_at),
        updated_at=rfc3339(draft.updated_at),
    )
    if mail := draft.content:
        view.body, view.body_html, view.reply_to = mail.body_text, mail.body_html, mail.reply_to
        view.headers, view.labels = dict(mail.headers), mail.labels
        view.in_reply_to, view.references = mail.in_reply_to, mail.references
        view.thread_id = show_or_none(Kind.THREAD, mail.thread_id)
    return view
