"""Reports over what was metered: who was where, what it cost, and months that are closed for good."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from daimon.billing.splits import books, service
from daimon.billing.splits.models import Line, Method, Quantities, Report, Split, SplitBy, Weights
from daimon.db.engine import Database
from daimon.inboxes.models import Inbox
from daimon.kit.errors import Invalid
from daimon.pods.models import Pod
from daimon.pods.repository import PodRepository

from .conftest import Firm, amounts, close_months, corrections, open_firm, unit_of, write_all

NOVEMBER, OCTOBER = date(2026, 11, 1), date(2026, 10, 1)
SUMMER = datetime(2026, 8, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, 0, 30, tzinfo=UTC)


def _at(day: int, month: int = 11, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def _used(report: Report) -> dict[str | None, Quantities]:
    return {line.name: line.used for line in report.lines if line.corrects is None}


async def _charge(firm: Firm, amount: int, first: date, last: date, at: datetime, currency: str = "usd") -> None:
    await firm.do(
        "insert into billing_charges values ($1, $2, $3, $4, $5, $6, 'by hand', $7)",
        firm.scope.account_id, uuid4(), amount, currency, first, last, at,
    )  # fmt: skip


async def _set(firm: Firm, split: Split, at: datetime) -> None:
    async with firm.db.transaction() as db:
        await service.change(db, firm.scope, split, now=at)


async def _two_pods(firm: Firm) -> tuple[Pod, Pod, Inbox, Inbox]:
    a, b = await firm.pod("a", SUMMER), await firm.pod("b", SUMMER)
    return a, b, await firm.inbox(a, SUMMER), await firm.inbox(b, SUMMER)


async def test_inbox_days_are_where_the_inbox_was(firm: Firm) -> None:
    """The day of a move is the new pod's, that of a create and of a deletion counts; several moves on a day are one."""
    a, b = await firm.pod("a", SUMMER), await firm.pod("b", SUMMER)
    moved = await firm.inbox(a, SUMMER)
    await firm.move(moved, b, _at(11))
    back_and_forth = await firm.inbox(None, SUMMER)
    for pod in (a, b, a, None, b):
        await firm.move(back_and_forth, pod, _at(21))
    short = await firm.inbox(a, _at(5))
    await firm.delete(short, _at(7))
    hurried = await firm.inbox(a, _at(9))
    await firm.move(hurried, b, _at(9))
    await firm.delete(hurried, _at(9))
    await firm.inbox(b, _at(30))
    report = await firm.report(NOVEMBER, END)
    assert {name: used.inbox_days for name, used in _used(report).items()} == {
        "a": 10 + 3,
        "b": 20 + 10 + 1 + 1,
        None: 20,
    }
    october = await firm.report(OCTOBER, END)
    assert {name: used.inbox_days for name, used in _used(october).items()} == {"a": 31, "b": 0, None: 31}
    present = await firm.report(NOVEMBER, _at(6))
    assert {name: used.inbox_days for name, used in _used(present).items()} == {"a": 6 + 2, "b": 0, None: 6}


async def test_a_clock_that_is_behind_loses_no_inbox(firm: Firm) -> None:
    """A process whose day is still yesterday moves an inbox that came today: it is in one place, not in two."""
    a = await firm.pod("a", SUMMER)
    inbox = await firm.inbox(None, _at(10))
    await firm.move(inbox, a, _at(9))
    assert await firm.rows("select first, last = 'infinity', pod_id from inbox_placements") == [
        (date(2026, 11, 10), True, a.id)
    ]


async def test_a_deleted_pod_keeps_its_name_and_its_use(firm: Firm) -> None:
    """For as long as reports tell of months in which it was."""
    a, _, inbox, _ = await _two_pods(firm)
    await firm.meter(date(2026, 11, 3), inbox, a, sent=4)
    await firm.move(inbox, None, _at(10))
    async with firm.db.transaction() as db:
        await PodRepository(db, firm.scope).delete(a.id, _at(10))
    await _charge(firm, 1000, NOVEMBER, date(2026, 11, 30), _at(2))
    report = await firm.report(NOVEMBER, END)
    assert _used(report)["a"] == Quantities(sent=4, inbox_days=9)
    assert sum(amounts(report).values()) == 1000
    later = await firm.report(date(2026, 12, 1), END)
    assert "a" not in _used(later)


