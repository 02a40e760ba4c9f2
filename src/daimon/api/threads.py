"""Threads over HTTP: parse, call, answer."""

from typing import Annotated, Any
from uuid import UUID

from daimon.api import examples
from daimon.api.answer import Answer
from daimon.api.inboxes import InboxInPath
from daimon.api.operation import operation
from daimon.api.path import PathId
from daimon.api.request import Request
from daimon.api.schema import Deleted
from daimon.api.thread_schema import (
    InboxThreadList,
    LabelsInQuery,
    LabelsToAdd,
    LabelsToRemove,
    ThreadList,
    ThreadPage,
    ThreadPatch,
    ThreadView,
    thread_view,
)
from daimon.audit.models import Change
from daimon.inboxes.errors import InboxNotFound
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission
from daimon.kit.errors import Invalid, InvalidCursor
from daimon.kit.ids import Kind, show
from daimon.kit.paging import Page
from daimon.pods.errors import PodNotFound
from daimon.threads import service as threads
from daimon.threads.errors import ThreadNotFound
from daimon.threads.models import Thread

ThreadInPath = Annotated[
    UUID,
    PathId(
        Kind.THREAD,
        ThreadNotFound,
        "The thread's id.",
        lambda db, scope, values: threads.get(db, scope, values[0], values[1]),
    ),
]
_TAG = "threads"


@operation(
    "GET",
    "/v1/threads",
    tag=_TAG,
    permission=Permission.MESSAGES_READ,
    reach=KeyScope.POD,
    errors=(InvalidCursor, InboxNotFound, PodNotFound),
    example=examples.LIST_THREADS,
)
async def list_threads(request: Request, query: ThreadList) -> Answer[ThreadPage]:
    """List the threads of all inboxes, the one with the newest message first."""
    return page_of_threads(await threads.page(request.db, request.principal.scope, query.to_query()))


@operation(
    "GET",
    "/v1/inboxes/{inbox_id}/threads",
    tag=_TAG,
    permission=Permission.MESSAGES_READ,
    errors=(InvalidCursor,),
    example=examples.LIST_THREADS,
)
async def list_inbox_threads(request: Request, inbox_id: InboxInPath, query: InboxThreadList) -> Answer[ThreadPage]:
    """List an inbox's threads, the one with the newest message first."""
    return page_of_threads(await threads.page(request.db, request.principal.scope, query.to_domain(inbox_id)))


@operation(
    "GET",
    "/v1/inboxes/{inbox_id}/threads/{thread_id}",
    tag=_TAG,
    permission=Permission.MESSAGES_READ,
    example=examples.GET_THREAD,
)
async def get_thread(request: Request, inbox_id: InboxInPath, thread_id: ThreadInPath) -> Answer[ThreadView]:
    """Show a thread."""
    return _answer(await threads.get(request.db, request.principal.scope, inbox_id, thread_id))


@operation(
    "PATCH",
    "/v1/inboxes/{inbox_id}/threads/{thread_id}",
    tag=_TAG,
    permission=Permission.MESSAGES_WRITE,
    example=examples.PATCH_THREAD,
)
async def update_thread(
    request: Request, inbox_id: InboxInPath, thread_id: ThreadInPath, body: ThreadPatch
) -> Answer[ThreadView]:
    """Change a thread's labels, or mark all its messages read or unread."""
    scope, wish = request.principal.scope, body.to_domain()
    changed = await threads.change(request.db, scope, inbox_id, thread_id, wish, now=request.now)
    request.change = _change(changed.before, changed.after)
    return _answer(changed.after)


@operation(
    "DELETE",
    "/v1/inboxes/{inbox_id}/threads/{thread_id}",
    tag=_TAG,
    permission=Permission.MESSAGES_WRITE,
    example=examples.DELETE_THREAD,
)
async def delete_thread(request: Request, inbox_id: InboxInPath, thread_id: ThreadInPath) -> Answer[Deleted]:
    """Delete a thread and its messages."""
    gone = await threads.delete(request.db, request.principal.scope, inbox_id, thread_id, now=request.now)
    request.change = _change(gone, None)
    return Answer(Deleted(show(Kind.THREAD, thread_id)))


@operation(
    "POST",
    "/v1/inboxes/{inbox_id}/threads/{thread_id}/labels",
    tag=_TAG,
    permission=Permission.MESSAGES_WRITE,
    example=examples.ADD_LABELS,
)
async def add_thread_labels(
    request: Request, inbox_id: InboxInPath, thread_id: ThreadInPath, body: LabelsToAdd
) -> Answer[ThreadView]:
    """Add labels to a thread."""
    scope = request.principal.scope
    changed = await threads.add_labels(request.db, scope, inbox_id, thread_id, body.labels, now=request.now)
    request.change = _change(changed.before, changed.after)
    return _answer(changed.after)


@operation(
    "DELETE",
    "/v1/inboxes/{inbox_id}/threads/{thread_id}/labels",
    tag=_TAG,
    permission=Permission.MESSAGES_WRITE,
    example=examples.REMOVE_LABELS,
)
async def remove_thread_labels(
    request: Request,
    inbox_id: InboxInPath,
    thread_id: ThreadInPath,
    body: LabelsToRemove,
    query: LabelsInQuery,
) -> Answer[ThreadView]:
    """Take labels off a thread.

    They stand in the body as `labels`, or in the query as `label`, as often as needed.
    """
    labels = [*body.labels, *query.label]
    if not labels:
        raise Invalid.field("labels", "is required")
    scope = request.principal.scope
    changed = await threads.remove_labels(request.db, scope, inbox_id, thread_id, labels, now=request.now)
    request.change = _change(changed.before, changed.after)
    return _answer(changed.after)


def _change(before: Thread, after: Thread | None) -> Change:
    """Return what changed of a thread; what its mails say is not the trail's business."""
    now = _state(after) if after else None
    return Change(show(Kind.THREAD, before.id), _state(before), now, pod_id=before.pod_id, inbox_id=before.inbox_id)


def _state(thread: Thread) -> dict[str, Any]:
    return {"labels": thread.labels, "message_count": thread.message_count, "unread_count": thread.unread_count}


def _answer(thread: Thread) -> Answer[ThreadView]:
    return Answer(thread_view(thread), [f"Its messages: GET {_messages_of(thread)}"])


def page_of_threads(page: Page[Thread]) -> Answer[ThreadPage]:
    """Answer with a page of threads."""
    more = page.next_cursor is not None
    steps = [f"Next page: the same request with cursor={page.next_cursor}"] if more else []
    if page.items:
        steps.append(f"Messages of the first: GET {_messages_of(page.items[0])}")
    return Answer(ThreadPage([thread_view(thread) for thread in page.items], more, page.next_cursor), steps)


def _messages_of(thread: Thread) -> str:
    return f"/v1/inboxes/{show(Kind.INBOX, thread.inbox_id)}/messages?thread_id={show(Kind.THREAD, thread.id)}"
