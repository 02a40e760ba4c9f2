"""A made-up event, by which an endpoint is tried."""

from collections.abc import Sequence

import msgspec

from daimon.kit import ids
from daimon.kit.clock import Clock, rfc3339
from daimon.kit.ids import Kind, show, show_or_none
from daimon.kit.safe_http import SafeHttp
from daimon.webhooks import signing
from daimon.webhooks.attempting import Outcome, send
from daimon.webhooks.errors import WebhookDisabled
from daimon.webhooks.models import Webhook, WebhookStatus

EVENT = "webhook.test"


async def send_test(http: SafeHttp, webhook: Webhook, secrets: Sequence[str], clock: Clock) -> tuple[str, Outcome]:
    """Send a test to a webhook; return the event's id and what came of it. Raises WebhookDisabled."""
    if webhook.status is WebhookStatus.DISABLED:
        raise WebhookDisabled
    at, event_id = clock(), show(Kind.EVENT, ids.new())
    event = {
        "event": EVENT,
        "event_id": event_id,
        "sequence": None,  # it is no event of the account
        "timestamp": rfc3339(at),
        "account_id": show(Kind.ACCOUNT, webhook.account_id),
        "pod_id": show_or_none(Kind.POD, webhook.pod_id),
        "inbox_id": show_or_none(Kind.INBOX, webhook.inbox_id),
        "webhook_id": show(Kind.WEBHOOK, webhook.id),
        "data": {"webhook": {"id": show(Kind.WEBHOOK, webhook.id), "events": webhook.events}},
    }
    body = msgspec.json.encode(event)
    headers = signing.headers(event_id=event_id, event=EVENT, sequence=None, at=at, body=body, secrets=secrets)
    return event_id, await send(http, webhook.url, body, headers, at, clock)
