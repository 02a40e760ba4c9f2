"""Messages over HTTP: parse, call, answer."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from daimon.api import examples
from daimon.api.answer import Answer, Octets
from daimon.api.auth import admit_again
from daimon.api.errors import ClientGone
from daimon.api.inboxes import InboxInPath
from daimon.api.message_schema import (
    MessageList,
    MessagePage,
    MessagePatch,
    MessageWait,
)
from daimon.api.operation import Lend, operation
from daimon.api.path import PathId
from daimon.api.request import Request
from daimon.api.schema import Deleted
from daimon.audit.models import Change
from daimon.feed import cursor
from daimon.feed.errors import CursorExpired, TooManyFollowers
from daimon.inboxes import service as inboxes
from daimon.keys.permissions import Permission
from daimon.kit.errors import InvalidCursor
from daimon.kit.ids import Kind, show
from daimon.messages import service as messages
from daimon.messages.errors import MessageIsBlocked, MessageNotFound
from daimon.messages.models import Awaited, Message, Original, Told
from daimon.messages.view import MessageView, message_view

MessageInPath = Annotated[
    UUID,
    PathId(
        Kind.MESSAGE,
        MessageNotFound,
        "The message's id.",
        lambda db, scope, values: messages.get(db, scope, values[0], values[1]),
    ),
]
_TAG = "messages"
LOOK_AGAIN_SECONDS = 15.0


@operation(
    "GET",
    "/v1/inboxes/{inbox_id}/messages",
    tag=_TAG,
    permission=Permission.MESSAGES_READ,
    errors=(InvalidCursor,),
    example=examples.LIST_MESSAGES,
)
async def list_messages(request: Request, inbox_id: InboxInPath, query: MessageList) -> Answer[MessagePage]:
    """List an inbox's messages, the newest first."""
    page = await messages.page(request.db, request.principal.scope, inbox_id, query.to_domain())
    views = [message_view(message) for message in page.items]
    request.read = _list_read(page.items)
    more = page.next_cursor is not None
    steps = [f"Next page: the same request with cursor={page.next_cursor}"] if more else []
    if page.items:
        steps.append(f"Read one whole: GET {_path(page.items[0])}")
    return Answer(MessagePage(views, more, page.next_cursor), steps)


@operation(
    "GET",
    "/v1/inboxes/{inbox_id}/messages/wait",
    tag=_TAG,
    permission=Permission.MESSAGES_READ,
    lend=Lend.NOTHING,
    errors=(InvalidCursor, CursorExpired, TooManyFollowers),
    example=examples.WAIT_FOR_MESSAGE,
)
async def wait_for_message(request: Request, inbox_id: InboxInPath, query: MessageWait) -> Answer[MessageView | None]:
    """Wait for a message, and show it whole as soon as it is there.

    Without `after`, an unread message that is there already is the answer at once. After `timeout` seconds without
    a message the result is null. `X-Daimon-Sequence` is the number of the event that told of the message: go on with
    it here, in a list of events or in a stream.
    """
    account_id, crowd = request.principal.scope.account_id, request.services.crowd
    crowd.check(account_id)
    with crowd.one(account_id):
        awaited = await _placed(request, query)
        told = await _wait(request, await _id_of(request, inbox_id), awaited, query.timeout)
    if told is None:
        return Answer(None, ["Nothing came in time; send the same request again."])
    message = told.message
    request.read = read_of(message.id, message, "wait_for_message")
    headers = [] if told.sequence is None else [(b"x-daimon-sequence", b"%d" % told.sequence)]
    return Answer(message_view(message), _after_read(message, following=True), headers=headers)


@operation(
    "GET",
    "/v1/inboxes/{inbox_id}/messages/{message_id}",
    tag=_TAG,
    permission=Permission.MESSAGES_READ,
    example=examples.GET_MESSAGE,
)
async def get_message(request: Request, inbox_id: InboxInPath, message_id: MessageInPath) -> Answer[MessageView]:
    """Show a message whole."""
    message = await messages.get(request.db, request.principal.scope, inbox_id, message_id)
    request.read = read_of(message.id, message, "get_message")
    return Answer(message_view(message), _after_read(message))


@operation(
    "PATCH",
    "/v1/inboxes/{inbox_id}/messages/{message_id}",
    tag=_TAG,
    permission=Permission.MESSAGES_WRITE,
    errors=(MessageIsBlocked,),
    example=examples.PATCH_MESSAGE,
)
async def update_message(
    request: Request, inbox_id: InboxInPath, message_id: MessageInPath, body: MessagePatch
) -> Answer[MessageView]:
    """Change a message's labels or its read mark."""
    wish = body.to_domain()
    before, message = await messages.change(request.db, request.principal.scope, inbox_id, message_id, wish)
    request.change = _change(before, message)
    return Answer(message_view(message), [f"Show it: GET {_path(message)}"])


