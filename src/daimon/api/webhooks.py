"""Webhooks over HTTP: parse, call, answer. What was sent to them is in `deliveries`."""

from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET

from daimon.accounts.errors import AccountSuspended, ClientIdConflict
from daimon.api import webhook_examples as examples
from daimon.api.answer import Answer
from daimon.api.operation import Lend, operation
from daimon.api.path import PathId
from daimon.api.request import Request
from daimon.api.schema import Deleted
from daimon.api.webhook_schema import (
    RotatedSecret,
    Tested,
    WebhookCreate,
    WebhookCreated,
    WebhookList,
    WebhookPage,
    WebhookPatch,
    WebhookView,
    attempt_view,
    created_view,
    webhook_view,
)
from daimon.audit.models import Change
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission
from daimon.kit.clock import rfc3339
from daimon.kit.errors import Invalid, InvalidCursor
from daimon.kit.ids import Kind, show
from daimon.kit.safe_http import Failed, SafeUrl, UnsafeUrl
from daimon.kit.safe_http import checked as read_url
from daimon.webhooks import service as webhooks
from daimon.webhooks import testing, wake
from daimon.webhooks.errors import TooManyWebhooks, WebhookDisabled, WebhookNotFound, WebhooksRequirePaid
from daimon.webhooks.models import SECRET_GRACE, Webhook

WebhookInPath = Annotated[
    UUID,
    PathId(
        Kind.WEBHOOK, WebhookNotFound, "The webhook's id.", lambda db, scope, values: webhooks.get(db, scope, values[0])
    ),
]
_TAG = "webhooks"


async def check_url(request: Request, *arguments: object) -> None:
    """Look where the URL of a body leads, and keep what was found: the handler asks for it when it needs it.

    It is done before the transaction, as names may take seconds to resolve. A repeated create is answered as before,
    and a webhook that does not exist is missing, whatever comes of it.
    """
    body = arguments[-1]
    assert isinstance(body, WebhookCreate | WebhookPatch)
    if body.url is UNSET:
        return
    try:
        request.prepared = await request.services.http.check(body.url)
    except UnsafeUrl as error:
        request.prepared = Invalid.field("url", error.reason)
    except Failed as error:
        request.prepared = Invalid.field("url", f"cannot be used now, try again later: {error.reason}")


def _normal(url: str) -> str:
    """Return the normal form of a URL, whether it may be used or not: two creates are told apart by it."""
    try:
        return read_url(url, allow_insecure=True).text
    except UnsafeUrl:
        return url


def _checked(request: Request) -> str:
    """Return the URL in its normal form. Raises Invalid."""
    if isinstance(request.prepared, Invalid):
        raise request.prepared
    assert isinstance(request.prepared, SafeUrl)
    return request.prepared.text


@operation(
    "POST",
    "/v1/webhooks",
    tag=_TAG,
    permission=Permission.WEBHOOKS_WRITE,
    reach=KeyScope.POD,
    status=201,
    other_statuses=(200,),
    errors=(ClientIdConflict, TooManyWebhooks, WebhooksRequirePaid, AccountSuspended),
    example=examples.CREATE_WEBHOOK,
    before=check_url,
)
async def create_webhook(request: Request, body: WebhookCreate) -> Answer[WebhookCreated]:
    """Be told of events by HTTP, from now on.

    Without `pod_id` and `inbox_id` it hears of the whole account, and with a pod's key of the pod; without `events`, of
    everything. Every request is signed with the secret, which is shown this once. With `client_id`, the same create
    sent again answers 200 with the existing webhook and without its secret.
    """
    if not request.services.inbox_policy.tiers[request.principal.account.tier].webhooks_enabled:
        raise WebhooksRequirePaid
    created = await webhooks.create(
        request.db,
        request.principal,
        msgspec.structs.replace(body.to_domain(), url=_normal(body.url)),
        vault=request.services.vault,
        now=request.now,
    )
    if created.secret:
        _checked(request)  # last, so that a create sent again is answered even where the name is gone by now
        request.change = _change(created.webhook, None, _shown(created.webhook))
    shown_id = show(Kind.WEBHOOK, created.webhook.id)
    steps = ["Save secret now; it is only returned once."] if created.secret else []
    steps.append(f"Try it: POST /v1/webhooks/{shown_id}/test")
    return Answer(created_view(created.webhook, created.secret), steps, status=201 if created.secret else 200)


@operation(
    "GET",
    "/v1/webhooks",
    tag=_TAG,
    permission=Permission.WEBHOOKS_READ,
    reach=KeyScope.POD,
    errors=(InvalidCursor,),
    example=examples.LIST_WEBHOOKS,
)
async def list_webhooks(request: Request, query: WebhookList) -> Answer[WebhookPage]:
    """List webhooks, the oldest first."""
    page = await webhooks.page(request.db, request.principal.scope, query.to_domain())
    views = [webhook_view(webhook) for webhook in page.items]
    more = page.next_cursor is not None
    steps = [f"Next page: the same request with cursor={page.next_cursor}"] if more else []
    return Answer(WebhookPage(views, page.total, query.limit, query.offset, more, page.next_cursor), steps)


@operation(
    "GET",
    "/v1/webhooks/{webhook_id}",
    tag=_TAG,
    permission=Permission.WEBHOOKS_READ,
    reach=KeyScope.POD,
    example=examples.GET_WEBHOOK,
)
async def get_webhook(request: Request, webhook_id: WebhookInPath) -> Answer[WebhookView]:
    """Show a webhook."""
    return _answer(await webhooks.get(request.db, request.principal.scope, webhook_id))


