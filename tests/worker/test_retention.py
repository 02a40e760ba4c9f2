"""What was deleted or has grown old goes, no sooner and no more than that."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from daimon.accounts import retention as responses
from daimon.audit.service import Trail
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.events import retention as events
from daimon.inboxes import retention as old_inboxes
from daimon.inboxes.models import Inbox
from daimon.inboxes.repository import InboxRepository
from daimon.kit import ids
from daimon.messages import retention as old_messages
from daimon.messages import service as messages
from daimon.quotas import retention as quotas
from daimon.threads import retention as old_threads
from daimon.threads import service as threads
from daimon.worker import janitor

from .conftest import House
from .mails import mail

Forget = Callable[..., Awaitable[int]]
DAY = timedelta(days=1)
KEPT = {table: f"select count(*) from {table}" for table in ("messages", "mail_contents", "raw_mails", "threads")}


async def run(house: House, *forgetting: Forget, limit: int = 100) -> None:
    """Clean up as the janitor does."""
    for forget in forgetting:
        async with house.db.transaction() as db:
            await forget(db, now=house.clock(), limit=limit)


async def erase(house: House) -> None:
    """Erase what was deleted."""
    await run(house, old_messages.erase, old_threads.erase, old_inboxes.erase)


async def left(house: House) -> dict[str, object]:
    """Count the rows that hold mail."""
    return {table: await house.value(sql) for table, sql in KEPT.items()}


async def delete_message(house: House, inbox: Inbox, subject: str) -> None:
    [found] = [message for message in await house.messages(inbox) if message.subject == subject]
    async with house.db.transaction() as db:
        await messages.delete(db, Scope(inbox.account_id), inbox.id, found.id)
    # The service dates a deletion by the database's clock; the test moves its own.
    await house.do("update messages set deleted_at = $2 where id = $1", found.id, house.clock())
    await house.do(
        "update threads set deleted_at = $2 where id = $1 and deleted_at is not null", found.thread_id, house.clock()
    )


async def delete_inbox(house: House, inbox: Inbox) -> None:
    async with house.db.transaction() as db:
        await InboxRepository(db, Scope(inbox.account_id)).delete(inbox, house.clock())


async def test_a_deleted_message_is_erased_after_thirty_days(house: House) -> None:
    """Row, contents, octets and its empty thread; until then all are kept."""
    inbox = await house.open_inbox()
    await house.deliver(mail("Kept"), inbox)
    await house.deliver(mail("Gone"), inbox)
    await delete_message(house, inbox, "Gone")
    house.clock.advance(30 * DAY)
    await erase(house)
    assert set((await left(house)).values()) == {2}
    house.clock.advance(timedelta(seconds=1))
    await erase(house)
    assert set((await left(house)).values()) == {1}
    assert await house.subjects(inbox) == ["Kept"]
    assert await house.value("select count(*) from thread_refs") == 1


async def test_octets_stay_while_another_inbox_shows_them(house: House) -> None:
    """They are erased with the last message that needs them."""
    account = await house.open_account()
    first, second = await house.open_inbox(account), await house.open_inbox(account)
    await house.deliver(mail("Both"), first, second)
    await delete_message(house, first, "Both")
    house.clock.advance(31 * DAY)
    await erase(house)
    assert await left(house) == {"messages": 1, "mail_contents": 1, "raw_mails": 1, "threads": 1}
    [message] = await house.messages(second)
    async with house.db.read() as db:
        assert await messages.original(db, Scope(second.account_id), second.id, message.id)
    await delete_message(house, second, "Both")
    house.clock.advance(31 * DAY)
    await erase(house)
    assert set((await left(house)).values()) == {0}


async def test_a_thread_of_which_something_is_left_stays(house: House) -> None:
    """A thread is erased only when it was deleted itself."""
    inbox = await house.open_inbox()
    await house.deliver(mail("One", message_id="<1@a>"), inbox)
    await house.deliver(mail("Two", in_reply_to="<1@a>"), inbox)
    await delete_message(house, inbox, "One")
    house.clock.advance(31 * DAY)
    await erase(house)
    await house.deliver(mail("Three", in_reply_to="<1@a>"), inbox)
    assert len(set((await house.threads(inbox)).values())) == 1


async def test_a_thread_that_came_back_stays(house: House) -> None:
    """A reply to a deleted thread takes it out of what will be erased."""
    inbox = await house.open_inbox()
    await house.deliver(mail("One", message_id="<1@a>"), inbox)
    [thread] = (await house.threads(inbox)).values()
    async with house.db.transaction() as db:
        await threads.delete(db, Scope(inbox.account_id), inbox.id, thread, now=house.clock())
    house.clock.advance(10 * DAY)
    await house.deliver(mail("Two", in_reply_to="<1@a>"), inbox)
    house.clock.advance(31 * DAY)
    await erase(house)
    assert await house.threads(inbox) == {"Two": thread}
    assert await house.value("select count(*) from messages") == 1


async def test_a_deleted_inbox_is_erased_bit_by_bit(house: House) -> None:
    """Its mail first, so many at a time, then the inbox, its threads and its address."""
    inbox, other = await house.open_inbox(), await house.open_inbox()
    for number in range(5):
        await house.accept(mail(f"{number}"), inbox, other)
    await house.lanes.drain()
    await delete_inbox(house, inbox)
    house.clock.advance(30 * DAY)
    await erase(house)
    assert await house.value("select count(*) from messages") == 10
    house.clock.advance(timedelta(seconds=1))
    for remaining in (8, 6, 5):
        await run(house, old_messages.erase, old_threads.erase, old_inboxes.erase, limit=2)
        assert await house.value("select count(*) from messages") == remaining
    await run(house, old_inboxes.erase, limit=2)
    assert await left(house) == {"messages": 5, "mail_contents": 5, "raw_mails": 5, "threads": 5}
    assert await house.rows("select inbox_id from addresses") == [(other.id,)]
    assert await house.rows("select id from inboxes") == [(other.id,)]
    assert await house.value("select count(*) from thread_refs where inbox_id = $1", inbox.id) == 0


async def test_an_address_taken_again_is_not_erased_with_its_first_inbox(house: House) -> None:
    """The account may have made a new inbox under the old name."""
    account = await house.open_account()
    await delete_inbox(house, await house.open_inbox(account, "same"))
    again = await house.open_inbox(account, "same")
    house.clock.advance(31 * DAY)
    await erase(house)
    assert await house.rows("select inbox_id from addresses") == [(again.id,)]
    assert await house.rows("select id from inboxes") == [(again.id,)]


async def test_events_are_kept_thirty_days(house: House) -> None:
    """Numbers go on where they were."""
    inbox = await house.open_inbox()
    await house.deliver(mail("Old"), inbox)
    house.clock.advance(30 * DAY)
    await house.deliver(mail("New"), inbox)
    await run(house, events.forget)
    assert await house.rows("select sequence from events order by 1") == [(1,), (2,)]
    house.clock.advance(timedelta(seconds=1))
    await run(house, events.forget)
    assert await house.rows("select sequence from events") == [(2,)]


async def test_responses_are_kept_a_day(house: House) -> None:
    """So long an Idempotency-Key replays its first response."""
    await house.do("insert into idempotency values ($1, '\\x00', '\\x00', '\\x00', $2)", ids.new(), house.clock())
    house.clock.advance(DAY)
    await run(house, responses.forget_responses)
    assert await house.value("select count(*) from idempotency") == 1
    house.clock.advance(timedelta(seconds=1))
    await run(house, responses.forget_responses)
    assert await house.value("select count(*) from idempotency") == 0


async def test_free_creates_are_kept_while_they_count(house: House) -> None:
    """A network is forgotten an hour after its latest create."""
    now = house.clock()
    times = {"192.0.2.1/32": [now - timedelta(minutes=90)], "192.0.2.2/32": [now - timedelta(minutes=90), now]}
    for network, at in times.items():
        await house.do("insert into free_creates values ($1::text::inet, $2)", network, at)
    await run(house, quotas.forget_free_creates)
    assert await house.rows("select host(network) from free_creates") == [("192.0.2.2",)]


async def test_only_so_much_at_a_time(house: House) -> None:
    """Nobody waits for a large clean-up."""
    for _ in range(5):
        await house.do("insert into idempotency values ($1, '\\x00', '\\x00', '\\x00', $2)", ids.new(), house.clock())
    house.clock.advance(2 * DAY)
    await run(house, responses.forget_responses, limit=3)
    assert await house.value("select count(*) from idempotency") == 2


async def add_responses(house: House, count: int) -> None:
    """Store responses that nobody may replay any more."""
    await house.do(
        "insert into idempotency select gen_random_uuid(), '\\x00', '\\x00', '\\x00', $2"
        " from generate_series(1, $1)",
        count, house.clock() - 2 * DAY,
    )  # fmt: skip


async def test_a_sweep_goes_on_while_there_is_more(house: House) -> None:
    """Many more rows than a batch holds go in one sweep, each table in its turn, each batch in its own transaction."""
    await add_responses(house, 95)
    for number in range(45):
        await house.do(
            "insert into free_creates values (('192.0.2.' || $1::int)::inet, $2)", number, [house.clock() - DAY]
        )
    took: list[tuple[str, int]] = []

    def noted(forget: Forget) -> Forget:
        async def noting(db: Connection, *, now: datetime, limit: int) -> int:
            took.append((forget.__name__, await forget(db, now=now, limit=limit)))
            return took[-1][1]

        return noting

    forgetting = [noted(forget) for forget in (responses.forget_responses, quotas.forget_free_creates)]
    await janitor.sweep(house.db, forgetting, clock=house.clock, stop=asyncio.Event(), limit=20)
    assert took == [
        ("forget_responses", 20), ("forget_free_creates", 20),
        ("forget_responses", 20), ("forget_free_creates", 20),
        ("forget_responses", 20), ("forget_free_creates", 5),
        ("forget_responses", 20), ("forget_responses", 15),
    ]  # fmt: skip
    assert await house.value("select (select count(*) from idempotency) + (select count(*) from free_creates)") == 0


async def test_a_sweep_ends_in_time(house: House) -> None:
    """When its time is over each table has had a turn, and the rest waits for the next sweep."""
    await add_responses(house, 50)
    seconds = iter(range(0, 1000, 6))  # it asks once at the beginning, and after each turn
    await janitor.sweep(
        house.db, [responses.forget_responses], clock=house.clock, stop=asyncio.Event(), limit=10,
        elapsed=lambda: next(seconds),
    )  # fmt: skip
    assert await house.value("select count(*) from idempotency") == 30


async def test_a_sweep_ends_when_asked_to(house: House) -> None:
    """Between two batches, not after all of them."""
    await add_responses(house, 50)
    stop = asyncio.Event()

    async def stopping(db: Connection, *, now: datetime, limit: int) -> int:
        stop.set()
        return await responses.forget_responses(db, now=now, limit=limit)

    forgetting = [stopping, responses.forget_responses]
    await janitor.sweep(house.db, forgetting, clock=house.clock, stop=stop, limit=10)
    assert await house.value("select count(*) from idempotency") == 40


async def test_one_that_fails_keeps_no_other_from_its_work(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told of, and the tables behind it have their turn."""
    await add_responses(house, 5)

    async def failing(db: Connection, *, now: datetime, limit: int) -> int:
        raise ValueError("odd")

    await janitor.sweep(
        house.db, [failing, responses.forget_responses], clock=house.clock, stop=asyncio.Event(), limit=2
    )
    assert await house.value("select count(*) from idempotency") == 0
    assert '"event":"janitor.failed"' in capsys.readouterr().err


