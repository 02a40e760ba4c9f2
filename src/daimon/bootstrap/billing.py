"""Billing, with Stripe where it is configured: only then is its package imported."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from daimon.audit.service import Trail
from daimon.billing.links import Links
from daimon.billing.service import Billing
from daimon.config import Settings
from daimon.db.ringer import Ringer
from daimon.kit.clock import utc_now

if TYPE_CHECKING:
    from daimon.billing.mirror import Mirror, Transactions
    from daimon.billing.stripe_api import Stripe


@asynccontextmanager
async def stripe_of(settings: Settings) -> "AsyncIterator[Stripe | None]":
    """Lend Stripe, None where it is not configured."""
    if settings.stripe_secret_key is None:
        yield None
        return
    from daimon.billing.stripe_api import Stripe

    stripe = Stripe(settings.stripe_secret_key, base=settings.stripe_api_base)
    try:
        yield stripe
    finally:
        await stripe.close()


@asynccontextmanager
async def mirrored(settings: Settings, transaction: "Transactions", ringer: Ringer) -> "AsyncIterator[Mirror | None]":
    """Lend what brings accounts in line with Stripe, None without Stripe."""
    async with stripe_of(settings) as stripe:
        if stripe is None:
            yield None
            return
        from daimon.billing.mirror import Mirror

        yield Mirror(transaction, stripe, trail=Trail(settings.secret), clock=utc_now, ring=ringer.ring)


@asynccontextmanager
async def billed(settings: Settings, transaction: "Transactions", ringer: Ringer) -> AsyncIterator[Billing]:
    """Lend billing as the HTTP edge needs it."""
    links = Links(settings.secret, settings.public_url)
    async with mirrored(settings, transaction, ringer) as mirror:
        if mirror is None:
            yield Billing(links, transaction, utc_now)
            return
        from daimon.billing.paying import Paying
        from daimon.billing.webhook import Listener

        assert settings.stripe_webhook_secret is not None, "config demands both"
        yield Billing(
            links,
            transaction,
            utc_now,
            paying=Paying(mirror, links),
            listener=Listener(mirror, settings.stripe_webhook_secret),
            elsewhere=_elsewhere(settings.stripe_api_base),
        )


def _elsewhere(api_base: str | None) -> str:
    """Return where the pages may lead: https, and where Stripe is stood in for, its stand-in."""
    if api_base is None or api_base.startswith("https:"):
        return "https:"
    parts = urlsplit(api_base)
    return f"https: {parts.scheme}://{parts.netloc}"
