"""The ledger: a line for each kind of use, written with the sums; it is never changed, and grows old by the month."""

import asyncio
from datetime import UTC, date, datetime

import asyncpg
import pytest

from daimon.db.engine import Database
from daimon.kit.errors import Unavailable
from daimon.quotas import ledger, usage
from daimon.quotas.usage import NO_POD, Used

from .conftest import Firm, close_months, ledger_sums

DAY = date(2026, 11, 10)
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)


async def _lines(firm: Firm) -> list[tuple[object, ...]]:
    return await firm.rows(
        "select day, pod_id, inbox_id, kind, quantity, corrects, reason from usage_lines order by id, kind"
    )


async def test_a_line_for_each_kind_that_was_used(firm: Firm) -> None:
    """In the transaction that meters: what a batch used of one kind in one inbox is one line."""
    pod = await firm.pod("a", NOON)
    inbox, other = await firm.inbox(pod, NOON), await firm.inbox(None, NOON)
    account_id = firm.scope.account_id
    async with firm.db.transaction() as db:
        mail = Used(account_id, pod.id, inbox.id, DAY, received=1, stored_bytes=100)
        await usage.meter(db, [mail, mail, Used(account_id, None, other.id, DAY, sent=3)])
    assert sorted(await _lines(firm), key=str) == sorted(
        [
            (DAY, pod.id, inbox.id, "received", 2, None, None),
            (DAY, pod.id, inbox.id, "stored_bytes", 200, None, None),
            (DAY, NO_POD, other.id, "sent", 3, None, None),
        ],
        key=str,
    )


async def test_what_is_undone_leaves_no_line(firm: Firm) -> None:
    """Lines and sums are of one transaction."""
    inbox = await firm.inbox(None, NOON)

    async def fail() -> None:
        async with firm.db.transaction() as db:
            await usage.meter(db, [Used(firm.scope.account_id, None, inbox.id, DAY, sent=1)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await _lines(firm) == []
    assert await firm.rows("select * from usage_account_days") == []


async def test_nothing_used_is_nothing_written(firm: Firm) -> None:
    """A send to nobody but suppressed addresses, say."""
    inbox = await firm.inbox(None, NOON)
    await firm.meter(DAY, inbox, None)
    assert await _lines(firm) == []


async def test_a_correction_is_a_line_of_its_own(firm: Firm) -> None:
    """It says its reason; what was written before stays as it was, and the sums follow."""
    inbox = await firm.inbox(None, NOON)
    await firm.meter(DAY, inbox, None, sent=10)
    await firm.meter(DAY, inbox, None, sent=-4, reason="a loop of ours")
    assert [(line[4], line[6]) for line in await _lines(firm)] == [(10, None), (-4, "a loop of ours")]
    assert await firm.rows("select sent from usage_days") == [(6,)]
    assert await firm.rows("select sent from usage_account_days") == [(6,)]


async def test_lines_cannot_be_changed(firm: Firm) -> None:
    """Neither role of the application may, nor may the API's delete any."""
    inbox = await firm.inbox(None, NOON)
    await firm.meter(DAY, inbox, None, sent=10)
    async with firm.db.read() as db:
        for table in ("usage_lines", *await _places(db)):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await db.execute(f"update {table} set quantity = 1")
            for role in ("daimon_api", "daimon_jobs"):
                may = {
                    right
                    for right in ("select", "insert", "update", "delete")
                    if await db.fetchval("select has_table_privilege($1, $2, $3)", role, table, right)
                }
                assert may == {"select", "insert"} | ({"delete"} if role == "daimon_jobs" else set()), (table, role)


async def test_use_of_a_closed_month_is_counted_in_the_open_one(firm: Firm) -> None:
    """On its first day, and the line says which day it was of."""
    inbox = await firm.inbox(None, datetime(2026, 9, 1, tzinfo=UTC))
    await firm.open_books(NOON)
    assert await close_months(firm.db, NOON) == 4  # July to October
    await firm.meter(date(2026, 9, 20), inbox, None, received=1)
    await firm.meter(DAY, inbox, None, received=2)
    assert [(line[0], line[4], line[5]) for line in await _lines(firm)] == [
        (date(2026, 11, 1), 1, date(2026, 9, 20)),
        (DAY, 2, None),
    ]
    assert sorted(await firm.rows("select day, received from usage_days")) == [(date(2026, 11, 1), 1), (DAY, 2)]
    assert await _differences(firm) == []


async def test_many_at_once_agree(firm: Firm) -> None:
    """Of two hundred transactions on eight connections, no line and no sum is lost."""
    pods = [await firm.pod(name, NOON) for name in "ab"]
    inboxes = [await firm.inbox(pods[n % 2], NOON) for n in range(4)]

    async def send(n: int) -> None:
        inbox = inboxes[n % 4]
        async with firm.db.transaction() as db:
            used = Used(firm.scope.account_id, inbox.pod_id, inbox.id, DAY, sent=n % 3, stored_bytes=n)
            await usage.meter(db, [used, Used(firm.scope.account_id, None, inboxes[0].id, DAY, received=1)])

    await asyncio.gather(*map(send, range(200)))
    assert await _differences(firm) == []
    async with firm.db.read() as db:
        sums = await ledger_sums(db, firm.scope.account_id)
    assert sum(quantity for key, quantity in sums.items() if key[3] == "stored_bytes") == sum(range(200))
    assert sums[DAY, NO_POD, inboxes[0].id, "received"] == 200


async def _differences(firm: Firm) -> list[ledger.Difference]:
    async with firm.db.read() as db:
        return await ledger.verify(db, firm.scope, DAY)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("update usage_days set sent = 6", {("usage_days", 5, 6), ("usage_pod_days", 6, 5)}),
        ("update usage_pod_days set sent = 6", {("usage_pod_days", 5, 6), ("usage_account_days", 6, 5)}),
        ("update usage_account_days set sent = 6", {("usage_account_days", 5, 6)}),
        ("delete from usage_account_days", {("usage_account_days", 5, 0)}),
        ("update usage_lines set quantity = 4", {("usage_days", 4, 5)}),
        ("insert into usage_lines select account_id, day - 1, id, pod_id, inbox_id, kind, 7 from usage_lines",
         {("usage_days", 7, 0)}),
    ],
)  # fmt: skip
async def test_a_sum_that_was_changed_is_found(firm: Firm, statement: str, found: set[tuple[str, int, int]]) -> None:
    """By the unit, and with its place."""
    inbox = await firm.inbox(None, NOON)
    await firm.meter(DAY, inbox, None, sent=5)
    assert await _differences(firm) == []
    await firm.do(statement)
    assert {(each.where, each.expected, each.found) for each in await _differences(firm)} == found


