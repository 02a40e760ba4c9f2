"""Addresses that nothing is sent to any more."""

from __future__ import annotations

from daimon_email._calls.common import Moment, fetch, given, once, path, query
from daimon_email._config import Config
from daimon_email._flow import Flow, Request
from daimon_email._paging import Listing, fetch_page
from daimon_email.models import Deleted, Suppression


def add(
    config: Config,
    address: str,
    *,
    pod_id: str | None = None,
    reason: str | None = None,
    detail: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[Suppression]:
    """Send nothing to an address any more. One that is suppressed already stays as it is."""
    body = given(address=address, pod_id=pod_id, reason=reason, detail=detail)
    return fetch(config, Request("POST", path("suppressions"), body=body, headers=once(idempotency_key)), Suppression)


def list(
    config: Config,
    *,
    limit: int | None = None,
    cursor: str | None = None,
    address: str | None = None,
    reason: str | None = None,
    pod_id: str | None = None,
    q: str | None = None,
    before: Moment | None = None,
    after: Moment | None = None,
) -> Flow[Listing[Suppression]]:
    """List the addresses, the latest suppressed first. `q` is how an address begins."""
    asked = query(limit=limit, cursor=cursor, address=address, reason=reason, pod_id=pod_id, q=q, before=before,
                  after=after)  # fmt: skip
    return fetch_page(config, path("suppressions"), asked, "suppressions", Suppression)


def get(config: Config, address: str, *, pod_id: str | None = None) -> Flow[Suppression]:
    """Show why nothing is sent to an address."""
    return fetch(config, Request("GET", path("suppressions", address), query(pod_id=pod_id)), Suppression)


def delete(config: Config, address: str, *, pod_id: str | None = None) -> Flow[Deleted]:
    """Let mail be sent to an address again."""
    request = Request("DELETE", path("suppressions", address), query(pod_id=pod_id), repeatable=False)
    return fetch(config, request, Deleted)
