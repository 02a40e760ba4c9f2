"""Domains of the account's own."""

from __future__ import annotations

from daimon_email import _flow
from daimon_email._calls.common import UNSET, Unset, changes, fetch, given, once, path, query, remove
from daimon_email._config import Config
from daimon_email._flow import Flow, Request
from daimon_email._paging import Listing, fetch_page
from daimon_email.models import Deleted, Domain


def create(
    config: Config,
    *,
    domain: str,
    pod_id: str | None = None,
    client_id: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[Domain]:
    """Claim a domain; the result says which DNS records it needs."""
    body = given(domain=domain, pod_id=pod_id, client_id=client_id)
    return fetch(config, Request("POST", path("domains"), body=body, headers=once(idempotency_key)), Domain)


def list(
    config: Config,
    *,
    limit: int | None = None,
    offset: int | None = None,
    cursor: str | None = None,
    pod_id: str | None = None,
    status: str | None = None,
) -> Flow[Listing[Domain]]:
    """List domains, the oldest first."""
    asked = query(limit=limit, offset=offset, cursor=cursor, pod_id=pod_id, status=status)
    return fetch_page(config, path("domains"), asked, "domains", Domain)


def get(config: Config, domain_id: str) -> Flow[Domain]:
    """Show a domain and its records as the last check found them."""
    return fetch(config, Request("GET", path("domains", domain_id)), Domain)


def update(config: Config, domain_id: str, *, catch_all_inbox_id: str | Unset | None = UNSET) -> Flow[Domain]:
    """Say which inbox gets mail to the domain's unknown addresses; with None it is refused."""
    body = changes(catch_all_inbox_id=catch_all_inbox_id)
    return fetch(config, Request("PATCH", path("domains", domain_id), body=body), Domain)


def delete(config: Config, domain_id: str) -> Flow[Deleted]:
    """Delete a domain. Its inboxes keep their mail and receive no more."""
    return remove(config, path("domains", domain_id))


def verify(config: Config, domain_id: str, *, idempotency_key: str | None = None) -> Flow[Domain]:
    """Look at the DNS now; each record says what was found."""
    return _post(config, domain_id, "verify", idempotency_key)


def rotate_dkim(config: Config, domain_id: str, *, idempotency_key: str | None = None) -> Flow[Domain]:
    """Make new DKIM keys; each signs once the DNS shows its record."""
    return _post(config, domain_id, "rotate-dkim", idempotency_key)


def zone_file(config: Config, domain_id: str) -> Flow[str]:
    """Fetch the records as a fragment of a zone file."""
    answer = yield from _flow.ask(Request("GET", path("domains", domain_id, "zone-file")), config.max_retries)
    return answer.content.decode("ascii")


def _post(config: Config, domain_id: str, what: str, idempotency_key: str | None) -> Flow[Domain]:
    request = Request("POST", path("domains", domain_id, what), body={}, headers=once(idempotency_key))
    return fetch(config, request, Domain)
