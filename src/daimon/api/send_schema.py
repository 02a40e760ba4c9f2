"""Mails to be sent as clients write them, and what became of them."""

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from daimon.api.message_schema import Label
from daimon.api.schema import ClientId, Moment, in_utc, read_id
from daimon.drafts.models import NewDraft
from daimon.kit.errors import Invalid, PayloadTooLarge
from daimon.kit.ids import Kind
from daimon.mail import bounds, mailboxes, threading
from daimon.mail.address import BadAddress, parse_address
from daimon.mail.compose import Attachment as ComposedAttachment
from daimon.mail.parsed import Mailbox
from daimon.outbound.models import (
    MOST_ATTACHMENTS,
    MOST_CONTENT_OCTETS,
    MOST_RECIPIENTS,
    NewMail,
)

# Base64 makes four octets of three; the rest is for the texts.
MAX_SEND_BYTES = MOST_CONTENT_OCTETS * 4 // 3 + (8 << 20)
_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$(?!\n)"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_HEADER_NAMES = re.compile(r"(?:X|List)-[!-9;-~]{1,70}\Z", re.IGNORECASE)

Address = Annotated[str, Meta(min_length=3, max_length=500)]
Addresses = Annotated[
    Address | Annotated[list[Address], Meta(max_length=MOST_RECIPIENTS)],
    Meta(description="`ada@example.com` or `Ada <ada@example.com>`, one or several."),
]
Subject = Annotated[str, Meta(max_length=998, pattern=_NO_CONTROLS)]
Text = Annotated[str, Meta(max_length=bounds.BODY_TEXT_CHARS)]
Html = Annotated[str, Meta(max_length=bounds.BODY_HTML_CHARS)]
MessageId = Annotated[str, Meta(max_length=998, pattern=_NO_CONTROLS, description="As in the field `Message-ID`.")]
MediaType = Annotated[
    str,
    Meta(max_length=255, pattern=r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*$(?!\n)",
         description="Without parameters, such as `application/pdf`."),
]  # fmt: skip
OwnHeaders = Annotated[
    dict[str, Annotated[str, Meta(max_length=2_000)]],
    Meta(max_length=50, description="Further fields; their names begin with `X-` or `List-`."),
]


class NewAttachment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part that is not the body; `content` is base64. With `content_id`, the HTML can show it by `cid:`."""

    filename: Annotated[str, Meta(min_length=1, max_length=255, pattern=_NO_CONTROLS)]
    content: bytes
    content_type: MediaType = "application/octet-stream"
    content_id: Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\s<>\x00-\x1f\x7f]*$(?!\n)")] | None = (
        None
    )


class MailFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a mail is made of."""

    to: Addresses = msgspec.field(default_factory=list)
    cc: Addresses = msgspec.field(default_factory=list)
    bcc: Addresses = msgspec.field(default_factory=list)
    subject: Subject = ""
    body: Annotated[Text, Meta(description="The text.")] | None = None
    body_html: Html | None = None
    reply_to: Addresses = msgspec.field(default_factory=list)
    attachments: Annotated[list[NewAttachment], Meta(max_length=MOST_ATTACHMENTS)] = []
    headers: OwnHeaders = {}
    labels: Annotated[list[Label], Meta(max_length=50)] = []
    in_reply_to: MessageId | None = None
    references: Annotated[list[MessageId], Meta(max_length=100)] = []
    thread_id: Annotated[str, Meta(max_length=64, description="A thread of the inbox that it goes on.")] | None = None

    def to_domain(self) -> NewMail:
        """Return what the service is asked. Raises Invalid, PayloadTooLarge."""
        return NewMail(
            to=read_people(self.to, "to"),
            cc=read_people(self.cc, "cc"),
            bcc=read_people(self.bcc, "bcc"),
            reply_to=read_people(self.reply_to, "reply_to"),
            subject=self.subject,
            body_text=self.body,
            body_html=self.body_html,
            headers=read_headers(self.headers),
            attachments=read_attachments(self.attachments),
            labels=tuple(dict.fromkeys(self.labels)),
            in_reply_to=None if self.in_reply_to is None else read_message_id(self.in_reply_to, "in_reply_to"),
            references=tuple(read_message_id(each, f"references[{n}]") for n, each in enumerate(self.references)),
            thread_id=read_id(Kind.THREAD, self.thread_id, "thread_id"),
        )


