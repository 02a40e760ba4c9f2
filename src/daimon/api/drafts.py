"""Drafts over HTTP: parse, call, answer."""

from typing import Annotated
from uuid import UUID

from daimon.accounts.errors import ClientIdConflict
from daimon.api import draft_examples as examples
from daimon.api.answer import Answer
from daimon.api.draft_schema import DraftCreate, DraftList, DraftPage, DraftPatch, DraftView, draft_view
from daimon.api.inboxes import InboxInPath
from daimon.api.operation import operation
from daimon.api.path import PathId
from daimon.api.request import Request
from daimon.api.scheduling import change_of, path_of, sent
from daimon.api.schema import Deleted
from daimon.api.send_schema import MAX_SEND_BYTES
from daimon.api.sending import ERRORS, in_turn
from daimon.api.sent_schema import SentView
from daimon.audit.models import Change
from daimon.drafts import service as drafts
from daimon.drafts.errors import DraftNotFound, TooManyDrafts
from daimon.drafts.models import Draft
from daimon.keys.permissions import Permission
from daimon.kit.errors import Forbidden, InvalidCursor, PayloadTooLarge, StateConflict
from daimon.kit.ids import Kind, show
from daimon.threads.errors import ThreadNotFound

DraftInPath = Annotated[
    UUID,
    PathId(
        Kind.DRAFT,
        DraftNotFound,
        "The draft's id.",
        lambda db, scope, values: drafts.get(db, scope, values[0], values[1]),
    ),
]
_TAG = "drafts"


def _check_may_schedule(request: Request, draft: Draft) -> None:
    """Raise Forbidden where a key that may only write drafts would have one sent."""
    if draft.send_at is not None and request.principal.allowed(Permission.MESSAGES_SEND) is None:
        raise Forbidden(
            "This key may write drafts and not send them.",
            next_steps=["Leave `send_at` out, or use a key with the permission messages:send."],
        )


@operation(
    "POST",
    "/v1/inboxes/{inbox_id}/drafts",
    tag=_TAG,
    permission=Permission.DRAFTS_WRITE,
    status=201,
    other_statuses=(200,),
    errors=(ClientIdConflict, TooManyDrafts, PayloadTooLarge),
    example=examples.CREATE_DRAFT,
    max_bytes=MAX_SEND_BYTES,
)
async def create_draft(request: Request, inbox_id: InboxInPath, body: DraftCreate) -> Answer[DraftView]:
    """Write a draft. With `send_at`, it is sent by itself at that moment, until when it can be changed or deleted."""
    draft, fresh = await drafts.create(request.db, request.principal.scope, inbox_id, body.to_draft(), now=request.now)
    _check_may_schedule(request, draft)
    if fresh:
        request.change = change_of(draft)
    return Answer(draft_view(draft), [f"Send it now: POST {path_of(draft)}/send"], status=201 if fresh else 200)


@operation(
    "GET",
    "/v1/inboxes/{inbox_id}/drafts",
    tag=_TAG,
    permission=Permission.DRAFTS_READ,
    errors=(InvalidCursor,),
    example=examples.LIST_DRAFTS,
)
async def list_drafts(request: Request, inbox_id: InboxInPath, query: DraftList) -> Answer[DraftPage]:
    """List an inbox's drafts, the newest first."""
    page = await drafts.page(request.db, request.principal.scope, inbox_id, query.to_domain())
    more = page.next_cursor is not None
    steps = [f"Next page: the same request with cursor={page.next_cursor}"] if more else []
    return Answer(DraftPage([draft_view(draft) for draft in page.items], more, page.next_cursor), steps)


@operation(
    "GET",
    "/v1/inboxes/{inbox_id}/drafts/{draft_id}",
    tag=_TAG,
    permission=Permission.DRAFTS_READ,
    example=examples.GET_DRAFT,
)
async def get_draft(request: Request, inbox_id: InboxInPath, draft_id: DraftInPath) -> Answer[DraftView]:
    """Show a draft whole, but for the contents of its files."""
    return Answer(draft_view(await drafts.get(request.db, request.principal.scope, inbox_id, draft_id)))


@operation(
    "PATCH",
    "/v1/inboxes/{inbox_id}/drafts/{draft_id}",
    tag=_TAG,
    permission=Permission.DRAFTS_WRITE,
    errors=(StateConflict, TooManyDrafts, PayloadTooLarge),
    example=examples.PATCH_DRAFT,
    max_bytes=MAX_SEND_BYTES,
)
async def update_draft(
    request: Request, inbox_id: InboxInPath, draft_id: DraftInPath, body: DraftPatch
) -> Answer[DraftView]:
    """Change a draft, schedule it by `send_at`, or take that back with null. A list that is given replaces the old."""
    before, after = await drafts.change(
        request.db, request.principal.scope, inbox_id, draft_id, body.to_domain(), now=request.now
    )
    _check_may_schedule(request, after)
    request.change = change_of(after, before)
    return Answer(draft_view(after), [f"Send it now: POST {path_of(after)}/send"])


@operation(
    "DELETE",
    "/v1/inboxes/{inbox_id}/drafts/{draft_id}",
    tag=_TAG,
    permission=Permission.DRAFTS_WRITE,
    errors=(StateConflict,),
    example=examples.DELETE_DRAFT,
)
async def delete_draft(request: Request, inbox_id: InboxInPath, draft_id: DraftInPath) -> Answer[Deleted]:
    """Delete a draft; one that is scheduled is not sent."""
    gone = await drafts.delete(request.db, request.principal.scope, inbox_id, draft_id)
    request.change = Change(show(Kind.DRAFT, gone.id), {"status": gone.status}, None, inbox_id=gone.inbox_id)
    return Answer(Deleted(show(Kind.DRAFT, gone.id)))


@operation(
    "POST",
    "/v1/inboxes/{inbox_id}/drafts/{draft_id}/send",
    tag=_TAG,
    permission=Permission.MESSAGES_SEND,
    status=202,
    errors=(*ERRORS, ThreadNotFound, StateConflict),
    example=examples.SEND_DRAFT,
    around=in_turn,
)
async def send_draft(request: Request, inbox_id: InboxInPath, draft_id: DraftInPath) -> Answer[SentView]:
    """Send a draft now, scheduled or not. It is sent once, however often this is called."""
    submitted = await drafts.send(
        request.db, request.principal, inbox_id, draft_id, road=request.services.road, now=request.now
    )
    return sent(request, submitted)
