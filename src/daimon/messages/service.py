"""Reading messages, and the little that can be changed of them."""

import asyncio
from uuid import UUID

import msgspec

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.inboxes.repository import InboxRepository
from daimon.kit import ids
from daimon.kit.errors import Invalid
from daimon.kit.paging import Page
from daimon.mail import mime
from daimon.messages.claims import ClaimRepository
from daimon.messages.content import StoredAttachment
from daimon.messages.dead_letters import DEAD_LETTER
from daimon.messages.errors import AttachmentNotFound, MessageIsBlocked
from daimon.messages.models import BLOCKED, Awaited, Message, MessageChange, MessageQuery, Original, Told
from daimon.messages.repository import MessageRepository
from daimon.threads import labels


async def page(db: Connection, scope: Scope, inbox: UUID | str, query: MessageQuery) -> Page[Message]:
    """Return a page of an inbox's messages. Raises InboxNotFound, InvalidCursor."""
    return await MessageRepository(db, scope, inbox).page(query)


async def get(db: Connection, scope: Scope, inbox: UUID | str, message_id: UUID) -> Message:
    """Return a message whole. Raises InboxNotFound, MessageNotFound."""
    return await MessageRepository(db, scope, inbox).get(message_id)


async def first(db: Connection, scope: Scope, inbox: UUID | str, awaited: Awaited) -> Told | None:
    """Return the message that a long poll waits for, if it is there already. Raises InboxNotFound."""
    return await MessageRepository(db, scope, inbox).first(awaited)


async def original(db: Connection, scope: Scope, inbox: UUID | str, message_id: UUID) -> Original:
    """Return a message as it was received, octet for octet. Raises InboxNotFound, MessageNotFound."""
    return await MessageRepository(db, scope, inbox).original(message_id)


async def change(
    db: Connection, scope: Scope, inbox: UUID | str, message_id: UUID, wish: MessageChange
) -> tuple[Message, Message]:
    """Return a message before and after a change of labels and read mark.

    Without the label `dead-letter` that it had, it can be claimed again.

    Raises InboxNotFound, MessageNotFound, MessageIsBlocked, Invalid.
    """
    messages, message = await _locked(db, scope, inbox, message_id)
    if message.is_blocked:
        raise MessageIsBlocked
    wanted = message.labels if wish.labels is msgspec.UNSET else labels.check(wish.labels)
    if BLOCKED in wanted:
        raise Invalid.field("labels", f"`{BLOCKED}` is the server's own: it is on mail that a rule keeps aside")
    read = message.read if wish.read is msgspec.UNSET else wish.read
    await messages.set_state(message, wanted, read=read, deleted=False)
    if DEAD_LETTER in message.labels and DEAD_LETTER not in wanted:
        await ClaimRepository(db, scope, message.inbox_id).put_back(message.id)
    return message, msgspec.structs.replace(message, labels=wanted, read=read)


async def delete(db: Connection, scope: Scope, inbox: UUID | str, message_id: UUID) -> Message:
    """Delete a message softly; return it as it was. Raises InboxNotFound, MessageNotFound."""
    messages, message = await _locked(db, scope, inbox, message_id)
    if message.is_blocked:
        await messages.discard(message)
    else:
        await messages.set_state(message, message.labels, read=message.read, deleted=True)
    return message


async def attachment(
    db: Connection, scope: Scope, inbox: UUID | str, message_id: UUID, attachment_id: UUID
) -> StoredAttachment:
    """Return what is known of an attachment. Raises InboxNotFound, MessageNotFound, AttachmentNotFound."""
    message = await get(db, scope, inbox, message_id)
    wanted = ids.show(ids.Kind.ATTACHMENT, attachment_id)
    for known in message.summary.attachments:
        if known.id == wanted:
            return known
    raise AttachmentNotFound


async def attachment_content(raw: bytes, known: StoredAttachment) -> bytes:
    """Return the decoded content of an attachment of a mail. The mail was read before, so reading it again is safe."""
    return await asyncio.to_thread(mime.attachment, raw, known.index)


async def attached(
    db: Connection, scope: Scope, inbox: UUID | str, message: Message
) -> list[tuple[StoredAttachment, bytes]]:
    """Return all attachments of a message with their contents. Raises InboxNotFound, MessageNotFound."""
    known = message.summary.attachments
    if not known:
        return []
    raw = (await original(db, scope, inbox, message.id)).octets
    contents = await asyncio.to_thread(mime.attachments, raw, [each.index for each in known])
    return list(zip(known, contents, strict=True))


async def _locked(
    db: Connection, scope: Scope, inbox: UUID | str, message_id: UUID
) -> tuple[MessageRepository, Message]:
    await InboxRepository(db, scope).lock(inbox)  # arriving mail locks the inbox first, and so does every change
    messages = MessageRepository(db, scope, inbox)
    return messages, await messages.get(message_id)
