"""Stripe's webhook: whose signature is believed, which events mean something, and whom they are about."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import stripe

from daimon.billing import metrics
from daimon.billing.errors import StripeSignatureInvalid
from daimon.billing.mirror import Mirror, Occasion
from daimon.billing.repository import StripeEvent, account_of_customer
from daimon.db.walls import NOBODY
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log

TOLERANCE = timedelta(minutes=5)  # between Stripe's signature and its arrival, in both directions

Object = Mapping[str, Any]
_log = Log(__name__)


def check_signature(body: bytes, header: str | None, secret: str, *, now: datetime) -> None:
    """Raise StripeSignatureInvalid unless Stripe signed these octets, and just now.

    The time is held against our own clock: stripe's own check looks at the system's, and only backwards.
    """
    if header is None or not header.isascii():
        raise StripeSignatureInvalid
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, tolerance=None)
        signed_at = _signed_at(header)
    except (stripe.SignatureVerificationError, ValueError, OverflowError):
        raise StripeSignatureInvalid from None
    if abs(now - signed_at) > TOLERANCE:
        raise StripeSignatureInvalid("The signature is older than five minutes, or from the future.")


def _signed_at(header: str) -> datetime:
    [seconds, *_] = [part[2:] for part in header.split(",") if part.startswith("t=")]
    return datetime.fromtimestamp(int(seconds), UTC)


class Listener:
    """Hears Stripe's events."""

    def __init__(self, mirror: Mirror, secret: str) -> None:
        self._mirror = mirror
        self._secret = secret

    async def hear(self, body: bytes, signature: str | None, event: StripeEvent, about: Object) -> bool:
        """Bring the account in line that an event is about; whether there is one.

        Raises StripeSignatureInvalid; StripeAway or Unavailable if Stripe is to send it again.
        """
        try:
            applied = await self._hear(body, signature, event, about)
        except StripeSignatureInvalid:
            metrics.heard("forged")
            raise
        except Unavailable:
            metrics.heard("put_off")
            raise
        metrics.heard("applied" if applied else "without_effect")
        return applied

    async def _hear(self, body: bytes, signature: str | None, event: StripeEvent, about: Object) -> bool:
        check_signature(body, signature, self._secret, now=self._mirror.clock())
        read = HEARD.get(event.type)
        if read is None:
            return False
        occasion = read(event, about)
        customer = await self._customer(occasion, about)
        async with self._mirror.transaction(NOBODY) as db:
            account_id = None if customer is None else await account_of_customer(db, customer)
        if account_id is None:
            _log.info("billing.unknown_customer", stripe_event=event.id, type=event.type)
            return False
        await self._mirror.renew(account_id, occasion)
        return True

    async def _customer(self, occasion: Occasion, about: Object) -> str | None:
        if occasion.dispute_id is not None:
            return (await self._mirror.stripe.dispute(occasion.dispute_id)).customer_id
        customer = about.get("customer")
        return customer if isinstance(customer, str) else None


def _subscription(event: StripeEvent, _: Object) -> Occasion:
    return Occasion(event)


def _invoice(event: StripeEvent, about: Object) -> Occasion:
    return Occasion(event, invoice_id=_id(about))


def _checkout(event: StripeEvent, about: Object) -> Occasion:
    return Occasion(event, checkout_id=_id(about))


def _dispute(event: StripeEvent, about: Object) -> Occasion:
    return Occasion(event, dispute_id=_id(about))


def _id(about: Object) -> str:
    found = about.get("id")
    if not isinstance(found, str):
        raise StripeSignatureInvalid("The event is about something without an id.")
    return found


# All that is done for the rest is to say that it arrived.
HEARD: Mapping[str, Callable[[StripeEvent, Object], Occasion]] = {
    "checkout.session.completed": _checkout,
    "customer.subscription.created": _subscription,
    "customer.subscription.updated": _subscription,
    "customer.subscription.deleted": _subscription,
    "invoice.finalized": _invoice,
    "invoice.paid": _invoice,
    "invoice.payment_failed": _invoice,
    "charge.dispute.created": _dispute,
}
