"""Inboxes. `inbox_id` is an inbox's id or its address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daimon_email._calls.common import UNSET, Unset, changes, fetch, given, once, path, query, remove
from daimon_email._config import Config
from daimon_email._flow import Flow, Request
from daimon_email._paging import Listing, fetch_page
from daimon_email.models import CreatedInbox, Deleted, Inbox, RotatedInboxKey, SmtpSettings


def create(
    config: Config,
    *,
    username: str | None = None,
    domain: str | None = None,
    display_name: str | None = None,
    pod_id: str | None = None,
    client_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> Flow[CreatedInbox]:
    """Create an inbox; without a key, the account too.

    The keys in the result are shown this once. With `client_id`, the same create sent again returns the inbox that
    is there already, without its keys. `idempotency_key` is made for each call unless it is given.
    """
    body = given(
        username=username,
        domain=domain,
        display_name=display_name,
        pod_id=pod_id,
        client_id=client_id,
        metadata=metadata,
    )
    return fetch(config, Request("POST", path("inboxes"), body=body, headers=once(idempotency_key)), CreatedInbox)


def list(
    config: Config,
    *,
    limit: int | None = None,
    offset: int | None = None,
    cursor: str | None = None,
    pod_id: str | None = None,
    domain: str | None = None,
    status: str | None = None,
    q: str | None = None,
) -> Flow[Listing[Inbox]]:
    """List inboxes, the oldest first. `q` is what the username begins with."""
    asked = query(limit=limit, offset=offset, cursor=cursor, pod_id=pod_id, domain=domain, status=status, q=q)
    return fetch_page(config, path("inboxes"), asked, "inboxes", Inbox)


def get(config: Config, inbox_id: str) -> Flow[Inbox]:
    """Show an inbox."""
    return fetch(config, Request("GET", path("inboxes", inbox_id)), Inbox)


def update(
    config: Config,
    inbox_id: str,
    *,
    display_name: str | Unset | None = UNSET,
    pod_id: str | Unset | None = UNSET,
    metadata: Mapping[str, Any] | Unset | None = UNSET,
    status: str | Unset = UNSET,
) -> Flow[Inbox]:
    """Change an inbox; what is not given stays as it is, and None clears it.

    With `status="suspended"` it refuses mail and can still be read.
    """
    body = changes(display_name=display_name, pod_id=pod_id, metadata=metadata, status=status)
    return fetch(config, Request("PATCH", path("inboxes", inbox_id), body=body), Inbox)


def delete(config: Config, inbox_id: str) -> Flow[Deleted]:
    """Delete an inbox and revoke its keys. Its mail is kept 30 days."""
    return remove(config, path("inboxes", inbox_id))


def smtp(config: Config, inbox_id: str) -> Flow[SmtpSettings]:
    """Show how a mail program sends from an inbox; the password is a key."""
    return fetch(config, Request("GET", path("inboxes", inbox_id, "smtp")), SmtpSettings)


def rotate_key(
    config: Config, inbox_id: str, *, grace_seconds: int = 0, idempotency_key: str | None = None
) -> Flow[RotatedInboxKey]:
    """Give an inbox's key a new secret; the old one works for `grace_seconds` more."""
    body = {"grace_seconds": grace_seconds}
    request = Request("POST", path("inboxes", inbox_id, "rotate-key"), body=body, headers=once(idempotency_key))
    return fetch(config, request, RotatedInboxKey)
