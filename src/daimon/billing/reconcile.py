"""Comparing every account with Stripe, each night and whenever the operator asks: what differs is told and mended.

Stripe is asked for all subscriptions that have not ended, a hundred in a call, and for the invoices of the last days.
Only accounts that differ are looked at one by one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from daimon.accounts.models import Tier
from daimon.billing.invoice_repository import InvoiceRepository
from daimon.billing.mirror import Mirror
from daimon.billing.models import BillingAccount, Catalogue, Invoice, Subscription
from daimon.billing.repository import billing_account_of
from daimon.billing.standing import stand, tier_after
from daimon.db.engine import Connection, Database
from daimon.db.scope import Scope
from daimon.kit.errors import Unavailable
from daimon.kit.ids import Kind, show

INVOICES_OF = timedelta(days=4)  # Stripe sends an event again for three
ROWS = 500  # of ours in one statement
HOUR = 3  # UTC, from which a night's comparison is due
GIVEN_UP = timedelta(hours=2)  # a comparison that began and did not end is begun again after this


@dataclass(slots=True)
class Drift:
    """One account that differs: in which field, what stands here, what Stripe says."""

    account_id: str
    what: str
    here: str | None
    stripe: str | None
    mended: bool = False


@dataclass(slots=True)
class Report:
    """What a comparison found. `unknown` are subscriptions for a tier of ours whose customer is no account's."""

    accounts: int = 0
    invoices: int = 0
    drift: list[Drift] = field(default_factory=list)
    unknown: list[dict[str, str]] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left that somebody has to look at."""
        return not self.unknown and all(each.mended for each in self.drift)

    def fields(self) -> dict[str, Any]:
        """Return the report for programs."""
        return {
            "accounts": self.accounts,
            "invoices": self.invoices,
            "clean": self.is_clean,
            "drift": [msgspec.to_builtins(each) for each in self.drift],
            "unknown": self.unknown,
        }


async def reconcile(db: Database, mirror: Mirror) -> Report:
    """Compare all accounts with Stripe and mend what differs. Raises StripeAway."""
    report = Report()
    catalogue = await mirror.stripe.catalogue()
    by_customer: dict[str, list[Subscription]] = {}
    async for subscription in mirror.stripe.live_subscriptions():
        by_customer.setdefault(subscription.customer_id, []).append(subscription)
    seen: set[str] = set()
    after = UUID(int=0)
    while rows := await _accounts(db, after):
        for account, tier in rows:
            seen.add(account.customer_id)
            report.accounts += 1
            found = _differences(account, tier, by_customer.get(account.customer_id, ()), catalogue, mirror.clock())
            if found:
                report.drift += await _mended(mirror, account, found)
        after = rows[-1][0].account_id
    report.unknown = [
        {"subscription_id": each.id, "customer_id": each.customer_id}
        for customer, subscriptions in by_customer.items() if customer not in seen
        for each in subscriptions if catalogue.tier_of(each.prices) is not None
    ]  # fmt: skip
    await _invoices(db, mirror, report)
    return report


async def nightly(db: Database, mirror: Mirror) -> Report | None:
    """Do it once a night, by whichever worker comes first; None if it is done or not due."""
    now = mirror.clock()
    if now.hour < HOUR:
        return None
    async with db.transaction() as connection:
        mine = await connection.fetchval(
            """
            insert into billing_reconciliations as r (day, started_at) values ($1, $2)
            on conflict (day) do update set started_at = $2 where r.finished_at is null and r.started_at < $3
            returning true
            """,
            now.date(), now, now - GIVEN_UP,
        )  # fmt: skip
    if not mine:
        return None
    report = await reconcile(db, mirror)
    async with db.transaction() as connection:
        await connection.execute(
            "update billing_reconciliations set finished_at = $2, report = $3 where day = $1",
            now.date(), mirror.clock(), msgspec.json.encode(report.fields()).decode(),
        )  # fmt: skip
    return report


async def _accounts(db: Database, after: UUID) -> list[tuple[BillingAccount, Tier]]:
    async with db.read() as connection:
        rows = await connection.fetch(
            "select b.*, a.tier as account_tier from billing_accounts b join accounts a on a.account_id = b.account_id"
            " where b.account_id > $1 order by b.account_id limit $2",
            after, ROWS,
        )  # fmt: skip
    return [(billing_account_of(row), Tier(row["account_tier"])) for row in rows]


def _differences(
    account: BillingAccount, tier: Tier, live: Iterable[Subscription], catalogue: Catalogue, now: datetime
) -> list[Drift]:
    """Return how what is known of an account differs from its subscriptions that have not ended."""
    shown_id = show(Kind.ACCOUNT, account.account_id)
    standing = stand(account, list(live), catalogue, now=now)
    there = standing.account
    pairs = [
        ("subscription", account.subscription_id, there.subscription_id),
        ("status", _ended_or(account.status), _ended_or(there.status)),
        ("price", account.price_id, there.price_id),
        ("cancel_at", account.cancel_at, there.cancel_at),
        ("current_period_end", account.current_period_end, there.current_period_end),
        ("gives", account.gives, there.gives),
        ("tier", tier, tier_after(tier, account.gives, there.gives)),
    ]
    found = [
        Drift(shown_id, what, None if here is None else str(here), None if stripe is None else str(stripe))
        for what, here, stripe in pairs if here != stripe
    ]  # fmt: skip
    return found + [Drift(shown_id, "second subscription", None, each) for each in standing.superseded]


def _ended_or(status: str | None) -> str | None:
    return "canceled" if status == "incomplete_expired" else status


async def _mended(mirror: Mirror, account: BillingAccount, found: Sequence[Drift]) -> Sequence[Drift]:
    """Bring an account in line and return what differed: nothing, if an event has told of it since it was read."""
    try:
        renewed = await mirror.renew(account.account_id)
    except Unavailable:
        return found
    if renewed is not None and renewed.version != account.version:
        return ()
    for each in found:
        each.mended = True
    return found


async def _invoices(db: Database, mirror: Mirror, report: Report) -> None:
    batch: list[Invoice] = []
    async for invoice in mirror.stripe.invoices_since(mirror.clock() - INVOICES_OF):
        batch.append(invoice)
        if len(batch) == ROWS:
            await _keep(db, batch, report)
            batch.clear()
    await _keep(db, batch, report)


async def _keep(db: Database, invoices: Sequence[Invoice], report: Report) -> None:
    """Write those of our customers' invoices that are missing here, or have gone on at Stripe."""
    async with db.transaction() as connection:
        owners = await _owners(connection, {each.customer_id for each in invoices})
        for invoice in sorted(invoices, key=lambda each: (each.customer_id, each.id)):
            account_id = owners.get(invoice.customer_id)
            if account_id is None or invoice.status == "draft":
                continue
            report.invoices += 1
            repository = InvoiceRepository(connection, Scope(account_id))
            before = (await repository.statuses([invoice.id])).get(invoice.id)
            if await repository.keep(invoice):
                shown_id = show(Kind.ACCOUNT, account_id)
                report.drift.append(Drift(shown_id, f"invoice {invoice.id}", before, invoice.status, mended=True))


async def _owners(db: Connection, customers: set[str]) -> dict[str, UUID]:
    rows = await db.fetch(
        "select c.customer_id, c.account_id from stripe_customers c join accounts a on a.account_id = c.account_id"
        " where c.customer_id = any($1)",
        list(customers),
    )
    return {row["customer_id"]: row["account_id"] for row in rows}
