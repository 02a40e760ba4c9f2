"""Composing a mail: fields and parts to the octets that any server takes (RFC 5322, 2045-2047, 2183, 2231, 6532).

Lines are at most 998 octets and, where it can be helped, 78 characters. A body is 7bit, quoted-printable or base64,
never 8bit: no hop has a reason to rewrite it, which would break its signature.
"""

import binascii
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

import msgspec

from daimon.mail.field import BadField, mailboxes, parameter, unstructured, words
from daimon.mail.parsed import Mailbox

__all__ = ["Attachment", "BadField", "Composed", "Outgoing", "compose"]

CRLF = b"\r\n"
_MAX_LINE = 998  # octets, RFC 5322 §2.1.1
_BASE64_LINE = 76
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_PLAIN = b"\t\r\n" + bytes(range(0x20, 0x7F))
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\Z")
_UNKNOWN_TYPE = "application/octet-stream"


class Attachment(msgspec.Struct, frozen=True):
    """A part that is not the body. `content_id` is without angle brackets; with one, the HTML can show it by `cid:`."""

    filename: str | None
    content_type: str
    content: bytes
    content_id: str | None = None


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to be composed. `message_id`, `in_reply_to` and `references` are written with angle brackets.

    There is no Bcc: whom the mail goes to is the envelope's business. `headers` are further fields, in their order.
    """

    message_id: str
    date: datetime
    from_: Mailbox
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    subject: str = ""
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body_text: str | None = None
    body_html: str | None = None
    attachments: tuple[Attachment, ...] = ()


class Composed(msgspec.Struct, frozen=True):
    """A mail's octets, and whether every hop on its way must speak SMTPUTF8 (RFC 6531)."""

    octets: bytes
    needs_smtputf8: bool


def compose(mail: Outgoing) -> Composed:
    """Return the octets of a mail. Raises BadField for a field that would end its line, or is none at all."""
    fields = _fields(mail)
    head = "\r\n".join(fields).encode() + CRLF
    return Composed(head + _body(mail), not head.isascii())


def _fields(mail: Outgoing) -> list[str]:
    fields = [
        f"Date: {format_datetime(mail.date.astimezone(UTC))}",
        mailboxes("From", [mail.from_]),
        *(mailboxes(name, some) for name, some in _recipients(mail) if some),
        unstructured("Subject", mail.subject),
        words("Message-ID", [mail.message_id]),
    ]
    if mail.in_reply_to:
        fields.append(words("In-Reply-To", [mail.in_reply_to]))
    if mail.references:
        fields.append(words("References", mail.references))
    return [*fields, *(unstructured(name, value) for name, value in mail.headers), "MIME-Version: 1.0"]


def _recipients(mail: Outgoing) -> tuple[tuple[str, Sequence[Mailbox]], ...]:
    return ("Reply-To", mail.reply_to), ("To", mail.to), ("Cc", mail.cc)


def _body(mail: Outgoing) -> bytes:
    """Return the mail's entity: mixed(related(alternative(text, HTML), shown), attached), as far as there are such."""
    shown = [each for each in mail.attachments if each.content_id and mail.body_html is not None]
    attached = [each for each in mail.attachments if each not in shown]
    bodies = []
    if mail.body_text is not None or mail.body_html is None:
        bodies.append(_text("plain", mail.body_text or ""))
    if mail.body_html is not None:
        bodies.append(_text("html", mail.body_html))
    body = _multipart("alternative", bodies)
    body = _multipart("related", [body, *(_file(each, "inline") for each in shown)])
    return _multipart("mixed", [body, *(_file(each, "attachment") for each in attached)])


def _multipart(subtype: str, entities: Sequence[bytes]) -> bytes:
    """Return one entity that holds others; a single one is itself."""
    if len(entities) == 1:
        return entities[0]
    boundary = b"=_" + secrets.token_hex(16).encode()  # `=_` is in no base64 or quoted-printable, the rest in no text
    head = b'Content-Type: multipart/%s;\r\n boundary="%s"\r\n\r\n' % (subtype.encode(), boundary)
    delimiter = b"--" + boundary
    pieces = [head]
    for entity in entities:
        pieces += [delimiter, CRLF, entity, b"" if entity.endswith(CRLF) else CRLF]
    return b"".join([*pieces, delimiter, b"--", CRLF])


def _text(subtype: str, text: str) -> bytes:
    octets = "\r\n".join(_LINE_ENDS.split(text)).encode("utf-8", "replace")
    if not octets.endswith(CRLF):
        octets += CRLF
    encoding, octets = _encoded(octets)
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + octets


def _encoded(octets: bytes) -> tuple[str, bytes]:
    """Return text in the encoding that is the easiest to read, or else the shortest."""
    odd = len(octets.translate(None, _PLAIN))
    if not odd and max(map(len, octets.split(CRLF))) <= _MAX_LINE:
        return "7bit", octets
    if odd * 6 > len(octets):
        return "base64", _base64(octets)
    return "quoted-printable", binascii.b2a_qp(octets, istext=True)


def _file(file: Attachment, disposition: str) -> bytes:
    """Return an attachment's entity. What may not be encoded (RFC 2046 §5) and has to be is sent as plain octets."""
    kind, content, encoding = file.content_type, file.content, "base64"
    if not _MEDIA_TYPE.match(kind):
        raise BadField(f"{kind[:80]!r} is no media type")
    if kind.lower().startswith(("message/", "multipart/")):
        kind = _UNKNOWN_TYPE
    fields = [f"Content-Type: {kind}", f"Content-Transfer-Encoding: {encoding}", f"Content-Disposition: {disposition}"]
    if file.filename:
        fields[0] += parameter("name", file.filename)
        fields[2] += parameter("filename", file.filename)
    if file.content_id:
        fields.append(words("Content-ID", [f"<{file.content_id}>"]))
    return "\r\n".join(fields).encode() + CRLF + CRLF + _base64(content)


def _base64(octets: bytes) -> bytes:
    text = binascii.b2a_base64(octets, newline=False)
    return CRLF.join(text[at : at + _BASE64_LINE] for at in range(0, len(text), _BASE64_LINE)) + CRLF
