"""Billing as clients write and read it."""

from typing import Annotated

import msgspec
from msgspec import Meta

from daimon.accounts.models import Tier
from daimon.api.schema import Cursor
from daimon.billing.models import BillingAccount, Invoice
from daimon.billing.states import GRACE, State
from daimon.kit.clock import Time, rfc3339, rfc3339_or_none
from daimon.kit.written import Ours

Reason = Annotated[
    str,
    Meta(max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$(?!\n)", description="Shown to the person who pays."),
]


class UpgradeLinkCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent asks its operator to pay for."""

    target_tier: Tier
    reason: Reason | None = None


class UpgradeLinkView(msgspec.Struct):
    """A link by which a person pays, without a login. It works until somebody has paid by it, at most seven days."""

    url: Ours
    expires_at: Time
    target_tier: Tier


class SubscriptionView(msgspec.Struct):
    """What the account pays for at Stripe. `amount` is in minor units of the currency, for each period.

    `tier` is what it is for, `cancel_at` when it ends if that is decided, `grace_ends_at` until when a payment that
    failed has to be made.
    """

    id: str
    state: State
    tier: Tier | None
    amount: int | None
    currency: str | None
    period: str | None
    current_period_start: Time | None
    current_period_end: Time | None
    trial_end: Time | None
    cancel_at: Time | None
    grace_ends_at: Time | None


class BillingView(msgspec.Struct):
    """What the account is on. `enabled`: whether this server has billing; without, its operator sets the tier."""

    account_id: Ours
    tier: Tier
    enabled: bool
    subscription: SubscriptionView | None


class PortalCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the page leads back to."""

    return_url: (
        Annotated[str, Meta(max_length=2000, pattern=r"^https?://[!-~]+$(?!\n)", description="Of your own.")] | None
    ) = None


class PortalView(msgspec.Struct):
    """A page of Stripe's on which a person changes the card and the tier, cancels, and sees invoices.

    It works for a few minutes, for whoever has the URL.
    """

    url: Ours


class InvoiceView(msgspec.Struct):
    """An invoice. `total` is in minor units of the currency; a negative one is a credit.

    `hosted_url` is where it is seen and paid, `pdf_url` its PDF; both need no login.
    """

    id: str
    number: str | None
    status: str
    currency: str
    total: int
    period_start: Time
    period_end: Time
    hosted_url: str | None
    pdf_url: str | None
    finalized_at: Time | None
    created_at: Time


class InvoicePage(msgspec.Struct):
    """A page of invoices."""

    invoices: list[InvoiceView]
    has_more: bool
    next_cursor: Cursor | None


class Heard(msgspec.Struct):
    """What became of an event. `applied` is false for one that is about nothing of this server's."""

    received: bool
    applied: bool


def subscription_view(account: BillingAccount | None, state: State | None) -> SubscriptionView | None:
    """Return what an account pays for as clients read it, None for nothing."""
    if account is None or account.subscription_id is None or state is None:
        return None
    grace = account.past_due_since + GRACE if account.past_due_since is not None else None
    return SubscriptionView(
        id=account.subscription_id,
        state=state,
        tier=account.tier,
        amount=account.amount,
        currency=account.currency,
        period=account.period,
        current_period_start=rfc3339_or_none(account.current_period_start),
        current_period_end=rfc3339_or_none(account.current_period_end),
        trial_end=rfc3339_or_none(account.trial_end),
        cancel_at=rfc3339_or_none(account.cancel_at),
        grace_ends_at=rfc3339_or_none(grace),
    )


def invoice_view(invoice: Invoice) -> InvoiceView:
    """Return an invoice as clients read it."""
    return InvoiceView(
        id=invoice.id,
        number=invoice.number,
        status=invoice.status,
        currency=invoice.currency,
        total=invoice.total,
        period_start=rfc3339(invoice.period_start),
        period_end=rfc3339(invoice.period_end),
        hosted_url=invoice.hosted_url,
        pdf_url=invoice.pdf_url,
        finalized_at=rfc3339_or_none(invoice.finalized_at),
        created_at=rfc3339(invoice.created_at),
    )
