"""Bringing what this server knows of an account in line with Stripe: by a webhook, by the clock, by the night.

Nothing that a webhook says is believed but that something happened. What holds is read back from Stripe, before the
transaction that applies it. Of two who do so at once, one may have read too early. So each notes the account's version
before he reads, and applies what he read only if it is the version still: then every state that is applied was read
after the one before it was committed, and the last one was read after the last event. Who loses reads again, once: if
two have gone ahead meanwhile, the second of them has begun to read after he came, and knows what he knows.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from uuid import UUID

from daimon.accounts import administration
from daimon.accounts.errors import AccountNotFound
from daimon.accounts.models import Account, AccountStatus
from daimon.accounts.repository import AccountRepository
from daimon.audit.models import SYSTEM, Change, Entry
from daimon.audit.service import Trail
from daimon.billing.invoice_repository import InvoiceRepository
from daimon.billing.link_repository import LinkRepository
from daimon.billing.models import BillingAccount, CheckoutStatus, Invoice
from daimon.billing.repository import BillingRepository, StripeEvent
from daimon.billing.standing import Standing, stand, tier_after
from daimon.billing.stripe_api import Stripe
from daimon.billing.warning import payment_failed, tell_operator
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.events import rings
from daimon.events import service as events
from daimon.kit.clock import Clock
from daimon.kit.errors import StateConflict, Unavailable
from daimon.kit.ids import Kind, show
from daimon.kit.log import Log

Transactions = Callable[[UUID], AbstractAsyncContextManager[Connection]]  # each within one account
_MOST_READS = 4  # two are enough, unless the row is changed by others who do not read

_log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why an account is brought in line, and what else is to be read for it."""

    event: StripeEvent | None = None
    invoice_id: str | None = None
    checkout_id: str | None = None
    dispute_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """What Stripe said, and of which of our versions it is news."""

    known: BillingAccount
    standing: Standing
    invoice: Invoice | None
    paid_checkout: str | None
    disputed: str | None


