"""Messages as clients read and change them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daimon.api.schema import Cursor, Moment, Page, Search, in_utc, read_id
from daimon.kit import ids
from daimon.kit.clock import Time, rfc3339
from daimon.kit.errors import Invalid
from daimon.kit.ids import Kind
from daimon.kit.written import Ours
from daimon.messages.content import StoredAttachment
from daimon.messages.models import Awaited, Direction, MessageChange, MessageQuery, Sort
from daimon.messages.view import MessageView

MAX_WAIT_SECONDS = 120
Label = Annotated[str, Meta(max_length=64)]


class MessageList(Page, frozen=True):
    """Which messages of an inbox a list shows."""

    label: (
        Annotated[Label, Meta(description="`blocked` shows what rules keep aside, and nothing else does.")] | None
    ) = None
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
        Annotated[
            str,
            Meta(
                max_length=64,
                description="A message's id, an event's `sequence` or `event_id`, or a time: only what came after it.",
            ),
        ]
        | None
    ) = None
    from_: Annotated[str, Meta(max_length=320, description="The sender's address.")] | None = msgspec.field(
        default=None, name="from"
    )
    subject: Annotated[Search, Meta(description="What the subject holds.")] | None = None
    has_code: Annotated[bool, Meta(description="Whether it holds a one-time code.")] | None = None

    @property
    def place(self) -> str | None:
        """Return `after` if it names a place in the account's sequence of events."""
        named = self.after is not None and (self.after.isdecimal() or self.after.startswith(f"{Kind.EVENT.value}_"))
        return self.after if named else None

    def to_domain(self) -> Awaited:
        """Return what the service is asked, but for a place, which is looked up. Raises Invalid."""
        after = None if self.place is not None else _read_after(self.after)
        return Awaited(after, None, self.from_, self.subject, self.has_code)


class MessagePatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to a message; what is left out stays as it is."""

    labels: list[Label] | UnsetType = UNSET
    read: bool | UnsetType = UNSET

    def to_domain(self) -> MessageChange:
        """Return what the service is asked."""
        return MessageChange(self.labels, self.read)


class MessagePage(msgspec.Struct):
    """A page of messages."""

    messages: list[MessageView]
    has_more: bool
    next_cursor: Cursor | None


class Download(msgspec.Struct):
    """Where an attachment is fetched; the link needs no key."""

    url: Ours
    expires_at: Time
    filename: str | None
    content_type: str
    size: int


def download_view(known: StoredAttachment, url: str, expires_at: datetime) -> Download:
    """Return where an attachment is fetched, as clients read it."""
    return Download(url, rfc3339(expires_at), known.filename, known.content_type, known.size)


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
        raise Invalid.field("after", "must be an id of a message or event, an event's number, or a time") from None