async def test_the_cost_is_the_invoices_of_the_month(firm: Firm) -> None:
    """Lines, with taxes and discounts as one more; drafts are none yet, void ones none any more."""
    a, b, in_a, in_b = await _two_pods(firm)
    for day in (3, 4):
        await firm.meter(date(2026, 11, day), in_a, a, sent=3)
        await firm.meter(date(2026, 11, day), in_b, b, sent=1)
    await firm.invoice("in_1", _at(1), (4900, NOVEMBER, date(2026, 11, 30)), extra=931)
    await firm.invoice("in_2", _at(1), (700, NOVEMBER, date(2026, 11, 30)), status="draft")
    await firm.invoice("in_3", _at(1), (800, NOVEMBER, date(2026, 11, 30)), status="void")
    await _set(firm, Split(weights=Weights(1, 0, 0, 0)), _at(2))
    report = await firm.report(NOVEMBER, END)
    assert [(cost.id, cost.amount) for cost in report.costs] == [("in_1", 931), ("in_1:0", 4900)]
    assert amounts(report) == {"a": 4373, "b": 1458, None: 0}  # 931 and 4900 are of the same days: 5831 together


async def test_a_plan_that_changes_in_mid_period(firm: Firm) -> None:
    """The credit and the new charge go by who used the days that are left."""
    a, b, in_a, in_b = await _two_pods(firm)
    await firm.meter(date(2026, 11, 2), in_a, a, sent=10)
    await firm.meter(date(2026, 11, 20), in_b, b, sent=10)
    last = date(2026, 11, 30)
    await firm.invoice("in_1", _at(1), (900, NOVEMBER, last))
    await firm.invoice("in_2", _at(16), (-450, date(2026, 11, 16), last), (2450, date(2026, 11, 16), last))
    await _set(firm, Split(weights=Weights(1, 0, 0, 0)), _at(2))
    report = await firm.report(NOVEMBER, END)
    assert amounts(report) == {"a": 450, "b": 450 + 2000, None: 0}
    assert report.total == 2900


@pytest.mark.parametrize(
    ("issued", "first", "last", "month"),
    [
        (_at(17), date(2026, 11, 17), date(2026, 12, 16), NOVEMBER),  # in advance
        (_at(17), date(2026, 10, 17), date(2026, 11, 16), NOVEMBER),  # afterwards
        (END, NOVEMBER, date(2026, 11, 30), NOVEMBER),  # afterwards, issued when the month was over
        (_at(1), date(2026, 12, 1), date(2026, 12, 31), date(2026, 12, 1)),  # long in advance
    ],
)
async def test_which_month_a_cost_belongs_to(
    firm: Firm, issued: datetime, first: date, last: date, month: date
) -> None:
    """That of its last day which was over when it was issued: what is paid in advance to where it begins."""
    await firm.invoice("in_1", issued, (900, first, last))
    for each in (OCTOBER, NOVEMBER, date(2026, 12, 1)):
        report = await firm.report(each, END + timedelta(days=20))
        assert report.total == (900 if each == month else 0)


async def test_currencies_are_not_added_up(firm: Firm) -> None:
    """A month that was paid in two has a report in each, and says so if none is named."""
    await _charge(firm, 900, NOVEMBER, date(2026, 11, 30), _at(1))
    await _charge(firm, 1500, NOVEMBER, date(2026, 11, 30), _at(1), "jpy")
    with pytest.raises(Invalid, match="jpy, usd"):
        await firm.report(NOVEMBER, END)
    assert (await firm.report(NOVEMBER, END, "jpy")).total == 1500
    assert (await firm.report(NOVEMBER, END, "usd")).total == 900
    assert (await firm.report(NOVEMBER, END, "eur")).total == 0
    await firm.open_books(_at(1))
    await close_months(firm.db, END + timedelta(days=2))
    with pytest.raises(Invalid, match="jpy, usd"):
        await firm.report(NOVEMBER, END)
    assert (await firm.report(NOVEMBER, END, "jpy")).total == 1500
    assert (await firm.report(NOVEMBER, END, "eur")).lines == []


