"""A message as clients read it (contract §3), over HTTP as in events and webhooks."""

import msgspec
from msgspec import UNSET, UnsetType

from daimon.kit.clock import Time, rfc3339, rfc3339_or_none
from daimon.kit.ids import Kind, show, show_or_none
from daimon.kit.written import Ours
from daimon.mail.arc_chain import ArcResult
from daimon.mail.auth_results import AuthResults
from daimon.mail.dkim_signature import DkimResult
from daimon.mail.dmarc import DmarcResult
from daimon.mail.parsed import Code, Link, Mailbox
from daimon.mail.spf_record import SpfResult
from daimon.messages.content import Safety, StoredAttachment
from daimon.messages.models import Direction, Message


class AttachmentView(msgspec.Struct):
    """A part of a message that is not its body."""

    id: Ours
    filename: str | None
    content_type: str
    size: int
    inline: bool
    content_id: str | None


class Authentication(msgspec.Struct):
    """What SPF, DKIM, DMARC and ARC say, in the words of RFC 8601; null was not evaluated.

    `arc`: whether the chain of those who passed the mail on is whole; who sealed it last may lie. `aligned`: a domain
    that SPF or DKIM authenticate may speak for the one in From.
    """

    spf: SpfResult | None = None
    dkim: DkimResult | None = None
    dmarc: DmarcResult | None = None
    arc: ArcResult | None = None
    aligned: bool | None = None


class MessageView(msgspec.Struct, kw_only=True):
    """A message. Lists leave out `body_html`, `headers` and bodies over 4,096 characters, unless `include=body`."""

    id: Ours
    account_id: Ours
    pod_id: Ours | None
    inbox_id: Ours
    thread_id: Ours
    direction: Direction
    status: Ours
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
        authentication=_authentication(message.authentication),
        safety=summary.safety,
        size=message.size,
        sent_at=rfc3339_or_none(message.sent_at),
        received_at=rfc3339(message.received_at),
    )


def _authentication(results: AuthResults | None) -> Authentication:
    if results is None:
        return Authentication()
    return Authentication(
        spf=results.spf, dkim=results.dkim, dmarc=results.dmarc, arc=results.arc, aligned=results.aligned
    )


def _attachment_view(known: StoredAttachment) -> AttachmentView:
    return AttachmentView(known.id, known.filename, known.content_type, known.size, known.inline, known.content_id)


def _text(short: str | None, long: str | None) -> str | UnsetType:
    """Return a text: a short one is stored with the summary, a long one with the detail, which lists do not read."""
    if short is not None:
        return short
    return UNSET if long is None else long