async def test_each_tells_how_many_rows_it_took(house: House) -> None:
    """Whatever the table, a full batch is known as one."""
    inboxes = [await house.open_inbox() for _ in range(3)]
    for number, inbox in enumerate(inboxes):
        await house.deliver(mail(f"{number}"), inbox)
        await delete_inbox(house, inbox)
    house.clock.advance(31 * DAY)
    took = []
    for forget in (old_messages.erase, old_inboxes.erase, events.forget):
        for _ in range(2):
            async with house.db.transaction() as db:
                took.append(await forget(db, now=house.clock(), limit=2))
    assert took == [2, 1] * 3


async def test_the_janitor_does_all_of_it(house: House) -> None:
    """It runs at once when the worker starts, and ends when asked to."""
    inbox = await house.open_inbox()
    await house.deliver(mail("Gone"), inbox)
    await delete_inbox(house, inbox)
    await house.do("insert into idempotency values ($1, '\\x00', '\\x00', '\\x00', $2)", ids.new(), house.clock())
    await house.do("insert into last_leases values ($1, $1, $1, now())", ids.new())
    house.clock.advance(31 * DAY)
    stop = asyncio.Event()
    working = asyncio.create_task(janitor.run(house.db, trail=Trail(b"s" * 32), clock=house.clock, stop=stop))
    while await house.value("select exists (select from inboxes)"):
        assert not working.done()
    stop.set()
    await working
    assert set((await left(house)).values()) == {0}
    assert await house.rows("select * from idempotency") == await house.rows("select * from events") == []
    assert await house.rows("select * from last_leases") == []