@operation(
    "PATCH",
    "/v1/webhooks/{webhook_id}",
    tag=_TAG,
    permission=Permission.WEBHOOKS_WRITE,
    reach=KeyScope.POD,
    errors=(AccountSuspended,),
    example=examples.PATCH_WEBHOOK,
    before=check_url,
)
async def update_webhook(request: Request, webhook_id: WebhookInPath, body: WebhookPatch) -> Answer[WebhookView]:
    """Change a webhook, pause it or let it go on.

    `disabled` pauses it: what happens meanwhile waits, up to 30 days. `active` sends it, and makes a webhook well that
    was disabled or unhealthy.
    """
    scope = request.principal.scope
    await webhooks.get(request.db, scope, webhook_id)
    wish = body.to_domain()
    if wish.url is not UNSET:
        wish = msgspec.structs.replace(wish, url=_checked(request))
    before, after = await webhooks.change(request.db, scope, webhook_id, wish, request.now)
    request.change = _change(after, _shown(before), _shown(after))
    wake_after_commit(request, webhook_id)
    return _answer(after)


@operation(
    "DELETE",
    "/v1/webhooks/{webhook_id}",
    tag=_TAG,
    permission=Permission.WEBHOOKS_WRITE,
    reach=KeyScope.POD,
    errors=(AccountSuspended,),
    example=examples.DELETE_WEBHOOK,
)
async def delete_webhook(request: Request, webhook_id: WebhookInPath) -> Answer[Deleted]:
    """Delete a webhook. Nothing more is sent to it; what is under way at this moment may still arrive."""
    gone = await webhooks.delete(request.db, request.principal.scope, webhook_id)
    request.change = _change(gone, _shown(gone), None)
    wake_after_commit(request, webhook_id)
    return Answer(Deleted(show(Kind.WEBHOOK, webhook_id)), ["The other webhooks: GET /v1/webhooks"])


@operation(
    "POST",
    "/v1/webhooks/{webhook_id}/rotate-secret",
    tag=_TAG,
    permission=Permission.WEBHOOKS_WRITE,
    reach=KeyScope.POD,
    errors=(AccountSuspended,),
    example=examples.ROTATE_SECRET,
)
async def rotate_webhook_secret(request: Request, webhook_id: WebhookInPath) -> Answer[RotatedSecret]:
    """Give a webhook a new secret. For 24 hours each request is signed with both, so that nothing is refused."""
    webhook, secret = await webhooks.rotate_secret(
        request.db, request.principal.scope, webhook_id, vault=request.services.vault, now=request.now
    )
    until = rfc3339(request.now + SECRET_GRACE)
    request.change = _change(webhook, None, {"old_secret_valid_until": until})
    wake_after_commit(request, webhook_id)
    steps = ["Save secret now; it is only returned once."]
    return Answer(RotatedSecret(show(Kind.WEBHOOK, webhook_id), secret, until), steps)


@operation(
    "POST",
    "/v1/webhooks/{webhook_id}/test",
    tag=_TAG,
    permission=Permission.WEBHOOKS_WRITE,
    reach=KeyScope.POD,
    lend=Lend.NOTHING,
    errors=(WebhookDisabled, AccountSuspended),
    example=examples.TEST_WEBHOOK,
)
async def test_webhook(request: Request, webhook_id: WebhookInPath) -> Answer[Tested]:
    """Send a made-up event `webhook.test` now, signed like any other, and show what came back.

    It is no event of the account: it has no number, is not sent again, and does not count as a failure.
    """
    scope, services = request.principal.scope, request.services
    async with request.reading() as db:
        webhook = await webhooks.get(db, scope, webhook_id)
        secrets = await webhooks.signing(db, scope, webhook_id, vault=services.vault, now=request.now)
    event_id, outcome = await testing.send_test(services.http, webhook, secrets, services.clock)
    shown_id = show(Kind.WEBHOOK, webhook_id)
    steps = [] if outcome.succeeded else [f"Mend what the attempt says, then: POST /v1/webhooks/{shown_id}/test"]
    return Answer(Tested(outcome.succeeded, event_id, attempt_view(outcome.attempt)), steps)


def wake_after_commit(request: Request, webhook_id: UUID) -> None:
    """Let the worker that sends to a webhook look at it as soon as the change is there."""
    word = wake.word(request.principal.scope.account_id, webhook_id)
    request.after_commit = partial(request.services.hooks.ring, word)


def _change(webhook: Webhook, before: dict[str, object] | None, after: dict[str, object] | None) -> Change:
    return Change(show(Kind.WEBHOOK, webhook.id), before, after, pod_id=webhook.pod_id, inbox_id=webhook.inbox_id)


def _shown(webhook: Webhook) -> dict[str, object]:
    """Return a webhook for the audit trail: without the query of its URL, where tokens are often put."""
    shown: dict[str, object] = msgspec.to_builtins(webhook_view(webhook))
    address, query, _ = webhook.url.partition("?")
    return shown | {"url": address + ("?…" if query else "")}


def _answer(webhook: Webhook) -> Answer[WebhookView]:
    shown_id = show(Kind.WEBHOOK, webhook.id)
    return Answer(webhook_view(webhook), [f"What was sent: GET /v1/webhooks/{shown_id}/deliveries"])