class SendBody(MailFields, frozen=True):
    """A mail to be sent. At least one of `to`, `cc` and `bcc` names somebody.

    With `send_at` it becomes a draft that is sent then; with `draft_id` a draft is sent, changed by what else is given.
    """

    client_id: ClientId | None = None
    dry_run: Annotated[bool, Meta(description="Answer what would happen, and send nothing.")] = False
    send_at: Annotated[Moment, Meta(description="When it is sent by itself; within a year.")] | None = None
    draft_id: Annotated[str, Meta(max_length=64)] | None = None

    def to_domain(self) -> NewMail:
        """Return what the service is asked. Raises Invalid, PayloadTooLarge."""
        return msgspec.structs.replace(super().to_domain(), client_id=self.client_id)

    def to_draft(self) -> NewDraft:
        """Return what a scheduled send is kept as. Raises Invalid, PayloadTooLarge."""
        return NewDraft(super().to_domain(), in_utc(self.send_at, "send_at"), self.client_id)


class _About(MailFields, frozen=True):
    """A mail about another, which says what it refers to."""

    client_id: ClientId | None = None
    dry_run: Annotated[bool, Meta(description="Answer what would happen, and send nothing.")] = False

    def to_domain(self) -> NewMail:
        """Return what the service is asked. Raises Invalid, PayloadTooLarge."""
        return msgspec.structs.replace(super().to_domain(), client_id=self.client_id)


class ReplyBody(_About, frozen=True):
    """An answer. Without `to` it goes to whom the message is from; without `subject` it has the message's."""


class ForwardBody(_About, frozen=True):
    """What stands above the message that is handed on, and whom it goes to."""


def read_people(texts: str | list[str], field: str) -> tuple[Mailbox, ...]:
    """Return the addresses in a field, one text or several. Raises Invalid."""
    if isinstance(texts, str):
        return _people_in(texts, field)
    return tuple(person for n, text in enumerate(texts) for person in _people_in(text, f"{field}[{n}]"))


def _people_in(text: str, field: str) -> tuple[Mailbox, ...]:
    if _CONTROLS.search(text):
        raise Invalid.field(field, "holds a line end or another control character")
    people = mailboxes.parse(text)
    if not people:
        raise Invalid.field(field, f"{text[:100]!r} is no address")
    try:
        for person in people:
            parse_address(person.address)
    except BadAddress as error:
        raise Invalid.field(field, f"{text[:100]!r} is no address: {error}") from error
    return people


def read_headers(headers: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Return further header fields. Raises Invalid for names and values that must not be."""
    for name, value in headers.items():
        if not _HEADER_NAMES.match(name):
            raise Invalid.field(
                "headers", f"{name[:80]!r} must begin with `X-` or `List-`, and have no blanks or colons"
            )
        if _CONTROLS.search(value):
            raise Invalid.field(f"headers.{name}", "holds a line end or another control character")
    return tuple(headers.items())


def read_attachments(attachments: list[NewAttachment]) -> tuple[ComposedAttachment, ...]:
    """Return files. Raises PayloadTooLarge."""
    total = sum(len(each.content) for each in attachments)
    if total > MOST_CONTENT_OCTETS:
        raise PayloadTooLarge(
            f"The attachments have {total} bytes, and {MOST_CONTENT_OCTETS} are allowed in all.",
            next_steps=["Send a link to what is large, or send it in several mails."],
        )
    return tuple(
        ComposedAttachment(each.filename, each.content_type, each.content, each.content_id) for each in attachments
    )


def read_message_id(text: str, field: str) -> str:
    """Return a Message-ID in its angle brackets. Raises Invalid."""
    found = threading.message_id(text)
    if found is None:
        raise Invalid.field(field, "must be a Message-ID, such as `<1234@example.com>`")
    return found