async def test_a_closed_month_never_changes(firm: Firm) -> None:
    """Whatever is set, named, moved, deleted, metered, corrected or charged afterwards."""
    a, b, in_a, in_b = await _two_pods(firm)
    await firm.meter(date(2026, 11, 2), in_a, a, sent=10)
    await firm.meter(date(2026, 11, 20), in_b, b, sent=30)
    await firm.invoice("in_1", _at(1), (999, NOVEMBER, date(2026, 11, 30)))
    await _set(firm, Split(weights=Weights(1, 0, 0, 0), markup=100_000), _at(2))
    open_report = await firm.report(NOVEMBER, END)
    assert open_report.closed_at is None
    assert await close_months(firm.db, END) == 4  # July to October: a day of December must be over
    assert await close_months(firm.db, END + timedelta(days=1)) == 1
    closed = await firm.report(NOVEMBER, END + timedelta(days=2))
    assert closed.closed_at is not None
    assert (closed.lines, closed.costs, closed.split) == (open_report.lines, open_report.costs, open_report.split)
    assert amounts(closed) == {"a": 250, "b": 749, None: 0}

    later = datetime(2026, 12, 10, tzinfo=UTC)
    await _set(firm, Split(by=SplitBy.COST_CENTER, method=Method.EVEN), later)
    await firm.do("update pods set name = 'z', cost_center = 'c'")
    await firm.move(in_a, None, later)
    await firm.delete(in_b, later)
    async with firm.db.transaction() as db:
        await PodRepository(db, firm.scope).delete(a.id, later)
    await firm.meter(date(2026, 11, 30), in_b, b, sent=5)
    await firm.meter(date(2026, 11, 20), in_b, b, sent=-7, reason="counted twice")
    await _charge(firm, 500, NOVEMBER, date(2026, 11, 30), later)
    await close_months(firm.db, later)
    assert await firm.report(NOVEMBER, later) == closed
    assert await close_months(firm.db, datetime(2027, 3, 5, tzinfo=UTC)) == 3
    assert await firm.report(NOVEMBER, later) == closed


async def test_what_comes_late_is_of_the_open_month(firm: Firm) -> None:
    """Use and cost of a closed month stand on lines of their own, and are counted once."""
    a, b, in_a, in_b = await _two_pods(firm)
    await firm.meter(date(2026, 11, 2), in_a, a, sent=10)
    await firm.invoice("in_1", _at(1), (1000, NOVEMBER, date(2026, 11, 30)))
    await _set(firm, Split(weights=Weights(1, 0, 0, 0)), _at(2))
    await close_months(firm.db, datetime(2026, 12, 3, tzinfo=UTC))
    december, later = date(2026, 12, 1), datetime(2026, 12, 10, tzinfo=UTC)
    await firm.meter(date(2026, 11, 30), in_b, b, sent=10)
    await firm.meter(date(2026, 12, 9), in_a, a, sent=30)
    await firm.invoice("in_2", later, (2000, december, date(2026, 12, 31)))
    await _charge(firm, 70, NOVEMBER, date(2026, 11, 30), later)
    report = await firm.report(december, later)
    assert amounts(report) == {"a": 1500, "b": 0, None: 0}
    assert [(line.name, line.corrects, line.used.sent, line.amount) for line in corrections(report)] == [
        ("a", NOVEMBER, 0, 70),  # by who used November
        ("b", NOVEMBER, 10, 500),
    ]
    assert report.total == sum(line.amount for line in report.lines) == 2070
    assert await close_months(firm.db, datetime(2027, 1, 3, tzinfo=UTC)) == 1
    closed = await firm.report(december, later)
    assert (amounts(closed), closed.costs) == (amounts(report), report.costs)
    assert corrections(closed) == corrections(report)
    january = await firm.report(date(2027, 1, 1), datetime(2027, 1, 10, tzinfo=UTC))
    assert (january.total, corrections(january)) == (0, [])


async def test_an_invoice_that_becomes_void_is_taken_back(firm: Firm) -> None:
    """Where it stands in a closed report, the open one gives it back, by the same days."""
    a, _, in_a, _ = await _two_pods(firm)
    await firm.meter(date(2026, 11, 2), in_a, a, sent=10)
    await firm.invoice("in_1", _at(1), (1000, NOVEMBER, date(2026, 11, 30)), extra=190)
    await _set(firm, Split(weights=Weights(1, 0, 0, 0)), _at(2))
    await close_months(firm.db, datetime(2026, 12, 3, tzinfo=UTC))
    await firm.do("update invoices set status = 'void'")
    december = await firm.report(date(2026, 12, 1), datetime(2026, 12, 10, tzinfo=UTC))
    assert [(line.name, line.corrects, line.amount) for line in corrections(december)] == [("a", NOVEMBER, -1190)]
    assert (await firm.report(NOVEMBER, END)).total == 1190
    await close_months(firm.db, datetime(2027, 1, 3, tzinfo=UTC))
    assert (await firm.report(date(2027, 1, 1), datetime(2027, 1, 10, tzinfo=UTC))).total == 0


