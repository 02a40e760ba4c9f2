"""Billing, from the command line: the comparison with Stripe, and what is sold there."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from daimon.bootstrap.billing import mirrored
from daimon.bootstrap.database import opened
from daimon.config import Settings
from daimon.db.embedded import running_url
from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.events import rings
from daimon.kit.errors import DaimonError
from daimon.operate.audit import secret_of
from daimon.operate.errors import NotDone
from daimon.quotas.tiers import read_tiers
from daimon.supervisor.outages import readable_outages

if TYPE_CHECKING:
    from daimon.billing.mirror import Mirror
    from daimon.billing.reconcile import Report

T = TypeVar("T")
Fields = dict[str, object]

DRIFT_COLUMNS = ("account_id", "what", "here", "stripe", "mended")
UNKNOWN_COLUMNS = ("subscription_id", "customer_id")
SOLD_COLUMNS = ("tier", "price", "id", "lookup_key")


def reconcile(settings: Settings) -> "Report":
    """Compare all accounts with Stripe, and mend what differs. Raises NotDone."""

    async def work(db: Database, mirror: "Mirror") -> "Report":
        from daimon.billing.reconcile import reconcile

        return await reconcile(db, mirror)

    return _run(settings, work)


def sell(settings: Settings) -> list[Fields]:
    """Make what is missing at Stripe to sell the tiers that have a price, and the meters; return what is sold.

    Prices are in US dollars. Raises NotDone.
    """

    async def work(_: Database, mirror: "Mirror") -> list[Fields]:
        from daimon.billing.money import written
        from daimon.billing.stripe_api import lookup_key

        prices = {tier: limits.price_cents for tier, limits in read_tiers(settings.tiers).items()}
        await mirror.stripe.make_meters(settings.stripe_meters)
        sold = await mirror.stripe.sell({tier: cents for tier, cents in prices.items() if cents})
        return [
            {
                "tier": tier.value,
                "price": None
                if price.amount is None
                else f"{written(price.amount, price.currency)} each {price.period}",
                "id": price.id,
                "lookup_key": lookup_key(tier),
            }
            for tier, price in sold.prices.items()
        ]

    return _run(settings, work)


def _run(settings: Settings, work: "Callable[[Database, Mirror], Awaitable[T]]") -> T:
    if settings.stripe_secret_key is None:
        raise NotDone("DAIMON_STRIPE_SECRET_KEY is not set: this server has no billing")
    url = settings.database_url or running_url(settings.data_dir)
    secret = secret_of(settings).decode()
    chosen = replace(settings, database_url=url, secret_key=secret, log_level="warning")

    async def run() -> T:
        async with (
            opened(chosen, Database, connections=2) as db,
            mirrored(chosen, lambda _: db.transaction(), Ringer(db, rings.CHANNEL)) as mirror,
        ):
            assert mirror is not None
            return await work(db, mirror)

    with readable_outages(url):
        try:
            return asyncio.run(run())
        except DaimonError as error:
            raise NotDone(error.message.rstrip(".")) from error
