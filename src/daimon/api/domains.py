"""Domains over HTTP: parse, call, answer."""

import asyncio
from typing import Annotated
from uuid import UUID

from msgspec import UNSET

from daimon.accounts.errors import AccountSuspended, ClientIdConflict
from daimon.api import domain_examples as examples
from daimon.api.answer import Answer, Octets
from daimon.api.domain_schema import (
    DomainCreate,
    DomainList,
    DomainPage,
    DomainPatch,
    DomainView,
    domain_view,
    in_brief,
)
from daimon.api.operation import operation
from daimon.api.path import PathId
from daimon.api.request import Request
from daimon.api.schema import Deleted
from daimon.audit.models import Change
from daimon.domains import checking, lookup, records, zone_file
from daimon.domains import service as domains
from daimon.domains.dkim import Pair, make_pair
from daimon.domains.errors import DomainClaimed, DomainExists, DomainNotFound, RotationRunning
from daimon.domains.models import Domain, DomainStatus
from daimon.inboxes import service as inboxes
from daimon.inboxes.errors import InboxNotFound
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission
from daimon.kit.errors import InvalidCursor
from daimon.kit.ids import Kind, show
from daimon.pods.errors import PodNotFound
from daimon.quotas.errors import DomainLimitReached, DomainRequiresPaid

DomainInPath = Annotated[
    UUID,
    PathId(
        Kind.DOMAIN, DomainNotFound, "The domain's id.", lambda db, scope, values: domains.get(db, scope, values[0])
    ),
]
_TAG = "domains"


async def make_first_keys(request: Request, body: DomainCreate) -> None:
    """Make the keys of a new domain before its transaction: that takes a tenth of a second. Raises Invalid."""
    wish = body.to_domain(request.services.domain_policy)
    if request.services.domain_policy.tiers[request.principal.account.tier].custom_domains_enabled:
        request.prepared = await asyncio.to_thread(make_pair, request.services.domain_vault, wish.domain)


async def make_next_keys(request: Request, domain_id: UUID) -> None:
    """Make the keys of a rotation before its transaction. Raises DomainNotFound."""
    domain = await _read(request, domain_id)
    request.prepared = await asyncio.to_thread(make_pair, request.services.domain_vault, domain.domain)


async def look_up(request: Request, domain_id: UUID) -> None:
    """Ask the DNS before the transaction: name servers may take seconds. Raises DomainNotFound."""
    domain = await _read(request, domain_id)
    request.prepared = await lookup.look(request.services.dns, lookup.questions(domain))


@operation(
    "POST",
    "/v1/domains",
    tag=_TAG,
    permission=Permission.DOMAINS_WRITE,
    reach=KeyScope.POD,
    status=201,
    other_statuses=(200,),
    errors=(
        DomainRequiresPaid,
        DomainLimitReached,
        DomainClaimed,
        DomainExists,
        ClientIdConflict,
        PodNotFound,
        AccountSuspended,
    ),
    example=examples.CREATE_DOMAIN,
    before=make_first_keys,
)
async def create_domain(request: Request, body: DomainCreate) -> Answer[DomainView]:
    """Claim a domain, and get the DNS records that prove it, receive its mail and sign it.

    With `pod_id`, and with a pod's key, it is for inboxes of that pod alone. Two accounts may claim the same domain:
    it becomes that one's whose ownership record the DNS shows. The server looks by itself for 72 hours.
    """
    pair: Pair | None = request.prepared  # type: ignore[assignment]
    policy = request.services.domain_policy
    created = await domains.create(
        request.db, request.principal, body.to_domain(policy), pair=pair, policy=policy, now=request.now
    )
    if created.fresh:
        request.change = _change(created.domain, after=created.domain)
    return Answer(_view(request, created.domain), _steps(created.domain), status=201 if created.fresh else 200)


@operation(
    "GET",
    "/v1/domains",
    tag=_TAG,
    permission=Permission.DOMAINS_READ,
    reach=KeyScope.POD,
    errors=(InvalidCursor,),
    example=examples.LIST_DOMAINS,
)
async def list_domains(request: Request, query: DomainList) -> Answer[DomainPage]:
    """List domains, the oldest first."""
    page = await domains.page(request.db, request.principal.scope, query.to_domain())
    views = [_view(request, domain) for domain in page.items]
    more = page.next_cursor is not None
    steps = [f"Next page: the same request with cursor={page.next_cursor}"] if more else []
    return Answer(DomainPage(views, page.total, query.limit, query.offset, more, page.next_cursor), steps)


@operation(
    "GET",
    "/v1/domains/{domain_id}",
    tag=_TAG,
    permission=Permission.DOMAINS_READ,
    reach=KeyScope.POD,
    example=examples.GET_DOMAIN,
)
async def get_domain(request: Request, domain_id: DomainInPath) -> Answer[DomainView]:
    """Show a domain and its records as the last check found them."""
    return _answer(request, await domains.get(request.db, request.principal.scope, domain_id))