async def test_who_meters_while_a_month_is_closed_is_in_one_of_the_two(firm: Firm) -> None:
    """A transaction that began before is waited for, and in the closed month; what comes after is late."""
    a, _, in_a, _ = await _two_pods(firm)
    await firm.open_books(_at(1))
    await close_months(firm.db, datetime(2026, 11, 20, tzinfo=UTC))
    now = datetime(2026, 12, 3, tzinfo=UTC)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with firm.db.transaction() as db:
            await db.execute(
                "insert into usage_days values ($1, '2026-11-30', $2, $3, 0, 7)", firm.scope.account_id, a.id, in_a.id
            )
            await db.execute(
                "insert into usage_pod_days values ($1, '2026-11-30', $2, 0, 7)", firm.scope.account_id, a.id
            )
            begun.set()
            await go_on.wait()

    running = asyncio.create_task(slow())
    await begun.wait()
    async with firm.db.transaction() as db:
        assert await books.begin(db, now=now, limit=10) == 1
    await firm.meter(date(2026, 11, 30), in_a, a, sent=100)
    async with firm.db.transaction() as db:
        await books.begin(db, now=now + timedelta(minutes=3), limit=10)
    assert await write_all(firm.db, now + timedelta(minutes=4)) == 0
    assert (await firm.report(NOVEMBER, now)).closed_at is None
    go_on.set()
    await running
    assert await write_all(firm.db, now + timedelta(minutes=4)) == 1
    november, december = await firm.report(NOVEMBER, now), await firm.report(date(2026, 12, 1), now)
    assert _used(november)["a"].sent == 7
    assert [(line.name, line.used.sent) for line in corrections(december)] == [("a", 100)]


async def test_two_workers_close_a_month_once(firm: Firm, db: Database) -> None:
    """They take different accounts, and none twice."""
    firms = [firm, *[await open_firm(db, datetime(2026, 10, 2, tzinfo=UTC)) for _ in range(5)]]
    for each in firms:
        await each.open_books(_at(1))
    now = _at(20)
    async with db.transaction() as first, db.transaction() as second:
        assert await books.begin(first, now=now, limit=4) + await books.begin(second, now=now, limit=4) == 6
    async with db.transaction() as third:
        await books.begin(third, now=now + timedelta(minutes=2), limit=1)
    assert sum(await asyncio.gather(*(write_all(db, now + timedelta(minutes=3)) for _ in range(3)))) == 6
    assert await firm.rows("select count(*), count(distinct account_id) from split_reports") == [(6, 6)]


async def test_splits_hold_from_their_month_on(firm: Firm) -> None:
    """A change in November divides all of November otherwise, and October as before."""
    a, b, in_a, _ = await _two_pods(firm)
    await firm.meter(date(2026, 10, 2), in_a, a, sent=10)
    await _charge(firm, 100, OCTOBER, date(2026, 10, 31), _at(1, 10))
    await _charge(firm, 100, NOVEMBER, date(2026, 11, 30), _at(1))
    await _set(firm, Split(weights=Weights(1, 0, 0, 0)), _at(2, 10))
    await _set(firm, Split(method=Method.FIXED, fixed={unit_of(b): 1_000_000}), _at(25))
    await _set(firm, Split(method=Method.FIXED, fixed={unit_of(a): 250_000, unit_of(b): 750_000}), _at(26))
    assert amounts(await firm.report(OCTOBER, _at(28))) == {"a": 100, "b": 0, None: 0}
    assert amounts(await firm.report(NOVEMBER, _at(28))) == {"a": 25, "b": 75, None: 0}


async def test_another_account_is_in_nobodys_report(firm: Firm, db: Database) -> None:
    """Two firms with the same month: each sees its own."""
    other = await open_firm(db, datetime(2026, 7, 15, tzinfo=UTC))
    for each, amount in ((firm, 100), (other, 900)):
        a, _, in_a, _ = await _two_pods(each)
        await each.meter(date(2026, 11, 2), in_a, a, sent=amount)
        await _charge(each, amount, NOVEMBER, date(2026, 11, 30), _at(1))
    for each, amount in ((firm, 100), (other, 900)):
        report = await each.report(NOVEMBER, END)
        assert (report.total, _used(report)["a"].sent, len(report.lines)) == (amount, amount, 3)


async def test_lines_stand_by_id(firm: Firm) -> None:
    """In the order of their ids, and the unallocated one last, always."""
    pods = [await firm.pod(name, SUMMER) for name in "cab"]
    report = await firm.report(NOVEMBER, END)
    assert [line.unit for line in report.lines] == [*sorted(map(unit_of, pods)), "unallocated"]
    assert report.lines[-1] == Line("unallocated", None, None, Quantities(), 0, 0)
