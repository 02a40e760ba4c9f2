"""Billing as the database and Stripe know it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from daimon.accounts.models import Tier


@dataclass(frozen=True, slots=True)
class Price:
    """What a tier is sold for at Stripe. `amount` is in minor units of the currency, None where it is not fixed."""

    id: str
    product_id: str
    amount: int | None
    currency: str
    period: str  # Stripe's word, such as `month`
    lookup_key: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription as Stripe told of it."""

    id: str
    customer_id: str
    status: str  # Stripe's word
    prices: tuple[Price, ...]  # one for each of its items
    current_period_start: datetime | None
    current_period_end: datetime | None
    trial_end: datetime | None
    cancel_at: datetime | None  # when it ends, if that is decided
    unpaid_since: datetime | None  # since when its latest invoice waits to be paid
    created_at: datetime

    @property
    def has_ended(self) -> bool:
        """Whether it gives nothing any more, whatever happens."""
        return self.status in ("canceled", "incomplete_expired")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What each tier is sold for. A tier that has no price here is not sold."""

    prices: Mapping[Tier, Price]

    def tier_of(self, prices: Iterable[Price]) -> tuple[Tier, Price] | None:
        """Return the highest tier that prices are for, None if they are for none.

        A price that is not sold any more is for the tier that its product is sold as: so old subscriptions go on when
        a price is replaced.
        """
        ranked = list(Tier)
        found = [(tier, price) for price in prices if (tier := self._tier_of(price))]
        return max(found, key=lambda each: ranked.index(each[0]), default=None)

    def _tier_of(self, price: Price) -> Tier | None:
        for tier, sold in self.prices.items():
            if price.id == sold.id or price.product_id == sold.product_id:
                return tier
        return None


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line of an invoice. Negative: a credit, such as for time that was not used."""

    description: str | None
    amount: int
    currency: str
    period_start: datetime
    period_end: datetime
    proration: bool


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice, in minor units of its currency. A negative total is a credit."""

    id: str
    customer_id: str
    number: str | None
    status: str  # draft, open, paid, uncollectible, void
    currency: str
    total: int
    period_start: datetime
    period_end: datetime
    hosted_url: str | None
    pdf_url: str | None
    finalized_at: datetime | None
    created_at: datetime
    lines: Sequence[InvoiceLine] = ()


@dataclass(frozen=True, slots=True)
class BillingAccount:
    """What is known of an account's customer and subscription. `gives` is the tier that it gives now, None for none."""

    account_id: UUID
    customer_id: str
    version: int
    subscription_id: str | None = None
    status: str | None = None
    tier: Tier | None = None
    gives: Tier | None = None
    price_id: str | None = None
    amount: int | None = None
    currency: str | None = None
    period: str | None = None
    current_period_start: datetime | None = None
    current_period_end: datetime | None = None
    trial_end: datetime | None = None
    cancel_at: datetime | None = None
    past_due_since: datetime | None = None
    warnings: int = 0
    ended_by_deletion: bool = False
    due_at: datetime | None = None
    checkout_id: str | None = None


class CheckoutStatus(StrEnum):
    """How far somebody is with paying, in Stripe's words."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A page of Stripe's on which somebody pays. `url` is None once it is over."""

    id: str
    customer_id: str | None
    status: CheckoutStatus
    url: str | None


@dataclass(frozen=True, slots=True)
class Dispute:
    """A payment that whoever owns the card takes back. `is_open`: it is not decided yet."""

    id: str
    customer_id: str | None
    is_open: bool


class LinkState(StrEnum):
    """What became of a link to pay by."""

    OPEN = "open"
    CHECKOUT = "checkout"  # somebody went on to pay
    CANCELLED = "cancelled"  # and came back without having paid; the link still works
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class UpgradeLink:
    """A link to pay by. `asked`: an agent asked for it; else it stood in the answer to a refused request."""

    account_id: UUID
    hash: bytes
    target: Tier
    expires_at: datetime
    asked: bool
    state: LinkState = LinkState.OPEN
    reason: str | None = None
    checkout_id: str | None = None
    paid_at: datetime | None = None
