"""Rows of one account's billing: its customer and subscription, and the events of Stripe's that were applied."""

from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from daimon.accounts.models import Tier
from daimon.billing.models import BillingAccount
from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope

_COLUMNS = tuple(each.name for each in fields(BillingAccount))
_APART = ("account_id", "customer_id", "version", "ended_by_deletion", "checkout_id")  # written by those who know them
_WRITTEN = tuple(name for name in _COLUMNS if name not in _APART)


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """An event that Stripe told of: its name, and when it happened there."""

    id: str
    type: str
    created_at: datetime


class BillingRepository:
    """The billing of one account."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def find(self, *, lock: bool = False) -> BillingAccount | None:
        """Return what is known, None for an account that never had a customer."""
        row = await self._db.fetchrow(
            f"select {', '.join(_COLUMNS)} from billing_accounts where account_id = $1{' for update' if lock else ''}",
            self._account_id,
        )
        return None if row is None else billing_account_of(row)

    async def add_customer(self, customer_id: str, *, instead_of: str | None, now: datetime) -> str:
        """Note the account's customer and return it: the one that is there already, unless that is `instead_of`."""
        known: str = await self._db.fetchval(
            """
            insert into billing_accounts as b (account_id, customer_id, created_at, updated_at) values ($1, $2, $3, $3)
            on conflict (account_id) do update set
                customer_id = case when b.customer_id = $4 then $2 else b.customer_id end, updated_at = $3
            returning customer_id
            """,
            self._account_id, customer_id, now, instead_of,
        )  # fmt: skip
        await self._db.execute(
            "insert into stripe_customers (account_id, customer_id) values ($1, $2) on conflict do nothing",
            self._account_id, known,
        )  # fmt: skip
        return known

    async def write(self, new: BillingAccount, *, now: datetime) -> None:
        """Write all that is known, as the next version."""
        places = ", ".join(f"{name} = ${number}" for number, name in enumerate(_WRITTEN, start=3))
        await self._db.execute(
            f"update billing_accounts set version = version + 1, updated_at = $2, {places} where account_id = $1",
            self._account_id,
            now,
            *(getattr(new, name) for name in _WRITTEN),
        )

    async def set_checkout(self, checkout_id: str) -> None:
        """Note the page on which somebody may be paying now."""
        await self._db.execute(
            "update billing_accounts set checkout_id = $2 where account_id = $1", self._account_id, checkout_id
        )

    async def mark_ending(self, *, ended: bool) -> None:
        """Note whether the subscription ends because the account was deleted."""
        await self._db.execute(
            "update billing_accounts set ended_by_deletion = $2 where account_id = $1", self._account_id, ended
        )

    async def knows(self, event: StripeEvent) -> bool:
        """Whether an event was applied."""
        known: bool = await self._db.fetchval(
            "select exists(select from stripe_events where account_id = $1 and id = $2)", self._account_id, event.id
        )
        return known

    async def take(self, event: StripeEvent, *, now: datetime) -> bool:
        """Note an event as applied; False if it was already. One that is being applied is waited for."""
        taken = await self._db.fetchval(
            """
            insert into stripe_events (account_id, id, type, created_at, received_at) values ($1, $2, $3, $4, $5)
            on conflict (account_id, id) do nothing returning true
            """,
            self._account_id, event.id, event.type, event.created_at, now,
        )  # fmt: skip
        return taken is True


def billing_account_of(row: Record) -> BillingAccount:
    """Return what is known of an account's customer, from its row."""
    values = {name: row[name] for name in _COLUMNS}
    for name in ("tier", "gives"):
        values[name] = None if values[name] is None else Tier(values[name])
    return BillingAccount(**values)


async def account_of_customer(db: Connection, customer_id: str) -> UUID | None:
    """Return whose a customer of Stripe's is, None for nobody's. It is asked before an account is known."""
    found: UUID | None = await db.fetchval(
        "select account_id from stripe_customers where customer_id = $1", customer_id
    )
    return found