@operation(
    "PATCH",
    "/v1/domains/{domain_id}",
    tag=_TAG,
    permission=Permission.DOMAINS_WRITE,
    reach=KeyScope.POD,
    errors=(InboxNotFound, AccountSuspended),
    example=examples.PATCH_DOMAIN,
)
async def update_domain(request: Request, domain_id: DomainInPath, body: DomainPatch) -> Answer[DomainView]:
    """Say which inbox gets mail to the domain's unknown addresses; with null it is refused."""
    scope = request.principal.scope
    if body.catch_all_inbox_id is UNSET:
        return _answer(request, await domains.get(request.db, scope, domain_id))
    await domains.get(request.db, scope, domain_id)  # what is missing is told of the path before the body
    inbox_id = body.inbox_id()
    inbox = None if inbox_id is None else await inboxes.get(request.db, scope, inbox_id)
    before, after = await domains.set_catch_all(
        request.db, scope, domain_id, inbox_id, inbox_pod=inbox.pod_id if inbox else None, now=request.now
    )
    request.change = _change(after, before=before, after=after)
    return _answer(request, after)


@operation(
    "DELETE",
    "/v1/domains/{domain_id}",
    tag=_TAG,
    permission=Permission.DOMAINS_WRITE,
    reach=KeyScope.POD,
    errors=(AccountSuspended,),
    example=examples.DELETE_DOMAIN,
)
async def delete_domain(request: Request, domain_id: DomainInPath) -> Answer[Deleted]:
    """Delete a domain. Its inboxes keep their mail and their keys, and receive no more."""
    gone = await domains.delete(request.db, request.principal.scope, domain_id, request.now)
    request.change = _change(gone, before=gone)
    return Answer(Deleted(show(Kind.DOMAIN, domain_id)), ["The other domains: GET /v1/domains"])


@operation(
    "POST",
    "/v1/domains/{domain_id}/verify",
    tag=_TAG,
    permission=Permission.DOMAINS_WRITE,
    reach=KeyScope.POD,
    errors=(AccountSuspended,),
    example=examples.VERIFY_DOMAIN,
    before=look_up,
)
async def verify_domain(request: Request, domain_id: DomainInPath) -> Answer[DomainView]:
    """Look at the DNS now. Each record says what was found, and what to do where that is something else."""
    seen = request.prepared
    assert isinstance(seen, dict)
    before = await domains.get(request.db, request.principal.scope, domain_id)
    after = await checking.settle(request.db, request.principal.scope, domain_id, seen, request.now)
    request.change = _change(after, before=before, after=after)
    return _answer(request, after)


@operation(
    "GET",
    "/v1/domains/{domain_id}/zone-file",
    tag=_TAG,
    permission=Permission.DOMAINS_READ,
    reach=KeyScope.POD,
    content_type="text/dns",
)
async def get_zone_file(request: Request, domain_id: DomainInPath) -> Octets:
    """Get the records as a fragment of a zone file, as BIND and many providers read it (RFC 1035 §5)."""
    domain = await domains.get(request.db, request.principal.scope, domain_id)
    wanted = records.of(domain, request.services.domain_policy, request.now)
    return Octets(zone_file.fragment(domain.domain, wanted).encode("ascii"), "text/dns")


@operation(
    "POST",
    "/v1/domains/{domain_id}/rotate-dkim",
    tag=_TAG,
    permission=Permission.DOMAINS_WRITE,
    reach=KeyScope.POD,
    errors=(RotationRunning, AccountSuspended),
    example=examples.ROTATE_DKIM,
    before=make_next_keys,
)
async def rotate_domain_dkim(request: Request, domain_id: DomainInPath) -> Answer[DomainView]:
    """Make new DKIM keys under new selectors.

    Publish their records beside the present ones. Each new key signs once the DNS shows it; the record of the one
    before is `removable` 7 days later.
    """
    pair: Pair = request.prepared  # type: ignore[assignment]
    after = await domains.rotate_dkim(request.db, request.principal.scope, domain_id, pair, request.now)
    request.change = _change(after, after=after)
    return _answer(request, after)


async def _read(request: Request, domain_id: UUID) -> Domain:
    async with request.reading() as db:
        return await domains.get(db, request.principal.scope, domain_id)


def _view(request: Request, domain: Domain) -> DomainView:
    return domain_view(domain, request.services.domain_policy, request.now)


def _answer(request: Request, domain: Domain) -> Answer[DomainView]:
    return Answer(_view(request, domain), _steps(domain))


def _steps(domain: Domain) -> list[str]:
    shown_id = show(Kind.DOMAIN, domain.id)
    if domain.status is DomainStatus.VERIFIED:
        return [f'Create an inbox on it: POST /v1/inboxes {{"domain": "{domain.domain}"}}']
    return [
        "Add the records to the domain's DNS, the ownership record first.",
        f"Then look at once: POST /v1/domains/{shown_id}/verify",
        f"All of them as a zone file: GET /v1/domains/{shown_id}/zone-file",
    ]


def _change(domain: Domain, *, before: Domain | None = None, after: Domain | None = None) -> Change:
    return Change(
        show(Kind.DOMAIN, domain.id),
        in_brief(before) if before else None,
        in_brief(after) if after else None,
        pod_id=domain.pod_id,
    )