@operation(
    "DELETE",
    "/v1/inboxes/{inbox_id}/messages/{message_id}",
    tag=_TAG,
    permission=Permission.MESSAGES_WRITE,
    example=examples.DELETE_MESSAGE,
)
async def delete_message(request: Request, inbox_id: InboxInPath, message_id: MessageInPath) -> Answer[Deleted]:
    """Delete a message; it is kept 30 days for the operator's eyes alone."""
    gone = await messages.delete(request.db, request.principal.scope, inbox_id, message_id)
    request.change = _change(gone, None)
    return Answer(Deleted(show(Kind.MESSAGE, message_id)))


@operation(
    "GET",
    "/v1/inboxes/{inbox_id}/messages/{message_id}/raw",
    tag=_TAG,
    permission=Permission.MESSAGES_READ,
    content_type="message/rfc822",
)
async def get_raw_message(request: Request, inbox_id: InboxInPath, message_id: MessageInPath) -> Octets:
    """Fetch the exact octets that were received."""
    original = await messages.original(request.db, request.principal.scope, inbox_id, message_id)
    request.read = read_of(message_id, original, "get_raw_message")
    name = show(Kind.MESSAGE, message_id).encode()
    headers = [
        (b"content-disposition", b'attachment; filename="%s.eml"' % name),
        (b"x-content-type-options", b"nosniff"),
    ]
    return Octets(original.octets, "message/rfc822", headers=headers)


def read_of(message_id: UUID, where: Message | Original, operation: str, **more: str) -> Change:
    """Return for the audit trail that a message was shown, and by which operation."""
    how = {"operation": operation, **more}
    return Change(show(Kind.MESSAGE, message_id), after=how, pod_id=where.pod_id, inbox_id=where.inbox_id)


def _list_read(listed: Sequence[Message]) -> Change | None:
    """Return that messages were listed: what a list shows of a body, such as its codes, is read as well."""
    if not listed:
        return None
    first, last = listed[0], listed[-1]
    ends = {"first": show(Kind.MESSAGE, first.id), "last": show(Kind.MESSAGE, last.id)}
    how = {"operation": "list_messages", "count": len(listed), **ends}
    return Change(show(Kind.INBOX, first.inbox_id), after=how, pod_id=first.pod_id, inbox_id=first.inbox_id)


def _change(before: Message, after: Message | None) -> Change:
    """Return what changed of a message; what the mail says is not the trail's business."""
    now = _state(after) if after else None
    return Change(show(Kind.MESSAGE, before.id), _state(before), now, pod_id=before.pod_id, inbox_id=before.inbox_id)


def _state(message: Message) -> dict[str, Any]:
    return {"labels": message.labels, "read": message.read}


async def _id_of(request: Request, inbox: UUID | str) -> UUID:
    if isinstance(inbox, UUID):
        return inbox
    async with request.reading() as db:
        return (await inboxes.get(db, request.principal.scope, inbox)).id


async def _placed(request: Request, query: MessageWait) -> Awaited:
    """Return what is waited for. Raises Invalid, InvalidCursor, CursorExpired."""
    awaited, place = query.to_domain(), query.place
    if place is None:
        return awaited
    async with request.reading() as db:
        return replace(awaited, behind=await cursor.read(db, request.principal.scope, place))


async def _wait(request: Request, inbox_id: UUID, awaited: Awaited, seconds: float) -> Told | None:
    """Return the awaited message, or None when the time is over or the server stops.

    The bell is lent before the first look, so that no commit falls between the two. Nothing is held while waiting.
    """
    until = asyncio.get_running_loop().time() + seconds
    with request.services.bells.bell(inbox_id) as bell:
        leaving = asyncio.create_task(request.gone())
        leaving.add_done_callback(lambda _: bell.set())
        try:
            while True:
                bell.clear()
                told = await _look(request, inbox_id, awaited)
                if told is not None or request.services.stopping.is_set():
                    return told
                async with asyncio.timeout_at(until):
                    await _ring_or_look(bell)
                if leaving.done():
                    raise ClientGone
                await admit_again(request, Permission.MESSAGES_READ)  # the key may have lost the inbox meanwhile
        except TimeoutError:
            return None
        finally:
            leaving.cancel()


async def _ring_or_look(bell: asyncio.Event) -> None:
    """Return when the bell rings, or after a while all the same: a ring can be lost with the process that rings."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(bell.wait(), LOOK_AGAIN_SECONDS)


async def _look(request: Request, inbox_id: UUID, awaited: Awaited) -> Told | None:
    async with request.reading() as db:
        return await messages.first(db, request.principal.scope, inbox_id, awaited)


def _after_read(message: Message, *, following: bool = False) -> list[str]:
    inbox, thread = show(Kind.INBOX, message.inbox_id), show(Kind.THREAD, message.thread_id)
    steps = [] if message.read else [f'Mark it read: PATCH {_path(message)} {{"read": true}}']
    steps.append(f"Its thread: GET /v1/inboxes/{inbox}/threads/{thread}")
    if following:
        steps.append(f"The next one: GET /v1/inboxes/{inbox}/messages/wait?after={show(Kind.MESSAGE, message.id)}")
    return steps


def _path(message: Message) -> str:
    return f"/v1/inboxes/{show(Kind.INBOX, message.inbox_id)}/messages/{show(Kind.MESSAGE, message.id)}"
