"""What was sent to webhooks, over HTTP: the log, one of it again, a range of events again."""

from typing import Annotated
from uuid import UUID

from daimon.accounts.errors import AccountSuspended
from daimon.api import webhook_examples as examples
from daimon.api.answer import Answer
from daimon.api.operation import operation
from daimon.api.path import PathId
from daimon.api.request import Request
from daimon.api.webhook_schema import (
    DeliveryList,
    DeliveryPage,
    DeliveryView,
    ReplayCreate,
    ReplayView,
    delivery_view,
    replay_view,
)
from daimon.api.webhooks import WebhookInPath, wake_after_commit
from daimon.audit.models import Change
from daimon.feed import cursor
from daimon.feed.errors import CursorExpired
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission
from daimon.kit.errors import InvalidCursor
from daimon.kit.ids import Kind, show
from daimon.webhooks import service as webhooks
from daimon.webhooks.errors import DeliveryNotFound, WebhookDisabled

DeliveryInPath = Annotated[
    UUID,
    PathId(
        Kind.DELIVERY,
        DeliveryNotFound,
        "The delivery's id.",
        lambda db, scope, values: webhooks.delivery(db, scope, values[0], values[1]),
    ),
]
_TAG = "webhooks"


@operation(
    "GET",
    "/v1/webhooks/{webhook_id}/deliveries",
    tag=_TAG,
    permission=Permission.WEBHOOKS_READ,
    reach=KeyScope.POD,
    errors=(InvalidCursor,),
    example=examples.LIST_DELIVERIES,
)
async def list_deliveries(request: Request, webhook_id: WebhookInPath, query: DeliveryList) -> Answer[DeliveryPage]:
    """List what was sent to a webhook, the newest first, with each attempt and what came back; kept 30 days.

    An event that waits for its first attempt is not there yet.
    """
    page = await webhooks.deliveries(request.db, request.principal.scope, webhook_id, query.to_domain())
    steps = [f"Next page: the same request with cursor={page.next_cursor}"] if page.next_cursor else []
    views = [delivery_view(delivery) for delivery in page.items]
    return Answer(DeliveryPage(views, page.next_cursor is not None, page.next_cursor), steps)


@operation(
    "POST",
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry",
    tag=_TAG,
    permission=Permission.WEBHOOKS_WRITE,
    reach=KeyScope.POD,
    status=202,
    errors=(WebhookDisabled, AccountSuspended),
    example=examples.RETRY_DELIVERY,
)
async def retry_delivery(
    request: Request, webhook_id: WebhookInPath, delivery_id: DeliveryInPath
) -> Answer[DeliveryView]:
    """Send an event again at once, whatever came of it before, under the same `webhook-id`."""
    delivery = await webhooks.retry(request.db, request.principal.scope, webhook_id, delivery_id, request.now)
    request.change = Change(show(Kind.DELIVERY, delivery.id), None, {"status": delivery.status.value})
    wake_after_commit(request, webhook_id)
    steps = [f"See what came of it: GET /v1/webhooks/{show(Kind.WEBHOOK, webhook_id)}/deliveries"]
    return Answer(delivery_view(delivery), steps)


@operation(
    "POST",
    "/v1/webhooks/{webhook_id}/replay",
    tag=_TAG,
    permission=Permission.WEBHOOKS_WRITE,
    reach=KeyScope.POD,
    status=202,
    errors=(InvalidCursor, CursorExpired, WebhookDisabled, AccountSuspended),
    example=examples.REPLAY,
)
async def replay_events(request: Request, webhook_id: WebhookInPath, body: ReplayCreate) -> Answer[ReplayView]:
    """Send a range of events again, in their order, under the same ids: those that the webhook wants now.

    New events do not wait for it. The range begins behind `after`, and ends before `before`, or at the last event that
    there is.
    """
    scope = request.principal.scope
    await webhooks.get(request.db, scope, webhook_id)
    after = await cursor.read(request.db, scope, str(body.after))
    if body.before is None:
        until = await cursor.last(request.db, scope)
    else:
        until = await cursor.read(request.db, scope, str(body.before)) - 1
    replay = await webhooks.replay(
        request.db, scope, webhook_id, after=after, until=until, events=tuple(body.events or ()), now=request.now
    )
    request.change = Change(show(Kind.REPLAY, replay.id), None, {"after": after, "until": until})
    wake_after_commit(request, webhook_id)
    steps = [f"See what comes of it: GET /v1/webhooks/{show(Kind.WEBHOOK, webhook_id)}/deliveries"]
    return Answer(replay_view(replay), steps)
