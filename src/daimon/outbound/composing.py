"""From what a send asks for to the signed octets, and to what is stored of them without reading them again."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from daimon.inboxes.arrival import Understood
from daimon.kit.errors import Invalid
from daimon.mail import bounds, compose, dkim_signing, html_text, mime, reply_text
from daimon.mail.compose import BadField, Outgoing
from daimon.mail.dkim_signing import SigningKey
from daimon.mail.parsed import Attachment, Mailbox, ParsedMail
from daimon.messages.content import understood
from daimon.outbound.models import NewMail

LARGE_OCTETS = 64 * 1024  # what takes so long to compose that other requests should not wait for it


class ReadyMail(NamedTuple):
    """A mail as it is sent, and what is shown of it."""

    octets: bytes
    needs_smtputf8: bool
    content: Understood


def is_large(mail: NewMail) -> bool:
    """Tell whether composing belongs into a thread."""
    texts = len(mail.body_text or "") + len(mail.body_html or "")
    return texts + sum(len(each.content) for each in mail.attachments) > LARGE_OCTETS


def ready(mail: NewMail, sender: Mailbox, *, message_id: str, keys: Sequence[SigningKey], at: datetime) -> ReadyMail:
    """Compose and sign a mail. Raises Invalid for what cannot stand in it."""
    text = _text(mail)
    try:
        made = compose.compose(_outgoing(mail, sender, text, message_id, at))
    except BadField as error:
        raise Invalid.field("headers", str(error)) from error
    octets = dkim_signing.sign(made.octets, keys, at=at) + made.octets
    return ReadyMail(octets, made.needs_smtputf8, understood(_parsed(mail, sender, text, message_id, at, octets)))


def _text(mail: NewMail) -> str:
    """Return the text body; HTML alone is not readable everywhere, so text is made of it."""
    if mail.body_text is not None or mail.body_html is None:
        return mail.body_text or ""
    return html_text.render(mail.body_html).text


def _outgoing(mail: NewMail, sender: Mailbox, text: str, message_id: str, at: datetime) -> Outgoing:
    return Outgoing(
        message_id=message_id,
        date=at,
        from_=sender,
        to=mail.to,
        cc=mail.cc,
        reply_to=mail.reply_to,
        subject=mail.subject,
        in_reply_to=mail.in_reply_to,
        references=mail.references,
        headers=mail.headers,
        body_text=text,
        body_html=mail.body_html,
        attachments=mail.attachments,
    )


def _parsed(mail: NewMail, sender: Mailbox, text: str, message_id: str, at: datetime, octets: bytes) -> ParsedMail:
    reply_body = reply_text.new_text(text[: bounds.BODY_TEXT_CHARS])
    return ParsedMail(
        subject=mail.subject,
        from_=sender,
        to=mail.to,
        cc=mail.cc,
        bcc=mail.bcc,
        reply_to=mail.reply_to,
        date=at,
        message_id=message_id,
        in_reply_to=(mail.in_reply_to,) if mail.in_reply_to else (),
        references=mail.references,
        headers=mime.headers(octets),
        authors=(sender.address.rpartition("@")[2],),
        body_text=text,
        body_html=mail.body_html,
        reply_body=reply_body,
        preview=mime.preview(reply_body or text),
        links=(),
        cta_links=(),
        codes=(),
        attachments=_attachments(mail),
        findings=(),
        spam_score=0.0,
        verdict="clean",
    )


def _attachments(mail: NewMail) -> tuple[Attachment, ...]:
    """Return the attachments as they are found again: by their place behind the body's leaves (see mail/compose.py)."""
    bodies = 2 if mail.body_html is not None else 1
    shown = [each for each in mail.attachments if each.content_id and mail.body_html is not None]
    attached = [each for each in mail.attachments if each not in shown]
    return tuple(
        Attachment(
            each.filename, each.content_type, len(each.content), index < len(shown), each.content_id, index + bodies
        )
        for index, each in enumerate([*shown, *attached])
    )
