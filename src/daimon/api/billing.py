"""Billing over HTTP: parse, call, answer."""

from daimon.accounts.errors import AccountDeleted, AccountSuspended
from daimon.api import billing_examples as examples
from daimon.api.answer import Answer
from daimon.api.billing_schema import (
    BillingView,
    InvoicePage,
    PortalCreate,
    PortalView,
    UpgradeLinkCreate,
    UpgradeLinkView,
    invoice_view,
    subscription_view,
)
from daimon.api.operation import operation
from daimon.api.request import Request
from daimon.api.schema import Page
from daimon.audit.models import Change
from daimon.billing import offers
from daimon.billing.errors import BillingOff, NothingBought, NoUpgrade, StripeAway, TooManyLinks
from daimon.billing.invoice_repository import InvoiceRepository
from daimon.billing.repository import BillingRepository
from daimon.billing.states import State, state_of
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission
from daimon.kit.clock import rfc3339
from daimon.kit.errors import InvalidCursor
from daimon.kit.ids import Kind, show

_TAG = "billing"
_PORTAL = "A person manages it: POST /v1/billing/portal"
_STEPS = {
    State.INCOMPLETE: "The first payment is not made yet; a person makes it by the link that is open.",
    State.PAST_DUE: f"A payment failed; it has to be made until grace_ends_at. {_PORTAL}",
    State.UNPAID: f"A payment failed, and the tier is lost until it is made. {_PORTAL}",
}


@operation(
    "POST",
    "/v1/upgrade-link",
    tag=_TAG,
    permission=Permission.BILLING_WRITE,
    reach=KeyScope.ACCOUNT,
    status=201,
    errors=(NoUpgrade, TooManyLinks, AccountSuspended, AccountDeleted),
    example=examples.CREATE_UPGRADE_LINK,
)
async def create_upgrade_link(request: Request, body: UpgradeLinkCreate) -> Answer[UpgradeLinkView]:
    """Make a link by which a person pays for a higher tier, without a login.

    Give it to the person who pays for the account. `account.upgraded` tells of the payment, within seconds; then what
    was refused works. Where the server has no billing, the link's page says how its operator changes the tier.
    """
    links = request.services.billing.links
    token, link = await offers.ask(
        request.db, links, request.principal.account, body.target_tier, reason=body.reason, now=request.now
    )
    shown = {"target_tier": link.target.value, "expires_at": rfc3339(link.expires_at)}
    request.change = Change(show(Kind.ACCOUNT, link.account_id), None, {"upgrade_link": shown})
    steps = [
        "Give the link to the person who pays.",
        "Wait for account.upgraded: GET /v1/events/stream",
        "See the tier: GET /v1/billing",
    ]
    return Answer(UpgradeLinkView(links.url(token), rfc3339(link.expires_at), link.target), steps)


@operation(
    "GET",
    "/v1/billing",
    tag=_TAG,
    permission=Permission.BILLING_READ,
    reach=KeyScope.ACCOUNT,
    example=examples.GET_BILLING,
)
async def get_billing(request: Request) -> Answer[BillingView]:
    """Show the tier, and the subscription that pays for it."""
    scope, billing = request.principal.scope, request.services.billing
    known = await BillingRepository(request.db, scope).find()
    state = None
    if known is not None and known.status is not None:
        state = state_of(known.status, cancel_at=known.cancel_at, past_due_since=known.past_due_since, now=request.now)
    view = BillingView(
        account_id=show(Kind.ACCOUNT, scope.account_id),
        tier=request.principal.account.tier,
        enabled=billing.paying is not None,
        subscription=subscription_view(known, state),
    )
    return Answer(view, _next_steps(view))


async def _open_portal(request: Request, body: PortalCreate) -> None:
    """Ask Stripe for the page before there is a transaction."""
    services = request.services
    paying = services.billing.demand()
    return_url = body.return_url or services.public_url
    request.prepared = await paying.portal(request.principal.scope.account_id, return_url=return_url)


@operation(
    "POST",
    "/v1/billing/portal",
    tag=_TAG,
    permission=Permission.BILLING_WRITE,
    reach=KeyScope.ACCOUNT,
    before=_open_portal,
    when_closed=True,
    errors=(BillingOff, NothingBought, StripeAway),
    example=examples.OPEN_PORTAL,
)
async def open_billing_portal(request: Request, body: PortalCreate) -> Answer[PortalView]:
    """Make a link to Stripe's page where a person changes the card or the tier, cancels, and sees invoices."""
    assert isinstance(request.prepared, str)
    request.change = Change(show(Kind.ACCOUNT, request.principal.scope.account_id), None, {"billing_portal": "opened"})
    return Answer(PortalView(request.prepared), ["Give the link to the person who pays; it works for a few minutes."])


@operation(
    "GET",
    "/v1/billing/invoices",
    tag=_TAG,
    permission=Permission.BILLING_READ,
    reach=KeyScope.ACCOUNT,
    errors=(InvalidCursor,),
    example=examples.LIST_INVOICES,
)
async def list_invoices(request: Request, query: Page) -> Answer[InvoicePage]:
    """List the invoices, the newest first."""
    invoices = InvoiceRepository(request.db, request.principal.scope)
    page = await invoices.page(limit=query.limit, cursor=query.cursor)
    more = page.next_cursor is not None
    steps = [f"Next page: the same request with cursor={page.next_cursor}"] if more else []
    return Answer(InvoicePage([invoice_view(each) for each in page.items], more, page.next_cursor), steps)


def _next_steps(view: BillingView) -> list[str]:
    if not view.enabled:
        return [f"The operator of this server sets the tier: daimon admin account set-tier {view.account_id} TIER"]
    if view.subscription is None or view.subscription.state is State.CANCELED:
        return ['For a higher tier: POST /v1/upgrade-link {"target_tier": "developer"}']
    return [_STEPS.get(view.subscription.state, _PORTAL), "See the invoices: GET /v1/billing/invoices"]
