"""The pages behind a link to pay by. They need no key, no login and no script."""

from html import escape

from daimon.accounts.errors import AccountDeleted, LinkInvalid
from daimon.accounts.models import Tier
from daimon.api.answer import Octets
from daimon.api.links import LinkInPath
from daimon.api.operation import Lend, operation
from daimon.api.page import page
from daimon.api.request import Request
from daimon.billing.errors import BillingOff, LinkExpired, NotSold, StripeAway
from daimon.billing.models import LinkState, Price
from daimon.billing.money import written
from daimon.billing.offers import Offer
from daimon.kit.errors import DaimonError
from daimon.kit.ids import Kind, show
from daimon.quotas.tiers import TierLimits

_TAG = "billing"
_REFUSALS = (LinkInvalid, LinkExpired, AccountDeleted, NotSold, StripeAway)
_REFRESH_SECONDS = 3


@operation("GET", "/upgrade/{token}", tag=_TAG, reach=None, lend=Lend.NOTHING, content_type="text/html")
async def show_upgrade(request: Request, token: LinkInPath) -> Octets:
    """Show what a link offers: who asks for it, what it costs, what it gives.

    It changes nothing: whoever looks at a link before its reader does, such as a mail scanner, does no harm.
    """
    try:
        offer = await request.services.billing.offer(token)
    except _REFUSALS as error:
        return _refused(error)
    if offer.is_done:
        return _done(offer)
    return _offered(request, offer) if offer.price is not None else _by_operator(offer)


@operation(
    "POST",
    "/upgrade/{token}",
    tag=_TAG,
    reach=None,
    lend=Lend.NOTHING,
    status=303,
    other_statuses=(200,),
    errors=(LinkExpired, AccountDeleted, NotSold, BillingOff, StripeAway),
    content_type="text/html",
)
async def start_upgrade(request: Request, token: LinkInPath) -> Octets:
    """Go on to pay, at Stripe's checkout."""
    try:
        found = await request.services.billing.demand().go(token)
    except (*_REFUSALS, BillingOff) as error:
        return _refused(error)
    if isinstance(found, Offer):
        return _done(found)
    answer = page("Going on to pay", "Stripe's page opens.", link=("Go on to pay", found))
    return Octets(answer.content, answer.content_type, 303, [*answer.headers, (b"location", found.encode())])


@operation("GET", "/upgrade/{token}/paid", tag=_TAG, reach=None, lend=Lend.NOTHING, content_type="text/html")
async def show_paid(request: Request, token: LinkInPath) -> Octets:
    """Show what came of paying. It asks Stripe, so that the tier is there though its webhook be late."""
    try:
        offer = await request.services.billing.demand().back(token)
    except (*_REFUSALS, BillingOff) as error:
        return _refused(error)
    if _has_it(offer):
        return _thanks(offer)
    if offer.link.state is LinkState.PAID or offer.link.checkout_id is not None:
        return page(
            "The payment is on its way",
            f"As soon as Stripe has it, {_account(offer)} is on the {offer.link.target} tier.",
            "This page looks again by itself.",
            refresh=_REFRESH_SECONDS,
        )
    return page("Nothing is paid yet", link=("Back to the offer", _path(offer)))


@operation("GET", "/upgrade/{token}/cancelled", tag=_TAG, reach=None, lend=Lend.NOTHING, content_type="text/html")
async def show_cancelled(request: Request, token: LinkInPath) -> Octets:
    """Show that nothing was paid, and that the link still works."""
    try:
        offer = await request.services.billing.demand().cancelled(token)
    except (*_REFUSALS, BillingOff) as error:
        return _refused(error)
    if offer.is_done:
        return _done(offer)
    return page(
        "Nothing was paid",
        f"You left before paying. {_account(offer)} stays on the {offer.account.tier} tier.",
        f"The link works until {offer.link.expires_at:%Y-%m-%d %H:%M} UTC.",
        button="Try again",
        action=_path(offer),
        leads_to=request.services.billing.elsewhere,
    )


def _offered(request: Request, offer: Offer) -> Octets:
    assert offer.price is not None
    tiers = request.services.inbox_policy.tiers
    target = offer.link.target
    asked = [f"What the agent says: {offer.link.reason}"] if offer.link.reason else []
    replaces = [] if offer.account.tier is Tier.FREE else [
        f"It takes the place of the {offer.account.tier} tier; what is left of its period is credited."
    ]  # fmt: skip
    return page(
        f"Upgrade to {target}",
        f"{_account(offer)} is on the {offer.account.tier} tier. An agent asks for the {target} tier.",
        *asked,
        f"It costs {_cost(offer.price)}, until you cancel.",
        *replaces,
        facts=_gives(tiers[target]),
        button="Go on to pay",
        leads_to=request.services.billing.elsewhere,
    )


def _by_operator(offer: Offer) -> Octets:
    """Return the page where this server does not sell the tier: what the operator does instead."""
    return page(
        f"Upgrade to {offer.link.target}",
        f"{_account(offer)} is on the {offer.account.tier} tier. An agent asks for the {offer.link.target} tier.",
        *([f"What the agent says: {offer.link.reason}"] if offer.link.reason else []),
        "Nothing is paid on this page. The operator of this server changes the tier with this command:",
        secret=f"daimon admin account set-tier {_account(offer)} {offer.link.target}",
    )


def _done(offer: Offer) -> Octets:
    if offer.link.state is LinkState.PAID and not _has_it(offer):
        return page(
            "This link was used",
            f"It was paid once, and {_account(offer)} is on the {offer.account.tier} tier now.",
            "Ask the agent for a new link if it is to be upgraded again.",
        )
    return page(
        "This is done already",
        f"{_account(offer)} is on the {offer.account.tier} tier. Nothing more is paid by this link.",
    )


def _thanks(offer: Offer) -> Octets:
    return page(
        "Thank you",
        f"{_account(offer)} is on the {offer.account.tier} tier now.",
        "Tell the agent to try again. You can close this page.",
    )


def _refused(error: DaimonError) -> Octets:
    return page("This link does not work", error.message, *error.steps, status=error.status)


def _has_it(offer: Offer) -> bool:
    tiers = list(Tier)
    return tiers.index(offer.account.tier) >= tiers.index(offer.link.target)


def _account(offer: Offer) -> str:
    return show(Kind.ACCOUNT, offer.account.account_id)


def _path(offer: Offer) -> str:
    return f"/upgrade/{escape(offer.token)}"


def _cost(price: Price) -> str:
    if price.amount is None:
        return "what Stripe's page says"
    return f"{written(price.amount, price.currency)} each {price.period}, plus tax where it applies"


def _gives(limits: TierLimits) -> list[str]:
    domains = limits.max_custom_domains
    return [
        f"Inboxes: {_number(limits.max_inboxes)}",
        f"Mails sent a day: {_number(limits.max_sends_per_day)}",
        f"Domains of your own: {_number(domains)}",
        f"Webhooks: {'yes' if limits.webhooks_enabled else 'no'}",
    ]


def _number(most: int | None) -> str:
    return "unlimited" if most is None else f"{most:,}"
