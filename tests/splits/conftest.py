"""A database in the worker's role, and an account in it with pods and inboxes, at times that a test chooses."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from daimon.accounts.models import Account, AccountStatus, Tier
from daimon.accounts.repository import AccountRepository
from daimon.billing.splits import books, service
from daimon.billing.splits.models import Line, Report
from daimon.db.engine import Connection, Database
from daimon.db.scope import Scope
from daimon.db.walls import JOBS
from daimon.inboxes import in_pods
from daimon.inboxes.models import Inbox, InboxStatus
from daimon.inboxes.repository import InboxRepository
from daimon.kit import ids
from daimon.kit.ids import Kind
from daimon.pods.models import Pod, PodLimits, PodStatus
from daimon.pods.repository import PodRepository
from daimon.quotas import usage
from daimon.quotas.usage import Used


@dataclass
class Firm:
    """An account that splits its bill."""

    db: Database
    account: Account

    @property
    def scope(self) -> Scope:
        return Scope(self.account.account_id)

    async def pod(self, name: str, at: datetime, *, cost_center: str | None = None) -> Pod:
        """Make a pod."""
        pod = Pod(
            account_id=self.scope.account_id,
            id=ids.new(),
            name=name,
            description=None,
            subdomain=None,
            client_id=None,
            metadata={},
            status=PodStatus.ACTIVE,
            limits=PodLimits(None, None),
            cost_center=cost_center,
            inbox_count=0,
            created_at=at,
            updated_at=at,
        )
        async with self.db.transaction() as db:
            await PodRepository(db, self.scope).add(pod)
        return pod

    async def inbox(self, pod: Pod | None, at: datetime) -> Inbox:
        """Make an inbox."""
        new = ids.new()
        inbox = Inbox(
            id=new,
            account_id=self.scope.account_id,
            pod_id=pod.id if pod else None,
            username=f"box-{new.hex}",
            domain="daimon.email",
            display_name=None,
            status=InboxStatus.ACTIVE,
            message_count=0,
            thread_count=0,
            unread_count=0,
            last_received_at=None,
            client_id=None,
            metadata={},
            created_at=at,
            updated_at=at,
        )
        async with self.db.transaction() as db:
            assert await InboxRepository(db, self.scope).add(inbox)
        return inbox

    async def move(self, inbox: Inbox, pod: Pod | None, at: datetime) -> None:
        """Move an inbox, as a PATCH does."""
        async with self.db.transaction() as db:
            held = await InboxRepository(db, self.scope).lock(inbox.id)
            await in_pods.move(db, self.scope, held, pod, at)

    async def delete(self, inbox: Inbox, at: datetime) -> None:
        """Delete an inbox."""
        async with self.db.transaction() as db:
            await InboxRepository(db, self.scope).delete(inbox, at)

    async def meter(self, day: date, inbox: Inbox, pod: Pod | None, *, reason: str | None = None, **used: int) -> None:
        """Meter what an inbox used."""
        async with self.db.transaction() as db:
            one = Used(self.scope.account_id, pod.id if pod else None, inbox.id, day, **used)
            await usage.meter(db, [one], reason=reason)

    async def report(self, month: date, now: datetime, currency: str | None = None) -> Report:
        """Return the report of a month."""
        async with self.db.read() as db:
            return await service.report(db, self.scope, month, now=now, currency=currency)

    async def open_books(self, now: datetime) -> None:
        """Open the account's books."""
        async with self.db.transaction() as db:
            await books.open_for(db, self.scope, now)

    async def invoice(
        self, invoice_id: str, at: datetime, *lines: tuple[int, date, date], extra: int = 0, status: str = "paid"
    ) -> None:
        """Write an invoice down as the part that speaks with Stripe does: amounts, and the days they are for."""
        async with self.db.transaction() as db:
            await db.execute(
                """
                insert into invoices (account_id, id, status, currency, total, period_start, period_end, finalized_at,
                                      created_at)
                values ($1, $2, $4, 'usd', $5, $6, $7, $3, $3)
                """,
                self.scope.account_id, invoice_id, at, status, sum(amount for amount, _, _ in lines) + extra,
                _midnight(min(first for _, first, _ in lines)),
                _midnight(max(last for _, _, last in lines) + timedelta(days=1)),
            )  # fmt: skip
            for position, (amount, first, last) in enumerate(lines):
                await db.execute(
                    """
                    insert into invoice_lines (account_id, invoice_id, position, description, amount, currency,
                                               period_start, period_end, proration)
                    values ($1, $2, $3, 'a plan', $4, 'usd', $5, $6, false)
                    """,
                    self.scope.account_id, invoice_id, position, amount, _midnight(first),
                    _midnight(last + timedelta(days=1)),
                )  # fmt: skip

    async def rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Return rows of the database."""
        async with self.db.read() as db:
            return [tuple(row) for row in await db.fetch(sql, *values)]

    async def do(self, sql: str, *values: object) -> None:
        """Change the database by hand, as its owner."""
        owner = await asyncpg.connect(self.db.url)
        await owner.execute(sql, *values)
        await owner.close()


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A fresh database."""
    opened = await Database.open(database_url, connections=8, role=JOBS)
    yield opened
    await opened.close()


@pytest.fixture
async def firm(db: Database) -> Firm:
    """An account that was made in the summer."""
    return await open_firm(db, datetime(2026, 7, 15, tzinfo=UTC))


async def open_firm(db: Database, at: datetime) -> Firm:
    """Make an account."""
    account = Account(ids.new(), Tier.ENTERPRISE, AccountStatus.ACTIVE, None, at)
    async with db.transaction() as connection:
        await AccountRepository(connection, Scope(account.account_id)).add(account)
    return Firm(db, account)


async def close_months(db: Database, now: datetime) -> int:
    """Close every month that can be at a moment, and return how many it were."""
    closed = 0
    for step in range(60):
        at = now + timedelta(minutes=3 * step)
        async with db.transaction() as connection:
            begun = await books.begin(connection, now=at, limit=100)
        async with db.transaction() as connection:
            await books.begin(connection, now=at + timedelta(minutes=2), limit=100)
        wrote = await write_all(db, at + timedelta(minutes=2))
        closed += wrote
        if not begun and not wrote:
            return closed
    raise AssertionError("months do not end")


async def write_all(db: Database, now: datetime) -> int:
    """Write down every report that can be."""
    wrote = 0
    while True:
        async with db.transaction() as connection:
            if (due := await books.next_to_write(connection, now=now)) is None:
                return wrote
            await service.close(connection, Scope(due[0]), due[1], now=now)
        wrote += 1


def amounts(report: Report) -> dict[str | None, int]:
    """Return the amount of each unit by its name, None for what is unallocated; without corrections."""
    return {line.name: line.amount for line in report.lines if line.corrects is None}


def corrections(report: Report) -> list[Line]:
    """Return the lines that correct a closed month."""
    return [line for line in report.lines if line.corrects]


def unit_of(pod: Pod) -> str:
    """Return a pod's id as clients see it."""
    return ids.show(Kind.POD, pod.id)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


async def ledger_sums(db: Connection, account_id: UUID) -> dict[tuple[object, ...], int]:
    """Return the sum of an account's lines by day, pod, inbox and kind."""
    rows = await db.fetch(
        "select day, pod_id, inbox_id, kind, sum(quantity)::bigint as quantity from usage_lines"
        " where account_id = $1 group by 1, 2, 3, 4",
        account_id,
    )
    return {tuple(row)[:4]: row["quantity"] for row in rows}
