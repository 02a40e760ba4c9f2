"""What is remembered for reports goes when no report asks for it any more; and the worker does all of it by itself."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from functools import partial

from daimon.db.engine import Database
from daimon.inboxes import placements
from daimon.pods import retention
from daimon.pods.repository import PodRepository
from daimon.worker import closing

from .conftest import Firm, open_firm

SPRING = datetime(2026, 3, 1, tzinfo=UTC)
YEARS_LATER = datetime(2028, 3, 1, tzinfo=UTC)


async def test_where_inboxes_were_is_forgotten(firm: Firm) -> None:
    """After four hundred days, a little at a time; where they are stays."""
    pod = await firm.pod("a", SPRING)
    inboxes = [await firm.inbox(pod, SPRING) for _ in range(4)]
    for inbox in inboxes[:3]:
        await firm.delete(inbox, SPRING + timedelta(days=1))
    async with firm.db.transaction() as db:
        assert await placements.forget(db, now=SPRING + timedelta(days=401), limit=2) == 0
        assert await placements.forget(db, now=YEARS_LATER, limit=2) == 2
        assert await placements.forget(db, now=YEARS_LATER, limit=2) == 1
    assert await firm.rows("select inbox_id from inbox_placements") == [(inboxes[3].id,)]


async def test_names_of_deleted_pods_are_forgotten(firm: Firm) -> None:
    """As long after."""
    pods = [await firm.pod(name, SPRING) for name in "ab"]
    async with firm.db.transaction() as db:
        await PodRepository(db, firm.scope).delete(pods[0].id, SPRING)
        await PodRepository(db, firm.scope).delete(pods[1].id, YEARS_LATER)
        assert await retention.forget_names(db, now=YEARS_LATER, limit=5) == 1
    assert await firm.rows("select name from former_pods") == [("b",)]


async def test_the_worker_closes_months(firm: Firm) -> None:
    """Round by round, as its clock goes on; of an account that pays by Stripe without being told, too."""
    await firm.do(
        "insert into billing_accounts (account_id, customer_id, created_at, updated_at) values ($1, 'cus_1', $2, $2)",
        firm.scope.account_id, SPRING,
    )  # fmt: skip
    begin, stop = datetime(2026, 10, 2, tzinfo=UTC), asyncio.Event()
    minutes = [begin + timedelta(minutes=minute) for minute in range(12)]
    written = [await closing.close(firm.db, clock=partial(_same, now), stop=stop) for now in minutes]
    assert sum(written) == 3  # July, August, September
    assert await firm.rows("select month from split_reports order by 1") == [
        (date(2026, 7, 1),), (date(2026, 8, 1),), (date(2026, 9, 1),),
    ]  # fmt: skip
    assert await closing.close(firm.db, clock=partial(_same, datetime(2026, 11, 1, 12, tzinfo=UTC)), stop=stop) == 0


def _same(now: datetime) -> datetime:
    return now


async def test_one_report_that_fails_holds_up_nobody(firm: Firm, db: Database) -> None:
    """It is tried again, behind the others, and written down once it can be."""
    spoilt, now, stop = await open_firm(db, SPRING), datetime(2026, 10, 2, tzinfo=UTC), asyncio.Event()
    for each in (spoilt, firm):
        await each.open_books(datetime(2026, 8, 1, tzinfo=UTC))
    await firm.do("update split_books set begun = '2026-09-01', open_from = '2026-09-01'")
    await spoilt.do("insert into split_settings values ($1, '2026-01-01', '\"none\"', now())", spoilt.scope.account_id)
    minutes = [now + timedelta(minutes=minute) for minute in range(6)]
    assert sum([await closing.close(db, clock=partial(_same, at), stop=stop) for at in minutes]) == 1
    assert await firm.rows("select account_id from split_reports") == [(firm.scope.account_id,)]
    await spoilt.do("delete from split_settings")
    assert await closing.close(db, clock=partial(_same, minutes[-1]), stop=stop) == 1


async def test_the_worker_makes_places_for_months(firm: Firm) -> None:
    """As soon as it runs."""
    stop = asyncio.Event()
    running = asyncio.create_task(closing.run(firm.db, clock=lambda: YEARS_LATER, stop=stop))
    async with asyncio.timeout(20):
        while await firm.rows("select to_regclass('usage_lines_2028_05') is null") == [(True,)]:
            pass
    stop.set()
    await running
    assert await firm.rows("select to_regclass('usage_lines_2028_06') is null") == [(True,)]
