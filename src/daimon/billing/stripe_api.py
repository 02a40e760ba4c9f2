"""Stripe, by its own package: the one module that imports it, and that only where Stripe is configured.

What it returns are models of ours, what it raises is StripeAway. Nobody who calls it holds a transaction meanwhile.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TypeVar

import stripe
from stripe import AIOHTTPClient, StripeClient
from stripe.params import CustomerCreateParams, InvoiceListParams, PriceCreateParamsRecurring, SubscriptionListParams

from daimon.accounts.models import Tier
from daimon.billing import metrics
from daimon.billing.errors import Missing, Refused, StripeAway
from daimon.billing.models import Catalogue, Checkout, Dispute, Invoice, Price, Subscription
from daimon.billing.stripe_objects import (
    checkout_of,
    customer_id,
    dispute_is_open,
    invoice_line_of,
    invoice_of,
    price_of,
    subscription_of,
)
from daimon.kit.log import Log

T = TypeVar("T")

CURRENCY = "usd"  # of the tier table's prices
SECONDS = 20.0  # for one call with its retries
RETRIES = 2
CATALOGUE_SECONDS = 60.0  # how long prices are remembered
_PAGE = 100
_OURS = "daimon_"
_LATEST = "data.latest_invoice"
_RESULTS: Mapping[type[StripeAway], str] = {Missing: "missing", Refused: "refused"}

_log = Log(__name__)


def meter_name(kind: str) -> str:
    """Return the name of the events of a meter."""
    return _OURS + kind


def lookup_key(tier: Tier) -> str:
    """Return by which key the price of a tier is found at Stripe."""
    return _OURS + tier


LOOKUP_KEYS: dict[str, Tier] = {lookup_key(tier): tier for tier in Tier if tier is not Tier.FREE}


class Stripe:
    """One account at Stripe. `base` is another address of its API, None for Stripe's own."""

    def __init__(self, secret_key: str, *, base: str | None = None) -> None:
        self._http = AIOHTTPClient(timeout=None)
        self._client = StripeClient(
            secret_key,
            base_addresses={"api": base} if base else None,
            http_client=self._http,
            max_network_retries=RETRIES,
        )
        self._catalogue: tuple[float, Catalogue] | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def catalogue(self) -> Catalogue:
        """Return what each tier is sold for: the active prices with the lookup keys `daimon_developer` and so on."""
        known = self._catalogue
        if known is None or time.monotonic() >= known[0]:
            listed = await _called(
                self._client.v1.prices.list_async({"lookup_keys": [*LOOKUP_KEYS], "active": True, "limit": 10})
            )
            found: dict[Tier, Price] = {
                LOOKUP_KEYS[each.lookup_key]: price_of(each) for each in listed.data if each.lookup_key
            }
            known = self._catalogue = (time.monotonic() + CATALOGUE_SECONDS, Catalogue(found))
        return known[1]

    async def sell(self, cents: Mapping[Tier, int]) -> Catalogue:
        """Make a product and a monthly price for each of these tiers that is not sold yet; return all that is sold."""
        self._catalogue = None
        sold = (await self.catalogue()).prices
        for tier, amount in cents.items():
            if tier not in sold:
                key = lookup_key(tier)
                product = await self._product(key, tier)
                recurring: PriceCreateParamsRecurring = {"interval": "month"}
                await _called(self._client.v1.prices.create_async({
                    "product": product, "currency": CURRENCY, "unit_amount": amount, "recurring": recurring,
                    "lookup_key": key,
                }))  # fmt: skip
        self._catalogue = None
        return await self.catalogue()

    async def _product(self, product_id: str, tier: Tier) -> str:
        try:
            return (await _called(self._client.v1.products.retrieve_async(product_id))).id
        except Missing:
            made = await _called(self._client.v1.products.create_async({"id": product_id, "name": f"daimon {tier}"}))
            return made.id

    async def create_customer(self, account: str, email: str | None, *, once: str) -> str:
        """Return a new customer's id. The same `once` within a day returns the same one."""
        params: CustomerCreateParams = {"metadata": {"daimon_account": account}, "description": f"daimon {account}"}
        if email is not None:
            params["email"] = email
        return (await _called(self._client.v1.customers.create_async(params, {"idempotency_key": once}))).id

    async def subscriptions_of(self, customer: str) -> list[Subscription]:
        """Return a customer's subscriptions, ended ones too."""
        try:
            listed = await _called(
                self._client.v1.subscriptions.list_async(
                    {"customer": customer, "status": "all", "limit": _PAGE, "expand": [_LATEST]}
                )
            )
        except Missing:
            return []
        return [subscription_of(each) for each in listed.data]

    async def live_subscriptions(self) -> AsyncIterator[Subscription]:
        """Yield everybody's subscriptions that have not ended."""
        params: SubscriptionListParams = {"limit": _PAGE, "expand": [_LATEST]}
        while True:
            listed = await _called(self._client.v1.subscriptions.list_async(params))
            for each in listed.data:
                yield subscription_of(each)
            if not listed.has_more:
                return
            params["starting_after"] = listed.data[-1].id

    async def invoice(self, invoice_id: str) -> Invoice:
        """Return an invoice with all of its lines."""
        return await self._whole(await _called(self._client.v1.invoices.retrieve_async(invoice_id)))

    async def invoices_since(self, since: datetime) -> AsyncIterator[Invoice]:
        """Yield everybody's invoices that were made since a moment, with their lines."""
        params: InvoiceListParams = {"created": {"gte": int(since.timestamp())}, "limit": _PAGE}
        while True:
            listed = await _called(self._client.v1.invoices.list_async(params))
            for each in listed.data:
                yield await self._whole(each)
            if not listed.has_more:
                return
            params["starting_after"] = listed.data[-1].id

    async def dispute(self, dispute_id: str) -> Dispute:
        """Return a dispute with the customer whose payment it is about."""
        found = await _called(self._client.v1.disputes.retrieve_async(dispute_id))
        charge = found.charge if isinstance(found.charge, str) else found.charge.id
        paid = await _called(self._client.v1.charges.retrieve_async(charge))
        return Dispute(found.id, customer_id(paid.customer), dispute_is_open(found))

    async def start_checkout(
        self, *, customer: str, account: str, price: Price, success_url: str, cancel_url: str, once: str
    ) -> Checkout:
        """Open a page on which somebody subscribes. The same `once` within a day opens the same page.

        Raises Missing.
        """
        made = await _called(
            self._client.v1.checkout.sessions.create_async(
                {
                    "mode": "subscription",
                    "customer": customer,
                    "client_reference_id": account,
                    "line_items": [{"price": price.id, "quantity": 1}],
                    "subscription_data": {"metadata": {"daimon_account": account}},
                    "success_url": success_url,
                    "cancel_url": cancel_url,
                },
                {"idempotency_key": once},
            )
        )
        return checkout_of(made)

    async def checkout(self, checkout_id: str) -> Checkout:
        """Return how far somebody is with paying."""
        return checkout_of(await _called(self._client.v1.checkout.sessions.retrieve_async(checkout_id)))

    async def end_checkout(self, checkout: Checkout) -> Checkout:
        """Let nobody pay any more on a page that is open; return it as it is then."""
        try:
            return checkout_of(await _called(self._client.v1.checkout.sessions.expire_async(checkout.id)))
        except Refused:  # somebody paid, or it ended, at this moment
            return await self.checkout(checkout.id)

    async def open_portal(self, customer: str, *, return_url: str) -> str:
        """Return the URL of a page on which a customer manages what he pays. Raises Missing."""
        made = await _called(
            self._client.v1.billing_portal.sessions.create_async({"customer": customer, "return_url": return_url})
        )
        return made.url

    async def replace_subscription(self, subscription_id: str) -> None:
        """End a subscription that another one stands in for; what is left of its period is credited."""
        try:
            await _called(self._client.v1.subscriptions.cancel_async(
                subscription_id, {"prorate": True, "invoice_now": True}
            ))  # fmt: skip
        except Refused:
            _log.info("billing.ended_already", subscription=subscription_id)

    async def end_with_period(self, subscription_id: str, *, ends: bool) -> None:
        """Let a subscription end with its period, or go on."""
        try:
            await _called(self._client.v1.subscriptions.update_async(subscription_id, {"cancel_at_period_end": ends}))
        except Refused:
            _log.info("billing.ended_already", subscription=subscription_id)

    async def meter(self, kind: str, customer: str, quantity: int, *, identifier: str, at: datetime) -> None:
        """Tell a meter of what a customer used. The same `identifier` again, within a day, changes nothing."""
        try:
            await _called(self._client.v1.billing.meter_events.create_async({
                "event_name": meter_name(kind), "identifier": identifier, "timestamp": int(at.timestamp()),
                "payload": {"stripe_customer_id": customer, "value": str(quantity)},
            }))  # fmt: skip
        except Refused as error:
            if not error.is_repeated:
                raise

    async def metered(self, kind: str, customer: str, first: date, end: date) -> int:
        """Return what a meter has of a customer, from the beginning of one day until that of another."""
        meter_id = (await self._meters()).get(kind)
        if meter_id is None:
            return 0
        midnights = [int(datetime.combine(day, datetime.min.time(), UTC).timestamp()) for day in (first, end)]
        listed = await _called(self._client.v1.billing.meters.event_summaries.list_async(
            meter_id, {"customer": customer, "start_time": midnights[0], "end_time": midnights[1], "limit": _PAGE}
        ))  # fmt: skip
        return round(sum(each.aggregated_value for each in listed.data))

    async def make_meters(self, kinds: Collection[str]) -> dict[str, str]:
        """Make the meters of these kinds that are missing; return the id of each."""
        there = await self._meters()
        for kind in kinds:
            if kind not in there:
                made = await _called(self._client.v1.billing.meters.create_async({
                    "display_name": f"daimon {kind.replace('_', ' ')}", "event_name": meter_name(kind),
                    "default_aggregation": {"formula": "sum"},
                }))  # fmt: skip
                there[kind] = made.id
        return {kind: there[kind] for kind in kinds}

    async def _meters(self) -> dict[str, str]:
        listed = await _called(self._client.v1.billing.meters.list_async({"status": "active", "limit": _PAGE}))
        names = {each.event_name: each.id for each in listed.data}
        return {name.removeprefix(_OURS): id_ for name, id_ in names.items() if name.startswith(_OURS)}

    async def _whole(self, invoice: stripe.Invoice) -> Invoice:
        async with _asking():
            lines = [invoice_line_of(each) async for each in invoice.lines.auto_paging_iter()]
        return replace(invoice_of(invoice), lines=lines)


async def _called(call: Awaitable[T]) -> T:
    async with _asking():
        return await call


@asynccontextmanager
async def _asking() -> AsyncIterator[None]:
    began, result = time.perf_counter(), "answered"
    try:
        async with _translated():
            yield
    except StripeAway as error:
        result = _RESULTS.get(type(error), "away")
        raise
    finally:
        metrics.asked(result, time.perf_counter() - began)


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(SECONDS):
            yield
    except stripe.InvalidRequestError as error:
        if error.code == "resource_missing":
            raise Missing(retry_after=5) from None
        refused = Refused(retry_after=5)
        refused.is_repeated = "already exists" in str(error)
        if not refused.is_repeated:
            _log.warning("billing.refused", code=error.code, param=error.param, request=error.request_id)
        raise refused from None
    except stripe.StripeError as error:
        # What Stripe says of a wrong key shows a part of it: only the kind of the error is told.
        _log.warning("billing.stripe_away", error=type(error).__name__, request=error.request_id)
        raise StripeAway(retry_after=5) from None
    except TimeoutError:
        _log.warning("billing.stripe_away", error="TimeoutError")
        raise StripeAway(retry_after=5) from None