class Mirror:
    """Brings accounts in line with Stripe."""

    def __init__(
        self, transaction: Transactions, stripe: Stripe, *, trail: Trail, clock: Clock, ring: Callable[..., None]
    ) -> None:
        self.stripe = stripe
        self.transaction = transaction
        self.clock = clock
        self._trail = trail
        self._ring = ring

    async def renew(self, account_id: UUID, occasion: Occasion = Occasion()) -> BillingAccount | None:
        """Bring an account in line; return what is known of it then, None for one that is unknown to Stripe.

        An event that was applied before changes nothing. Raises StripeAway, Unavailable.
        """
        came_at: int | None = None
        for _ in range(_MOST_READS):
            known = await self._known(account_id, occasion)
            if known is None:
                return None
            came_at = known.version if came_at is None else came_at
            read = await self._read(known, occasion)
            if (done := await self._apply(account_id, read, occasion, came_at)) is not None:
                await self._end_superseded(read.standing)
                return done
        raise Unavailable(retry_after=1)

    async def _known(self, account_id: UUID, occasion: Occasion) -> BillingAccount | None:
        async with self.transaction(account_id) as db:
            billing = BillingRepository(db, Scope(account_id))
            if occasion.event is not None and await billing.knows(occasion.event):
                return None
            return await billing.find()

    async def _read(self, known: BillingAccount, occasion: Occasion) -> _Read:
        stripe = self.stripe
        catalogue = await stripe.catalogue()
        subscriptions = await stripe.subscriptions_of(known.customer_id)
        invoice = await stripe.invoice(occasion.invoice_id) if occasion.invoice_id else None
        checkout = await stripe.checkout(occasion.checkout_id) if occasion.checkout_id else None
        dispute = await stripe.dispute(occasion.dispute_id) if occasion.dispute_id else None
        return _Read(
            known=known,
            standing=stand(known, subscriptions, catalogue, now=self.clock()),
            invoice=invoice if invoice and invoice.customer_id == known.customer_id else None,
            paid_checkout=checkout.id if checkout and checkout.status is CheckoutStatus.COMPLETE else None,
            disputed=dispute.id if dispute and dispute.is_open and dispute.customer_id == known.customer_id else None,
        )

    async def _apply(self, account_id: UUID, read: _Read, occasion: Occasion, came_at: int) -> BillingAccount | None:
        """Apply what was read, in one transaction; None if it has to be read again."""
        with rings.noticing() as told:
            async with self.transaction(account_id) as db:
                done = await self._applied(db, account_id, read, occasion, came_at)
        self._ring(*told)
        return done

    async def _applied(
        self, db: Connection, account_id: UUID, read: _Read, occasion: Occasion, came_at: int
    ) -> BillingAccount | None:
        billing, now = BillingRepository(db, Scope(account_id)), self.clock()
        try:
            account = await AccountRepository(db, Scope(account_id)).lock()
        except AccountNotFound:  # it was erased at this moment
            return read.standing.account
        known = await billing.find(lock=True)
        if known is None:
            return read.standing.account
        current = (known.version, known.customer_id) == (read.known.version, read.known.customer_id)
        if not current and known.version < came_at + 2:
            return None
        if occasion.event is not None and not await billing.take(occasion.event, now=now):
            return known
        if read.invoice is not None:
            await InvoiceRepository(db, Scope(account_id)).keep(read.invoice)
        if read.paid_checkout is not None:
            await LinkRepository(db, Scope(account_id)).pay(read.paid_checkout, now=now)
        entries = []
        if current:
            entries += await self._stand(db, account, known, read.standing)
        if read.disputed is not None:
            entries += await self._review(db, account_id, read.disputed)
        await self._trail.record(db, entries)  # last: see audit/service.py
        return read.standing.account if current else known

    async def _stand(self, db: Connection, account: Account, known: BillingAccount, standing: Standing) -> list[Entry]:
        now = self.clock()
        await BillingRepository(db, Scope(account.account_id)).write(standing.account, now=now)
        if standing.warn:
            await tell_operator(db, account, standing.account, now=now)
            await events.record(db, [payment_failed(standing.account, now=now)])
        tier = tier_after(account.tier, known.gives, standing.account.gives)
        if tier is account.tier:
            return []
        if standing.account.gives is None:
            await LinkRepository(db, Scope(account.account_id)).renew_refusals()
        await administration.set_tier(db, account.account_id, tier, now=now)
        _log.info("billing.tier", account=show(Kind.ACCOUNT, account.account_id), tier=tier, state=standing.state)
        return [self._entry(account.account_id, "set_account_tier", {"tier": account.tier}, {"tier": tier})]

    async def _review(self, db: Connection, account_id: UUID, dispute_id: str) -> list[Entry]:
        """Let nothing be sent any more until somebody has looked at it: a stolen card is how spam is paid for."""
        why = f"a payment is disputed ({dispute_id})"
        try:
            before, after = await administration.set_status(
                db, account_id, AccountStatus.UNDER_REVIEW, why, now=self.clock(), unless=AccountStatus.SUSPENDED
            )
        except StateConflict:
            return []
        changed = {"status": after.status, "status_reason": why}
        return [self._entry(account_id, "review_account", {"status": before.status}, changed)]

    def _entry(self, account_id: UUID, action: str, before: Mapping[str, object], after: Mapping[str, object]) -> Entry:
        change = Change(show(Kind.ACCOUNT, account_id), before, after)
        return Entry(account_id, SYSTEM, action, change, self.clock())

    async def _end_superseded(self, standing: Standing) -> None:
        """End what another subscription stands in for. If that fails, the next event or night does it."""
        for subscription_id in standing.superseded:
            _log.info("billing.superseded", subscription=subscription_id, by=standing.account.subscription_id)
            await self.stripe.replace_subscription(subscription_id)
