"""What the edges are given: links always, and Stripe where it is configured."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daimon.billing.errors import BillingOff
from daimon.billing.links import Links
from daimon.billing.offers import Offer, look
from daimon.kit.clock import Clock

if TYPE_CHECKING:  # stripe takes a third of a second to import: who has no billing does not wait for it
    from daimon.billing.mirror import Transactions
    from daimon.billing.paying import Paying
    from daimon.billing.webhook import Listener


@dataclass(frozen=True, slots=True)
class Billing:
    """Paying, as one server offers it. Without Stripe, `paying` and `listener` are None.

    `elsewhere` is what a page may lead to beside https, in the words of a Content-Security-Policy.
    """

    links: Links
    transaction: "Transactions"
    clock: Clock
    paying: "Paying | None" = None
    listener: "Listener | None" = None
    elsewhere: str = "https:"

    async def offer(self, token: str) -> Offer:
        """Return what a link offers. Raises LinkInvalid, LinkExpired, StripeAway."""
        if self.paying is not None:
            return await self.paying.offer(token)
        async with self.transaction(self.links.read(token).account_id) as db:
            return await look(db, self.links, token, now=self.clock())

    def demand(self) -> "Paying":
        """Return the way to pay. Raises BillingOff."""
        if self.paying is None:
            raise BillingOff
        return self.paying
