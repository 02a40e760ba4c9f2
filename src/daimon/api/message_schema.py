"""Messages as clients read and change them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daimon.api.schema import Cursor, Moment, Page, Search, Time, in_utc, read_id, show_or_none
from daimon.kit import ids
from daimon.kit.clock import rfc3339, rfc3339_or_none
from daimon.kit.errors import Invalid
from daimon.kit.ids import Kind, show
from daimon.mail.parsed import Code, Link, Mailbox
from daimon.messages.content import Safety, StoredAttachment
from daimon.messages.models import Awaited, Direction, Message, MessageChange, MessageQuery, Sort

MAX_WAIT_SECONDS = 120
Label = Annotated[str, Meta(max_length=64)]


class MessageList(Page, frozen=True):
    """Which messages of an inbox a list shows."""

    label: Label | None = None
    unread: bool | None = None
    thread_id: str | None = None
    before: Annotated[Moment, Meta(description="Received before this.")] | None = None
    after: Annotated[Moment, Meta(description="Received after this.")] | None = None
    from_: Annotated[str, Meta(max_length=320, description="The sender's address.")] | None = msgspec.field(
        default=None, name="from"
    )
    q: Annotated[Search, Meta(description="Looked for in sender, subject and preview.")] | None = None
    sort: Literal["newest", "oldest"] = "newest"
    direction: Direction | None = None
    include: Annotated[Literal["body"], Meta(description="Show bodies and headers whole.")] | None = None

    def to_domain(self) -> MessageQuery:
        """Return what the service is asked. Raises Invalid."""
        return MessageQuery(
            limit=self.limit,
            cursor=self.cursor,
            sort=Sort(self.sort),
            label=self.label,
            unread=self.unread,
            thread_id=read_id(Kind.THREAD, self.thread_id, "thread_id"),
            before=in_utc(self.before, "before"),
            after=in_utc(self.after, "after"),
            from_=self.from_,
            q=self.q,
            direction=self.direction,
            with_detail=self.include == "body",
        )


class MessageWait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What message to wait for, and how long."""

    timeout: Annotated[float, Meta(ge=0, le=MAX_WAIT_SECONDS, description="Seconds.")] = 30.0
    after: (
        Annotated[str, Meta(max_length=64, description="A message's id or a time: only what came after it.")] | None
    ) = None
    from_: Annotated[str, Meta(max_length=320, description="The sender's address.")] | None = msgspec.field(
        default=None, name="from"
    )
    subject: Annotated[Search, Meta(description="What the subject holds.")] | None = None
    has_code: Annotated[bool, Meta(description="Whether it holds a one-time code.")] | None = None

    def to_domain(self) -> Awaited:
        """Return what the service is asked. Raises Invalid."""
        return Awaited(_read_after(self.after), self.from_, self.subject, self.has_code)


class MessagePatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to a message; what is left out stays as it is."""

    labels: list[Label] | UnsetType = UNSET
    read: bool | UnsetType = UNSET

    def to_domain(self) -> MessageChange:
        """Return what the service is asked."""
        return MessageChange(self.labels, self.read)


class AttachmentView(msgspec.Struct):
    """A part of a message that is not its body."""

    id: str
    filename: str | None
    content_type: str
    size: int
    inline: bool
    content_id: str | None


class Authentication(msgspec.Struct):
    """What SPF, DKIM, DMARC and ARC say, in the words of RFC 8601; null was not evaluated."""

    spf: str | None = None
    dkim: str | None = None
    dmarc: str | None = None
    arc: str | None = None
    aligned: bool | None = None


class MessageView(msgspec.Struct, kw_only=True):
    """A message. Lists leave out `body_html`, `headers` and bodies over 4,096 characters, unless `include=body`."""

    id: str
    account_id: str
    pod_id: str | None
    inbox_id: str
    thread_id: str
    direction: Direction
    status: str
    from_address: str | None
    from_name: str | None
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    bcc: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    subject: str
    body_text: str | UnsetType = UNSET
    body_html: str | UnsetType | None = UNSET
    reply_body: str | UnsetType = UNSET
    preview: str
    links: tuple[Link, ...]
    cta_links: tuple[Link, ...]
    codes: tuple[Code, ...]
    labels: list[str]
    read: bool
    message_id: str | None
    in_reply_to: str | None
    references: tuple[str, ...]
    headers: dict[str, list[str]] | UnsetType = UNSET
    attachments: list[AttachmentView]
    authentication: Authentication
    safety: Safety
    size: int
    sent_at: Time | None
    received_at: Time
    deleted_at: Time | None = None


class MessagePage(msgspec.Struct):
    """A page of messages."""

    messages: list[MessageView]
    has_more: bool
    next_cursor: Cursor | None


class Download(msgspec.Struct):
    """Where an attachment is fetched; the link needs no key."""

    url: str
    expires_at: Time
    filename: str | None
    content_type: str
    size: int


def message_view(message: Message) -> MessageView:
    """Return a message as clients read it."""
    summary, detail = message.summary, message.detail
    return MessageView(
        id=show(Kind.MESSAGE, message.id),
        account_id=show(Kind.ACCOUNT, message.account_id),
        pod_id=show_or_none(Kind.POD, message.pod_id),
        inbox_id=show(Kind.INBOX, message.inbox_id),
        thread_id=show(Kind.THREAD, message.thread_id),
        direction=message.direction,
        status=message.status,
        from_address=message.from_address,
        from_name=message.from_name,
        to=summary.to,
        cc=summary.cc,
        bcc=summary.bcc,
        reply_to=summary.reply_to,
        subject=message.subject,
        body_text=_text(summary.body_text, detail.body_text if detail else None),
        body_html=detail.body_html if detail else UNSET,
        reply_body=_text(summary.reply_body, detail.reply_body if detail else None),
        preview=message.preview,
        links=summary.links,
        cta_links=summary.cta_links,
        codes=summary.codes,
        labels=message.labels,
        read=message.read,
        message_id=message.message_id,
        in_reply_to=next(iter(summary.in_reply_to), None),
        references=summary.references,
        headers=detail.headers if detail else UNSET,
        attachments=[_attachment_view(attachment) for attachment in summary.attachments],
        authentication=Authentication(),
        safety=summary.safety,
        size=message.size,
        sent_at=rfc3339_or_none(message.sent_at),
        received_at=rfc3339(message.received_at),
    )


def download_view(known: StoredAttachment, url: str, expires_at: datetime) -> Download:
    """Return where an attachment is fetched, as clients read it."""
    return Download(url, rfc3339(expires_at), known.filename, known.content_type, known.size)


def _attachment_view(known: StoredAttachment) -> AttachmentView:
    return AttachmentView(known.id, known.filename, known.content_type, known.size, known.inline, known.content_id)


def _text(short: str | None, long: str | None) -> str | UnsetType:
    """Return a text: a short one is stored with the summary, a long one with the detail, which lists do not read."""
    if short is not None:
        return short
    return UNSET if long is None else long


def _read_after(text: str | None) -> UUID | None:
    """Return the id after which a message counts as new. A time stands for the last id of its millisecond."""
    if text is None:
        return None
    if (message_id := ids.read(Kind.MESSAGE, text)) is not None:
        return message_id
    try:
        moment = msgspec.convert(text, Moment)
        milliseconds = int(moment.timestamp() * 1000)
        return UUID(int=milliseconds << 80 | (1 << 80) - 1)
    except (msgspec.ValidationError, ValueError, OverflowError):
        raise Invalid.field("after", "must be a message's id or an RFC 3339 time") from None
