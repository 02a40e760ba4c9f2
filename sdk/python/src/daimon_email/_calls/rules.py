"""Rules: whom inboxes hear from and write to."""

from __future__ import annotations

from daimon_email._calls.common import fetch, given, once, path, query, remove
from daimon_email._config import Config
from daimon_email._flow import Flow, Request
from daimon_email._paging import Listing, fetch_page
from daimon_email.models import Deleted, Rule


def create(
    config: Config,
    *,
    direction: str,
    action: str,
    value: str,
    pod_id: str | None = None,
    inbox_id: str | None = None,
    reason: str | None = None,
    client_id: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[Rule]:
    """Allow or block an address or a domain, for mail that is `"inbound"` or `"outbound"`.

    Without `inbox_id` and `pod_id` it holds for all that the key reaches.
    """
    body = given(direction=direction, action=action, value=value, pod_id=pod_id, inbox_id=inbox_id, reason=reason,
                 client_id=client_id)  # fmt: skip
    return fetch(config, Request("POST", path("rules"), body=body, headers=once(idempotency_key)), Rule)


def list(
    config: Config,
    *,
    limit: int | None = None,
    offset: int | None = None,
    cursor: str | None = None,
    direction: str | None = None,
    action: str | None = None,
    level: str | None = None,
    pod_id: str | None = None,
    inbox_id: str | None = None,
    value: str | None = None,
    q: str | None = None,
) -> Flow[Listing[Rule]]:
    """List rules, the oldest first."""
    asked = query(limit=limit, offset=offset, cursor=cursor, direction=direction, action=action, level=level,
                  pod_id=pod_id, inbox_id=inbox_id, value=value, q=q)  # fmt: skip
    return fetch_page(config, path("rules"), asked, "rules", Rule)


def get(config: Config, rule_id: str) -> Flow[Rule]:
    """Show a rule."""
    return fetch(config, Request("GET", path("rules", rule_id)), Rule)


def delete(config: Config, rule_id: str) -> Flow[Deleted]:
    """Delete a rule. What it has blocked stays blocked until it is released."""
    return remove(config, path("rules", rule_id))
