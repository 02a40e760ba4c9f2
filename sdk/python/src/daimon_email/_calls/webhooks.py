"""Webhooks: URLs of yours that are told of events."""

from __future__ import annotations

from collections.abc import Sequence

from daimon_email._calls.common import UNSET, Unset, changes, fetch, given, once, path, query, remove
from daimon_email._config import Config
from daimon_email._flow import Flow, Request
from daimon_email._paging import Listing, fetch_page
from daimon_email.models import (
    CreatedWebhook,
    Deleted,
    Delivery,
    Replay,
    RotatedSecret,
    TestedWebhook,
    Webhook,
)


def create(
    config: Config,
    *,
    url: str,
    events: Sequence[str] | None = None,
    description: str | None = None,
    pod_id: str | None = None,
    inbox_id: str | None = None,
    client_id: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[CreatedWebhook]:
    """Be told of events from now on; of all without `events`. Keep the secret: it is shown this once."""
    body = given(url=url, events=events, description=description, pod_id=pod_id, inbox_id=inbox_id,
                 client_id=client_id)  # fmt: skip
    return fetch(config, Request("POST", path("webhooks"), body=body, headers=once(idempotency_key)), CreatedWebhook)


def list(
    config: Config,
    *,
    limit: int | None = None,
    offset: int | None = None,
    cursor: str | None = None,
    pod_id: str | None = None,
    inbox_id: str | None = None,
    status: str | None = None,
) -> Flow[Listing[Webhook]]:
    """List webhooks, the oldest first."""
    asked = query(limit=limit, offset=offset, cursor=cursor, pod_id=pod_id, inbox_id=inbox_id, status=status)
    return fetch_page(config, path("webhooks"), asked, "webhooks", Webhook)


def get(config: Config, webhook_id: str) -> Flow[Webhook]:
    """Show a webhook."""
    return fetch(config, Request("GET", path("webhooks", webhook_id)), Webhook)


def update(
    config: Config,
    webhook_id: str,
    *,
    url: str | Unset = UNSET,
    events: Sequence[str] | Unset = UNSET,
    description: str | Unset | None = UNSET,
    status: str | Unset = UNSET,
) -> Flow[Webhook]:
    """Change a webhook. `status="disabled"` pauses it, `"active"` lets it go on where it was."""
    body = changes(url=url, events=events, description=description, status=status)
    return fetch(config, Request("PATCH", path("webhooks", webhook_id), body=body), Webhook)


def delete(config: Config, webhook_id: str) -> Flow[Deleted]:
    """Delete a webhook: nothing more is sent to it."""
    return remove(config, path("webhooks", webhook_id))


def test(config: Config, webhook_id: str) -> Flow[TestedWebhook]:
    """Send a made-up event now, and show what came back."""
    return fetch(config, _post(webhook_id, "test"), TestedWebhook)


def rotate_secret(config: Config, webhook_id: str, *, idempotency_key: str | None = None) -> Flow[RotatedSecret]:
    """Give a webhook a new secret; for 24 hours both sign."""
    return fetch(config, _post(webhook_id, "rotate-secret", key=idempotency_key), RotatedSecret)


def deliveries(
    config: Config,
    webhook_id: str,
    *,
    limit: int | None = None,
    cursor: str | None = None,
    status: str | None = None,
    event: str | None = None,
) -> Flow[Listing[Delivery]]:
    """List what was sent in the last 30 days, the newest first."""
    asked = query(limit=limit, cursor=cursor, status=status, event=event)
    return fetch_page(config, path("webhooks", webhook_id, "deliveries"), asked, "deliveries", Delivery)


def retry(config: Config, webhook_id: str, delivery_id: str, *, idempotency_key: str | None = None) -> Flow[Delivery]:
    """Send one delivery again, whatever came of it before."""
    return fetch(config, _post(webhook_id, "deliveries", delivery_id, "retry", key=idempotency_key), Delivery)


def replay(
    config: Config,
    webhook_id: str,
    *,
    after: int | str,
    before: int | str | None = None,
    events: Sequence[str] | None = None,
    idempotency_key: str | None = None,
) -> Flow[Replay]:
    """Send the events behind `after` and before `before` (by default up to now) again, in their order."""
    request = _post(webhook_id, "replay", key=idempotency_key, after=after, before=before, events=events)
    return fetch(config, request, Replay)


def _post(webhook_id: str, *what: str, key: str | None = None, **body: object) -> Request:
    return Request("POST", path("webhooks", webhook_id, *what), body=given(**body), headers=once(key))
