"""Inboxes over HTTP: parse, call, answer."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import msgspec

from daimon.accounts.errors import AccountSuspended, ClientIdConflict
from daimon.api import examples
from daimon.api.answer import Answer
from daimon.api.inbox_schema import (
    InboxCreate,
    InboxCreated,
    InboxList,
    InboxPage,
    InboxPatch,
    InboxView,
    PodInboxList,
    RotatedInboxKey,
    Rotation,
    created_view,
    inbox_page,
    inbox_view,
    rotated_view,
)
from daimon.api.operation import operation
from daimon.api.path import PathInbox
from daimon.api.render import rate_headers
from daimon.api.request import Request
from daimon.api.schema import Deleted
from daimon.audit.models import Change
from daimon.domains.errors import DomainNotFound
from daimon.inboxes import service as inboxes
from daimon.inboxes.errors import UsernameTaken
from daimon.inboxes.models import Created, Inbox, InboxQuery
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission
from daimon.kit.clock import rfc3339
from daimon.kit.errors import InvalidCursor
from daimon.kit.ids import Kind, show
from daimon.pods.errors import PodNotFound, PodSuspended
from daimon.quotas.errors import InboxCreateRateLimited, InboxLimitReached, PodLimitReached

InboxInPath = Annotated[UUID | str, PathInbox()]
_TAG = "inboxes"


@operation(
    "POST",
    "/v1/inboxes",
    tag=_TAG,
    permission=Permission.INBOXES_WRITE,
    reach=KeyScope.POD,
    anonymous=True,
    status=201,
    other_statuses=(200,),
    errors=(
        UsernameTaken,
        ClientIdConflict,
        InboxLimitReached,
        InboxCreateRateLimited,
        DomainNotFound,
        PodNotFound,
        PodSuspended,
        PodLimitReached,
        AccountSuspended,
    ),
    example=examples.CREATE_INBOX,
)
async def create_inbox(request: Request, body: InboxCreate) -> Answer[InboxCreated]:
    """Create an inbox; without a key, the account too.

    The keys in the answer are shown this once. With `client_id`, the same create sent again answers 200 with the
    existing inbox and without its keys; where no account exists yet, only `Idempotency-Key` makes a retry safe.
    """
    services = request.services
    created = await inboxes.create(
        request.db,
        request.key,
        body.to_domain(),
        policy=services.inbox_policy,
        client=request.client,
        now=request.now,
    )
    view = created_view(created, services.public_url)
    if created.fresh:
        request.change = _created(created, services.public_url)
    headers = rate_headers(created.rate_limit)
    return Answer(view, _after_create(created), status=201 if created.fresh else 200, headers=headers)


@operation(
    "GET",
    "/v1/inboxes",
    tag=_TAG,
    permission=Permission.INBOXES_READ,
    reach=KeyScope.POD,
    errors=(InvalidCursor, PodNotFound),
    example=examples.LIST_INBOXES,
)
async def list_inboxes(request: Request, query: InboxList) -> Answer[InboxPage]:
    """List inboxes, the oldest first."""
    return await page_of_inboxes(request, query, query.to_query())


@operation("GET", "/v1/inboxes/{inbox_id}", tag=_TAG, permission=Permission.INBOXES_READ, example=examples.GET_INBOX)
async def get_inbox(request: Request, inbox_id: InboxInPath) -> Answer[InboxView]:
    """Show an inbox."""
    inbox = await inboxes.get(request.db, request.principal.scope, inbox_id)
    return Answer(_view(request, inbox), _to_read(inbox))


@operation(
    "PATCH",
    "/v1/inboxes/{inbox_id}",
    tag=_TAG,
    permission=Permission.INBOXES_WRITE,
    errors=(PodNotFound, PodLimitReached, AccountSuspended),
    example=examples.PATCH_INBOX,
)
async def update_inbox(request: Request, inbox_id: InboxInPath, body: InboxPatch) -> Answer[InboxView]:
    """Change an inbox's display name, metadata, status or pod.

    A suspended inbox refuses mail and can still be read. An inbox that is moved by `pod_id`, which only the account
    may do, keeps its mail, its address and its key; keys of the pod that it was in lose it at once.
    """
    before, inbox = await inboxes.change(request.db, request.principal, inbox_id, body.to_domain(), now=request.now)
    request.change = _changed(request, before=before, after=inbox)
    if before.pod_id != inbox.pod_id:
        request.after_commit = request.services.keys.forget
    return Answer(_view(request, inbox), [f"Show it: GET /v1/inboxes/{show(Kind.INBOX, inbox.id)}"])


@operation(
    "DELETE",
    "/v1/inboxes/{inbox_id}",
    tag=_TAG,
    permission=Permission.INBOXES_WRITE,
    errors=(AccountSuspended,),
    example=examples.DELETE_INBOX,
)
async def delete_inbox(request: Request, inbox_id: InboxInPath) -> Answer[Deleted]:
    """Delete an inbox and revoke its keys.

    Its mail is kept 30 days. Its address can be taken again at once by the same account, after 30 days by another.
    """
    inbox = await inboxes.get(request.db, request.principal.scope, inbox_id)
    await inboxes.delete(request.db, request.principal, inbox.id, now=request.now)
    request.change = _changed(request, before=inbox)
    request.after_commit = request.services.keys.forget
    return Answer(Deleted(show(Kind.INBOX, inbox.id)), ["The other inboxes: GET /v1/inboxes"])


@operation(
    "POST",
    "/v1/inboxes/{inbox_id}/rotate-key",
    tag=_TAG,
    permission=Permission.INBOXES_WRITE,
    errors=(AccountSuspended,),
    example=examples.ROTATE_INBOX_KEY,
)
async def rotate_inbox_key(request: Request, inbox_id: InboxInPath, body: Rotation) -> Answer[RotatedInboxKey]:
    """Give an inbox's key a new secret.

    The key keeps its id. The old secret works until `grace_seconds` have passed; with 0 it ends within a second.
    """
    grace = timedelta(seconds=body.grace_seconds)
    inbox, key = await inboxes.rotate_key(request.db, request.principal, inbox_id, grace=grace, now=request.now)
    until = {"old_key_valid_until": rfc3339(request.now + grace)}
    request.change = Change(show(Kind.KEY, key.key_id), after=until, pod_id=inbox.pod_id, inbox_id=inbox.id)
    request.after_commit = request.services.keys.forget
    steps = ["Save inbox_api_key now; it is only returned once.", *_to_read(inbox)]
    return Answer(rotated_view(inbox, key, request.now + grace), steps)


async def page_of_inboxes(request: Request, query: PodInboxList, asked: InboxQuery) -> Answer[InboxPage]:
    """Answer with a page of inboxes."""
    tier, public_url = request.principal.account.tier, request.services.public_url
    page = await inboxes.page(request.db, request.principal.scope, asked)
    steps = [f"Next page: the same request with cursor={page.next_cursor}"] if page.next_cursor else []
    return Answer(inbox_page(page, query, tier, public_url), steps)


def _view(request: Request, inbox: Inbox) -> InboxView:
    return inbox_view(inbox, request.principal.account.tier, request.services.public_url)


def _created(created: Created, public_url: str) -> Change:
    inbox, tier = created.inbox, created.account.tier
    after = msgspec.to_builtins(inbox_view(inbox, tier, public_url))
    return Change(after["id"], None, after, pod_id=inbox.pod_id, inbox_id=inbox.id, account_id=inbox.account_id)


def _changed(request: Request, *, before: Inbox, after: Inbox | None = None) -> Change:
    now = after or before
    return Change(
        show(Kind.INBOX, before.id),
        msgspec.to_builtins(_view(request, before)),
        msgspec.to_builtins(_view(request, after)) if after else None,
        pod_id=now.pod_id,
        inbox_id=now.id,
    )


def _to_read(inbox: Inbox) -> list[str]:
    shown_id = show(Kind.INBOX, inbox.id)
    return [
        f"Read its mail: GET /v1/inboxes/{shown_id}/messages",
        f"Wait for new mail to {inbox.email}: GET /v1/inboxes/{shown_id}/messages/wait?timeout=60",
    ]


def _after_create(created: Created) -> list[str]:
    steps = []
    if created.account_key:
        steps += [
            "Save account_api_key securely — it's only returned once",
            "Use account_api_key to create additional inboxes",
        ]
    if created.inbox_key:
        steps.append("Use inbox_api_key to access this specific inbox")
    return steps + _to_read(created.inbox)
