"""Charges, corrections and the check of the ledger, from the command line."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from daimon.accounts.repository import AccountRepository
from daimon.billing import money
from daimon.billing.splits import charges
from daimon.billing.splits.models import Cost, Days
from daimon.bootstrap.billing import stripe_of
from daimon.config import Settings
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.kit.errors import DaimonError
from daimon.kit.ids import Kind, show_or_none
from daimon.operate.database import opened
from daimon.operate.desk import Desk, account_id_of, change
from daimon.operate.errors import NotDone
from daimon.quotas import ledger
from daimon.quotas.ledger import Difference
from daimon.quotas.usage import NO_POD, Used

if TYPE_CHECKING:
    from daimon.billing.stripe_api import Stripe


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in the ledger of one account."""

    account_id: UUID
    differences: list[Difference]


def charge(
    settings: Settings, account: str, amount: str, currency: str, first: date, last: date, description: str
) -> Cost:
    """Charge an account for some days. Raises NotDone."""
    account_id = account_id_of(account)
    try:
        minor = money.read(amount, currency)
    except ValueError as error:
        raise NotDone(str(error)) from None

    async def work(desk: Desk) -> Cost:
        scope = Scope(account_id)
        await AccountRepository(desk.db, scope).get()
        made = await charges.charge(
            desk.db, scope, amount=minor, currency=currency, days=Days(first, last), description=description,
            now=desk.now,
        )  # fmt: skip
        await desk.note(account_id, "charge", account, after=charge_fields(made))
        return made

    return change(settings, work, account=account)


def correct(settings: Settings, account: str, inbox: str, day: date, kind: str, quantity: int, reason: str) -> Used:
    """Add a correcting line to the ledger of an account. Raises NotDone."""
    account_id, inbox_id = account_id_of(account), ids.read(Kind.INBOX, inbox)
    if inbox_id is None:
        raise NotDone(f"no inbox {inbox}")

    async def work(desk: Desk) -> Used:
        scope = Scope(account_id)
        await AccountRepository(desk.db, scope).get()
        used = await charges.correct(desk.db, scope, inbox_id, day=day, kind=kind, quantity=quantity, reason=reason)
        noted = {"day": day.isoformat(), "kind": kind, "quantity": quantity, "reason": reason}
        await desk.note(account_id, "correct_usage", inbox, after=noted)
        return used

    return change(settings, work, account=account)


def verify(settings: Settings, account: str | None, tell: Callable[[Checked], None]) -> bool:
    """Compare the ledger of one account, or of each, with its sums, and these with what Stripe's meters have of it.

    Tells what was found and returns whether all agree. Raises NotDone if there is no such account.
    """

    async def run() -> bool:
        right = True
        metered = settings if settings.stripe_meters else replace(settings, stripe_secret_key=None)
        async with opened(settings) as db, stripe_of(metered) as stripe:
            async for account_id in _chosen(db, account):
                differences = await ledger.verify(db, Scope(account_id), utc_now().date())
                if stripe is not None:
                    differences += await _metered(db, stripe, account_id, settings.stripe_meters)
                found = Checked(account_id, differences)
                right &= not found.differences
                tell(found)
        return right

    try:
        return asyncio.run(run())
    except DaimonError as error:
        raise NotDone(error.message.rstrip(".")) from error


async def _metered(db: Connection, stripe: "Stripe", account_id: UUID, kinds: Sequence[str]) -> list[Difference]:
    from daimon.billing import meters

    return [
        Difference(each.where, each.day, each.kind, None, None, each.expected, each.found)
        for each in await meters.mismatches(db, stripe, account_id, kinds, now=utc_now())
    ]


def charge_fields(made: Cost) -> dict[str, Any]:
    """Return a charge for programs."""
    return {
        "charge_id": made.id,
        "amount_cents": made.amount,
        "currency": made.currency,
        "from": made.days.first.isoformat(),
        "to": made.days.last.isoformat(),
        "description": made.description,
    }


def used_fields(used: Used) -> dict[str, Any]:
    """Return a correction for programs."""
    return {
        **asdict(used),
        "account_id": ids.show(Kind.ACCOUNT, used.account_id),
        "pod_id": show_or_none(Kind.POD, used.pod_id),
        "inbox_id": ids.show(Kind.INBOX, used.inbox_id),
        "day": used.day.isoformat(),
    }


def checked_fields(checked: Checked) -> dict[str, Any]:
    """Return what was found in one account for programs."""
    return {
        "account_id": ids.show(Kind.ACCOUNT, checked.account_id),
        "ok": not checked.differences,
        "differences": [_difference_fields(each) for each in checked.differences],
    }


def checked_line(checked: Checked) -> str:
    """Return what was found in one account for people."""
    account = ids.show(Kind.ACCOUNT, checked.account_id)
    if not checked.differences:
        return f"{account}  ok"
    wrong = "".join(
        f"\n    {each['table']} {each['day']} {each['inbox_id'] or each['pod_id'] or 'account'}:"
        f" {each['found']} {each['kind']}, should be {each['expected']}"
        for each in map(_difference_fields, checked.differences)
    )
    return f"{account}  DIFFERS{wrong}"


def _difference_fields(each: Difference) -> dict[str, Any]:
    return {
        "table": each.where,
        "day": each.day.isoformat(),
        "pod_id": None if each.pod_id == NO_POD else show_or_none(Kind.POD, each.pod_id),
        "inbox_id": show_or_none(Kind.INBOX, each.inbox_id),
        "kind": each.kind,
        "expected": each.expected,
        "found": each.found,
    }


async def _chosen(db: Connection, account: str | None) -> AsyncIterator[UUID]:
    if await db.fetchval("select to_regclass('usage_lines')") is None:
        raise NotDone("this database has no ledger yet: the next start of the server makes it")
    if account is None:
        async for account_id in ledger.accounts(db):
            yield account_id
        return
    account_id = account_id_of(account)
    if not await db.fetchval("select exists (select from accounts where account_id = $1)", account_id):
        raise NotDone(f"no account {account}")
    yield account_id