async def test_months_have_places_ahead(db: Database) -> None:
    """This month and the next two, behind the same walls; a second look makes nothing more."""
    now = datetime(2028, 12, 31, 23, 59, tzinfo=UTC)
    for _ in range(2):
        async with db.transaction() as connection:
            await ledger.keep_months(connection, now=now)
    async with db.read() as connection:
        made = await _places(connection)
        walled = await connection.fetch(
            "select relname from pg_class where relrowsecurity and starts_with(relname, 'usage_lines_')"
        )
        assert await connection.fetchval(
            "select not has_function_privilege('daimon_api', 'keep_usage_months(date, date)', 'execute')"
        )
    assert sorted(row["relname"] for row in walled) == made
    assert [place for place in made if place >= "usage_lines_2028"] == [
        "usage_lines_2028_12", "usage_lines_2029_01", "usage_lines_2029_02", "usage_lines_other",
    ]  # fmt: skip


async def test_old_months_go_as_a_whole_and_sums_stay(firm: Firm) -> None:
    """Thirteen months are kept, this one among them; what lies in no month's place goes with its time, too."""
    inbox = await firm.inbox(None, NOON)
    async with firm.db.transaction() as db:
        await ledger.keep_months(db, now=NOON)
    assert "usage_lines_2026_11" in await _places_of(firm)
    for day in (DAY, date(2026, 12, 1), date(2020, 1, 1)):
        await firm.meter(day, inbox, None, sent=1)
    assert len(await _lines(firm)) == 3
    async with firm.db.transaction() as db:
        await ledger.keep_months(db, now=datetime(2027, 12, 31, tzinfo=UTC))
    assert [line[0] for line in await _lines(firm)] == [date(2026, 12, 1)]
    assert "usage_lines_2026_11" not in await _places_of(firm)
    assert len(await firm.rows("select * from usage_account_days")) == 3
    async with firm.db.read() as db:
        assert await ledger.verify(db, firm.scope, date(2027, 12, 31)) == []


async def test_workers_make_the_same_places_at_once(db: Database) -> None:
    """One of them does, the others find them made."""

    async def keep() -> None:
        async with db.transaction() as connection:
            await ledger.keep_months(connection, now=datetime(2029, 1, 5, tzinfo=UTC))

    await asyncio.gather(*(keep() for _ in range(4)))
    async with db.read() as connection:
        assert {"usage_lines_2029_01", "usage_lines_2029_02", "usage_lines_2029_03"} < {*await _places(connection)}


async def test_who_meters_is_not_waited_for_long(firm: Firm) -> None:
    """A month is not dropped while somebody has the ledger in hand: it is given up, and tried again later."""
    inbox = await firm.inbox(None, NOON)
    async with firm.db.transaction() as db:
        await ledger.keep_months(db, now=datetime(2020, 1, 5, tzinfo=UTC))

    async def drop() -> int:
        async with firm.db.transaction() as db:
            return await ledger.keep_months(db, now=NOON)

    async with firm.db.transaction() as busy:
        await usage.meter(busy, [Used(firm.scope.account_id, None, inbox.id, DAY, sent=1)])
        with pytest.raises(Unavailable):
            await drop()
    assert await drop() == 3
    assert len(await _lines(firm)) == 1


async def test_lines_of_a_month_without_a_place_are_kept_elsewhere(firm: Firm) -> None:
    """A server that stood still for a year loses none: they stay where they are, and the month gets no other place."""
    inbox = await firm.inbox(None, NOON)
    await firm.meter(date(2031, 5, 5), inbox, None, sent=1)
    async with firm.db.transaction() as db:
        await ledger.keep_months(db, now=datetime(2031, 5, 6, tzinfo=UTC))
    assert [line[0] for line in await _lines(firm)] == [date(2031, 5, 5)]
    assert "usage_lines_2031_05" not in await _places_of(firm)
    assert "usage_lines_2031_06" in await _places_of(firm)


async def _places_of(firm: Firm) -> list[str]:
    async with firm.db.read() as db:
        return await _places(db)


async def _places(db: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]") -> list[str]:
    rows = await db.fetch(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = 'usage_lines'::regclass order by 1"
    )
    return [row["relname"] for row in rows]
