"""Attachments: a link that is signed, needs no key and works for an hour, and the content behind it."""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

import msgspec

from daimon.api import examples
from daimon.api.answer import Answer, Octets
from daimon.api.inboxes import InboxInPath
from daimon.api.message_schema import Download, download_view
from daimon.api.messages import MessageInPath, read_of
from daimon.api.operation import Lend, operation
from daimon.api.path import PathId
from daimon.api.request import Request
from daimon.db.scope import Scope
from daimon.keys.permissions import Permission
from daimon.kit.crypto import derive, sign, verify
from daimon.kit.errors import NotFound
from daimon.kit.ids import Kind
from daimon.messages import service as messages
from daimon.messages.content import StoredAttachment
from daimon.messages.errors import AttachmentNotFound, DownloadLinkInvalid, MessageNotFound

AttachmentInPath = Annotated[UUID, PathId(Kind.ATTACHMENT, AttachmentNotFound, "The attachment's id.")]
LINK_VALID_FOR = timedelta(hours=1)
_SIGNATURE_BYTES = 32
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}\Z")  # RFC 6838 §4.2
_TAG = "messages"


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """What a link lets its holder fetch, and until when (Unix seconds)."""

    account_id: UUID
    inbox_id: UUID
    message_id: UUID
    attachment_id: UUID
    until: int


@dataclass(frozen=True, slots=True)
class PathToken:
    """The signed part of a link; it is read where the key that signs is at hand."""

    missing: type[NotFound] = AttachmentNotFound
    description: str = "The signed part of the link."
    example: str = "lcQQAZjF8qfUfD6PChssPU5fYA"
    find: None = None

    def read(self, text: str) -> str:
        """Return the token as it is."""
        return text


@operation(
    "GET",
    "/v1/inboxes/{inbox_id}/messages/{message_id}/attachments/{attachment_id}",
    tag=_TAG,
    permission=Permission.MESSAGES_READ,
    example=examples.GET_ATTACHMENT,
)
async def get_attachment(
    request: Request, inbox_id: InboxInPath, message_id: MessageInPath, attachment_id: AttachmentInPath
) -> Answer[Download]:
    """Get a link to an attachment; it needs no key and works for an hour."""
    scope = request.principal.scope
    message = await messages.get(request.db, scope, inbox_id, message_id)
    known = await messages.attachment(request.db, scope, inbox_id, message_id, attachment_id)
    request.read = read_of(message_id, message, "get_attachment", attachment_id=known.id)
    expires_at = request.now + LINK_VALID_FOR
    grant = Grant(message.account_id, message.inbox_id, message_id, attachment_id, int(expires_at.timestamp()))
    url = f"{request.services.public_url}/v1/downloads/{write_token(grant, request.services.secret_key)}"
    return Answer(download_view(known, url, expires_at), [f"Fetch it, without a key: GET {url}"])


@operation(
    "GET",
    "/v1/downloads/{token}",
    tag=_TAG,
    reach=None,
    lend=Lend.NOTHING,
    errors=(DownloadLinkInvalid, MessageNotFound),
    content_type="application/octet-stream",
)
async def download_attachment(request: Request, token: Annotated[str, PathToken()]) -> Octets:
    """Fetch an attachment by its signed link."""
    grant = read_token(token, request.services.secret_key, request.now)
    scope = Scope(grant.account_id, inbox_id=grant.inbox_id)
    async with request.services.db.read(grant.account_id) as db:
        known = await messages.attachment(db, scope, grant.inbox_id, grant.message_id, grant.attachment_id)
        original = await messages.original(db, scope, grant.inbox_id, grant.message_id)
    content = await messages.attachment_content(original.octets, known)
    return Octets(content, _media_type(known), headers=_guards(known))


def write_token(grant: Grant, secret_key: bytes) -> str:
    """Return a grant, signed."""
    packed = msgspec.msgpack.encode(grant)
    signed = sign(_signing_key(secret_key), packed) + packed
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()


def read_token(token: str, secret_key: bytes, now: datetime) -> Grant:
    """Return what a token grants. Raises DownloadLinkInvalid unless we signed it and its time is not over."""
    try:
        signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise DownloadLinkInvalid from None
    signature, packed = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
    if not verify(_signing_key(secret_key), packed, signature):
        raise DownloadLinkInvalid
    grant = msgspec.msgpack.decode(packed, type=Grant)
    if grant.until < now.timestamp():
        raise DownloadLinkInvalid
    return grant


def _signing_key(secret_key: bytes) -> bytes:
    return derive(secret_key, "attachment link")


def _media_type(known: StoredAttachment) -> str:
    """Return the type that the mail claims, if it is one: a mail writes what it likes."""
    claimed = known.content_type.lower()
    return claimed if _MEDIA_TYPE.match(claimed) else "application/octet-stream"


def _guards(known: StoredAttachment) -> list[tuple[bytes, bytes]]:
    """Return the headers that make a browser save the content and never run it: a stranger sent it."""
    name = quote(known.filename or "attachment", safe="")  # RFC 8187
    return [
        (b"content-disposition", f"attachment; filename*=UTF-8''{name}".encode()),
        (b"content-security-policy", b"default-src 'none'; sandbox"),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"private, max-age=3600"),
        (b"vary", b"origin"),  # what a browser kept for a reader is not what a page may have (cross_origin.py)
    ]
