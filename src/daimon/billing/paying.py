"""From a link to a payment: what the page behind it offers, and the checkout that it leads to.

Whoever pays enters a card at Stripe's checkout, for a higher tier too: the subscription that he buys there takes the
place of the one before. A link alone moves no money, as an agent has it in its hands (record 0024).
"""

from dataclasses import replace
from uuid import UUID

from daimon.accounts.errors import AccountDeleted
from daimon.accounts.models import Account
from daimon.billing.errors import Missing, NothingBought, NotSold
from daimon.billing.link_repository import LinkRepository
from daimon.billing.links import Links
from daimon.billing.mirror import Mirror, Occasion
from daimon.billing.models import BillingAccount, Checkout, CheckoutStatus, LinkState, Price
from daimon.billing.offers import Offer, look
from daimon.billing.repository import BillingRepository
from daimon.db.scope import Scope
from daimon.kit.ids import Kind, show


class Paying:
    """Leads from links to Stripe's checkout and back."""

    def __init__(self, mirror: Mirror, links: Links) -> None:
        self._mirror = mirror
        self._stripe = mirror.stripe
        self._links = links

    async def offer(self, token: str) -> Offer:
        """Return what a link offers. Raises LinkInvalid, LinkExpired, StripeAway."""
        found = await self._look(token)
        return found if found.is_done else await self._priced(found)

    async def go(self, token: str) -> Offer | str:
        """Return the URL where somebody pays now; the offer instead, if there is nothing to pay any more.

        Raises LinkInvalid, LinkExpired, AccountDeleted, NotSold, StripeAway.
        """
        found = await self.offer(token)
        if found.is_done:
            return found
        if found.account.deleted_at is not None:
            raise AccountDeleted
        price = found.price
        if price is None:
            raise NotSold
        await self._customer(found.account)
        known, found = await self._before_checkout(found)
        open_already = await self._open_checkout(known, found)
        if open_already is not None and open_already.status is CheckoutStatus.COMPLETE:
            return await self.back(token)
        if open_already is not None and open_already.url is not None:
            return open_already.url
        return await self._start(found, price, known)

    async def back(self, token: str) -> Offer:
        """Return what a link is worth once somebody comes back from having paid, asking Stripe. Raises as `offer`."""
        found = await self._look(token)
        if not found.is_done and found.link.checkout_id is not None:
            await self._mirror.renew(found.link.account_id, Occasion(checkout_id=found.link.checkout_id))
            found = await self._look(token)
        return found

    async def cancelled(self, token: str) -> Offer:
        """Note that somebody came back without having paid. Raises as `offer`."""
        found = await self._look(token)
        if not found.is_done and found.link.state is LinkState.CHECKOUT:
            async with self._mirror.transaction(found.link.account_id) as db:
                links = LinkRepository(db, Scope(found.link.account_id))
                await links.move(found.link.hash, LinkState.CANCELLED, found.link.checkout_id)
        return found

    async def portal(self, account_id: UUID, *, return_url: str) -> str:
        """Return where a person manages what the account pays. Raises NothingBought, StripeAway."""
        async with self._mirror.transaction(account_id) as db:
            known = await BillingRepository(db, Scope(account_id)).find()
        if known is None or known.subscription_id is None:
            raise NothingBought
        try:
            return await self._stripe.open_portal(known.customer_id, return_url=return_url)
        except Missing:
            raise NothingBought("Stripe has no customer of this account any more.") from None

    async def _look(self, token: str) -> Offer:
        account_id = self._links.read(token).account_id
        async with self._mirror.transaction(account_id) as db:
            return await look(db, self._links, token, now=self._mirror.clock())

    async def _priced(self, offer: Offer) -> Offer:
        return replace(offer, price=(await self._stripe.catalogue()).prices.get(offer.link.target))

    async def _customer(self, account: Account, instead_of: str | None = None) -> BillingAccount:
        """Return the account's billing, with a customer at Stripe: of all who ask at once, all get the same."""
        account_id, now = account.account_id, self._mirror.clock()
        async with self._mirror.transaction(account_id) as db:
            known = await BillingRepository(db, Scope(account_id)).find()
        if known is not None and known.customer_id != instead_of:
            return known
        shown = show(Kind.ACCOUNT, account_id)
        email = account.operator_email if account.operator_email_verified_at else None
        once = f"customer {shown} {instead_of or ''}"
        customer = await self._stripe.create_customer(shown, email, once=once)
        async with self._mirror.transaction(account_id) as db:
            billing = BillingRepository(db, Scope(account_id))
            await billing.add_customer(customer, instead_of=instead_of, now=now)
            known = await billing.find()
        assert known is not None
        return known

    async def _before_checkout(self, offer: Offer) -> tuple[BillingAccount, Offer]:
        """Return the account's checkout and the link's as they stand at one moment: somebody else may go on too."""
        scope = Scope(offer.link.account_id)
        async with self._mirror.transaction(offer.link.account_id) as db:
            known = await BillingRepository(db, scope).find()
            link = await LinkRepository(db, scope).find(offer.link.hash)
        assert known is not None
        return known, replace(offer, link=link or offer.link)

    async def _open_checkout(self, known: BillingAccount, offer: Offer) -> Checkout | None:
        """Return the checkout that this link led to before, if it goes on; one of another link is ended.

        So nobody pays twice, for two tiers, with two links.
        """
        if known.checkout_id is None:
            return None
        try:
            checkout = await self._stripe.checkout(known.checkout_id)
        except Missing:
            return None
        own = checkout.id == offer.link.checkout_id
        if checkout.status is CheckoutStatus.OPEN and not own:
            checkout = await self._stripe.end_checkout(checkout)
            if checkout.status is CheckoutStatus.COMPLETE:
                await self._mirror.renew(offer.link.account_id, Occasion(checkout_id=checkout.id))
        return checkout if own and checkout.status is not CheckoutStatus.EXPIRED else None

    async def _start(self, offer: Offer, price: Price, known: BillingAccount, *, again: bool = False) -> str:
        link, account = offer.link, show(Kind.ACCOUNT, offer.account.account_id)
        try:
            checkout = await self._stripe.start_checkout(
                customer=known.customer_id,
                account=account,
                price=price,
                success_url=self._links.url(offer.token, "/paid"),
                cancel_url=self._links.url(offer.token, "/cancelled"),
                # Two who press the button at once come to the same page.
                once=f"checkout {link.hash.hex()} {price.id} {known.customer_id} {known.checkout_id or ''}",
            )
        except Missing:
            if again:
                raise
            return await self._start(offer, price, await self._customer(offer.account, known.customer_id), again=True)
        async with self._mirror.transaction(link.account_id) as db:
            links = LinkRepository(db, Scope(link.account_id))
            await links.add(link, now=self._mirror.clock())
            await links.move(link.hash, LinkState.CHECKOUT, checkout.id)
            await BillingRepository(db, Scope(link.account_id)).set_checkout(checkout.id)
        assert checkout.url is not None
        return checkout.url
