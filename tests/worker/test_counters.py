"""Counters of inboxes and threads are what counting would say, whatever is done in whatever order."""

import asyncio
from collections.abc import Awaitable, Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daimon.db.engine import Connection, Database
from daimon.db.scope import Scope
from daimon.inbound import understanding
from daimon.inbound.models import QueuedMail, ReadMail
from daimon.inbound.pipeline import show
from daimon.inboxes.models import Inbox
from daimon.kit import ids
from daimon.messages import service as messages
from daimon.messages.models import MessageChange
from daimon.threads import service as threads
from daimon.threads.service import ThreadChange

from .conftest import House
from .mails import mail

# Inboxes whose counters, or threads whose counters or presence, differ from their messages.
WRONG = """
with seen as (select * from messages where deleted_at is null)
select 'inbox', i.id from inboxes i cross join lateral (
    select count(*) as all, count(*) filter (where not read) as unread, count(distinct thread_id) as threads
    from seen where inbox_id = i.id) n
where (i.message_count, i.unread_count, i.thread_count) is distinct from (n.all, n.unread, n.threads)
union all
select 'thread', t.id from threads t cross join lateral (
    select count(*) as all, count(*) filter (where not read) as unread from seen where thread_id = t.id) n
where (t.message_count, t.unread_count, t.deleted_at is null) is distinct from (n.all, n.unread, n.all > 0)
"""

number = st.integers(0, 7)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.lists(st.tuples(number, st.booleans()), min_size=1, max_size=4)),
        st.tuples(st.sampled_from(["read", "unread", "delete"]), number),
        st.tuples(st.sampled_from(["read thread", "unread thread", "delete thread"]), number),
    ),
    max_size=12,
)


async def arrive(db: Connection, inbox: Inbox, octets: bytes) -> ReadMail:
    """Bring one mail to where it can be shown."""
    id_ = ids.new()
    await db.execute("insert into raw_mails values ($1, $2, $3)", inbox.account_id, id_, octets)
    recipients = ((inbox.email, inbox.id),)
    queued = QueuedMail(
        inbox.account_id, id_, None, recipients, "::1", "x", len(octets), inbox.created_at, octets=octets
    )
    return ReadMail(queued, understanding.fully(octets))


async def do(db: Connection, inbox: Inbox, step: tuple[str, object]) -> None:
    """Do one thing to an inbox; a message or thread is chosen by its place."""
    scope, (what, which) = Scope(inbox.account_id), step
    if what == "arrive":
        batch = [
            await arrive(
                db, inbox, mail(f"{n}", in_reply_to=f"<{n}@a>") if reply else mail(f"{n}", message_id=f"<{n}@a>")
            )
            for n, reply in which  # type: ignore[attr-defined]
        ]
        await show(db, batch)
        return
    table = "threads" if "thread" in what else "messages"
    found = await db.fetch(f"select id from {table} where inbox_id = $1 and deleted_at is null order by id", inbox.id)
    if not found:
        return
    chosen = found[int(str(which)) % len(found)]["id"]
    acts: dict[str, Callable[[], Awaitable[object]]] = {
        "read": lambda: messages.change(db, scope, inbox.id, chosen, MessageChange(read=True)),
        "unread": lambda: messages.change(db, scope, inbox.id, chosen, MessageChange(read=False, labels=["x"])),
        "delete": lambda: messages.delete(db, scope, inbox.id, chosen),
        "read thread": lambda: threads.change(
            db, scope, inbox.id, chosen, ThreadChange(read=True), now=inbox.created_at
        ),
        "unread thread": lambda: threads.change(
            db, scope, inbox.id, chosen, ThreadChange(read=False), now=inbox.created_at
        ),
        "delete thread": lambda: threads.delete(db, scope, inbox.id, chosen, now=inbox.created_at),
    }
    await acts[what]()


async def test_counters_are_what_counting_says(house: House) -> None:
    """After every step of any course."""

    async def course(taken: list[tuple[str, object]]) -> None:
        inbox = await house.open_inbox()
        for step in taken:
            async with house.db.transaction() as db:
                await do(db, inbox, step)
            assert await house.rows(WRONG) == [], step

    await with_examples(course, steps, most=60)


async def with_examples(
    test: Callable[..., Awaitable[None]], strategy: st.SearchStrategy[object], *, most: int
) -> None:
    """Run a coroutine function with examples of a strategy, all in this event loop."""
    loop = asyncio.get_running_loop()

    @settings(max_examples=most, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def examine(example: object) -> None:
        asyncio.run_coroutine_threadsafe(test(example), loop).result(60)  # type: ignore[arg-type]

    await asyncio.to_thread(examine)


async def test_counters_hold_when_everything_happens_at_once(house: House) -> None:
    """Arrivals, reads and deletions in parallel: each locks the inbox first, so none waits for another in a ring."""
    inbox = await house.open_inbox()
    await house.deliver(mail("0", message_id="<0@a>"), inbox)

    async def one(db: Database, step: tuple[str, object]) -> None:
        async with db.transaction() as connection:
            await do(connection, inbox, step)

    acts = [
        ("arrive", [(n % 3, n % 2 == 0)]) if n % 2 else (("read", "unread", "read thread", "delete")[n // 2 % 4], n % 5)
        for n in range(80)
    ]
    outcomes = await asyncio.gather(*(one(house.db, step) for step in acts), return_exceptions=True)
    lost = [type(o).__name__ for o in outcomes if o is not None]
    assert set(lost) <= {"MessageNotFound", "ThreadNotFound"}, lost  # deleted by another meanwhile
    assert await house.rows(WRONG) == []
