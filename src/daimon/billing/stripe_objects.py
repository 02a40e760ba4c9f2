"""From objects of the stripe package to models of ours."""

from datetime import UTC, datetime
from typing import Protocol, overload

import stripe

from daimon.billing.models import Checkout, CheckoutStatus, Invoice, InvoiceLine, Price, Subscription

_OPEN_DISPUTES = frozenset(("needs_response", "under_review", "warning_needs_response", "warning_under_review"))


class _WithId(Protocol):
    @property
    def id(self) -> str: ...


def customer_id(customer: str | _WithId | None) -> str | None:
    """Return the id of something that Stripe gives by its id or whole."""
    return customer if customer is None or isinstance(customer, str) else customer.id


def price_of(price: stripe.Price) -> Price:
    """Return a price."""
    return Price(
        id=price.id,
        product_id=customer_id(price.product) or "",
        amount=price.unit_amount,
        currency=price.currency,
        period=_period(price.recurring),
        lookup_key=price.lookup_key,
    )


def subscription_of(subscription: stripe.Subscription) -> Subscription:
    """Return a subscription whose latest invoice is expanded."""
    items = subscription["items"].data  # as an attribute it is the method of a dict
    ends = [item.current_period_end for item in items]
    end = _moment(max(ends)) if ends else None
    return Subscription(
        id=subscription.id,
        customer_id=customer_id(subscription.customer) or "",
        status=subscription.status,
        prices=tuple(price_of(item.price) for item in items),
        current_period_start=_moment(min(item.current_period_start for item in items)) if items else None,
        current_period_end=end,
        trial_end=_moment(subscription.trial_end),
        cancel_at=_moment(subscription.cancel_at) or (end if subscription.cancel_at_period_end else None),
        unpaid_since=_unpaid_since(subscription.latest_invoice),
        created_at=_moment(subscription.created),
    )


def invoice_of(invoice: stripe.Invoice) -> Invoice:
    """Return an invoice without its lines."""
    return Invoice(
        id=invoice.id,
        customer_id=customer_id(invoice.customer) or "",
        number=invoice.number,
        status=invoice.status or "draft",
        currency=invoice.currency,
        total=invoice.total,
        period_start=_moment(invoice.period_start),
        period_end=_moment(invoice.period_end),
        hosted_url=invoice.hosted_invoice_url,
        pdf_url=invoice.invoice_pdf,
        finalized_at=_moment(invoice.status_transitions.finalized_at),
        created_at=_moment(invoice.created),
    )


def invoice_line_of(line: stripe.InvoiceLineItem) -> InvoiceLine:
    """Return a line of an invoice."""
    return InvoiceLine(
        description=line.description,
        amount=line.amount,
        currency=line.currency,
        period_start=_moment(line.period.start),
        period_end=_moment(line.period.end),
        proration=_is_proration(line.parent),
    )


def checkout_of(session: stripe.checkout.Session) -> Checkout:
    """Return a page on which somebody pays."""
    return Checkout(session.id, customer_id(session.customer), CheckoutStatus(session.status or "expired"), session.url)


def dispute_is_open(dispute: stripe.Dispute) -> bool:
    """Whether a dispute is not decided yet."""
    return dispute.status in _OPEN_DISPUTES


def _is_proration(parent: stripe.InvoiceLineItem.Parent | None) -> bool:
    details = parent and (parent.subscription_item_details or parent.invoice_item_details)
    return bool(details and details.proration)


def _unpaid_since(latest: str | stripe.Invoice | None) -> datetime | None:
    if latest is None or isinstance(latest, str) or latest.status not in ("open", "uncollectible"):
        return None
    return _moment(latest.status_transitions.finalized_at or latest.created)


def _period(recurring: stripe.Price.Recurring | None) -> str:
    if recurring is None:
        return "once"
    return recurring.interval if recurring.interval_count == 1 else f"{recurring.interval_count} {recurring.interval}s"


@overload
def _moment(seconds: int) -> datetime: ...
@overload
def _moment(seconds: int | None) -> datetime | None: ...
def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
