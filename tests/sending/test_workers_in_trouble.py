"""Workers whose clock is wrong, whose database is away, whose lines fail in ways nobody foresaw: no mail is stuck."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from daimon.kit.clock import utc_now
from daimon.kit.errors import Unavailable
from daimon.outbound import queue
from daimon.outbound.attempts import Peer
from daimon.outbound.dispatch import FETCHED_OCTETS, Dispatcher
from daimon.outbound.lane import FIRST_LINES, MOST_WAITING
from daimon.outbound.lines import Abandoned, Courier, Letter, Line, Said
from daimon.outbound.return_path import ReturnPaths
from daimon.worker.outbound import InboxesHere

from .conftest import Nowhere, Post
from .test_cancel import cancelled, queued
from .test_cancel_races import LONG


@dataclass
class Taking:
    """A courier that reaches who takes everything. While a gate is shut nothing is opened, or nothing is answered."""

    failures: int = 0  # of so many lines the opening fails
    opens: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    lines: list["TakingLine"] = field(default_factory=list)

    def lane(self, destination: str) -> str:
        """Return the destination itself."""
        return destination

    async def open(self, lane: str) -> Line:
        """Open a line, or fail as a database does that is away when the policy of a domain is looked up."""
        self.asked += 1
        await self.opens.wait()
        if self.failures:
            self.failures -= 1
            raise Unavailable(retry_after=1)
        self.lines.append(TakingLine(self.answers))
        return self.lines[-1]


@dataclass
class TakingLine:
    """A line to who takes everything."""

    answers: asyncio.Event
    peer: Peer = field(default_factory=lambda: Peer("mx.test"))
    sent: list[str] = field(default_factory=list)
    closed: bool = False

    async def send(self, letter: Letter, may_finish: Callable[[], bool]) -> list[Said]:
        """Have a mail taken."""
        if not may_finish():
            raise Abandoned
        self.sent.extend(letter.recipients)
        await self.answers.wait()
        return [Said(250, "2.0.0", "taken") for _ in letter.recipients]

    async def close(self) -> None:
        """Hang up."""
        self.closed = True


def dispatcher(post: Post, courier: Courier, clock: Callable[[], datetime] = utc_now) -> Dispatcher:
    """A worker whose steps a test takes."""
    db = post.edge.database
    return Dispatcher(db, InboxesHere(db, "daimon.email", ReturnPaths(b"s" * 32)), courier, clock)


async def more_of(post: Post, mails: int) -> None:
    """Queue copies of the one mail that is queued, until there are so many."""
    await post.execute(
        """
        with copies as materialized (
            select gen_random_uuid() as copy, n || '@' || destination as name, q.*
            from outbound_queue q, generate_series(2, $1) n
        ), raw as (
            insert into raw_mails (account_id, id, octets)
            select c.account_id, c.copy, r.octets from copies c
            join raw_mails r on r.account_id = c.account_id and r.id = c.raw_id
        )
        insert into outbound_queue (account_id, id, message_id, inbox_id, raw_id, mail_from, recipient, destination,
                                    smtputf8, size, queued_at, due_at)
        select account_id, copy, message_id, inbox_id, copy, mail_from, name, destination, smtputf8, size, queued_at,
               due_at
        from copies
        """,
        mails,
    )


async def until(what: Callable[[], bool]) -> None:
    """Return once something is so."""
    async with asyncio.timeout(20):
        while not what():  # noqa: ASYNC110 - several tasks have their share in it
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("hours", [-5, 5])
async def test_a_clock_that_is_hours_off_puts_off_as_long_as_any(post: Post, hours: int) -> None:
    """The wait for the next attempt is 30 seconds of the database's, neither none nor five hours."""
    working = dispatcher(post, Nowhere(), lambda: utc_now() + timedelta(hours=hours))
    sent = await post.sent(to="a@example.net")
    assert await working.take() == 1
    await post.until(sent["id"], "deferred")
    await working.close()
    async with post.edge.database.read() as db:
        left: timedelta = await db.fetchval("select due_at - now() from outbound_queue")
    assert timedelta(0) < left <= timedelta(seconds=33)


async def test_a_lane_whose_lines_all_failed_is_served_again(post: Post) -> None:
    """It holds as much as it may, so that no mail that comes wakes it, and its leases are renewed."""
    courier = Taking(failures=FIRST_LINES)
    courier.answers.set()
    working = dispatcher(post, courier)
    await post.sent(to="a@example.net")
    mails = 2 * MOST_WAITING
    await more_of(post, mails)
    while await working.take():
        await until(lambda: courier.asked == FIRST_LINES)
    courier.opens.set()
    await until(lambda: not courier.failures)
    async with asyncio.timeout(20):
        while await queued(post) > FIRST_LINES:  # theirs wait for the ends of their leases
            await working.renew()
            await working.take()
            await asyncio.sleep(0.02)
    await working.close()
    assert sum(len(line.sent) for line in courier.lines) == mails - FIRST_LINES


async def test_no_line_is_left_open_whose_mail_could_not_be_fetched(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large mail is fetched last, when the line is open already, and the database may be away by then."""

    async def away(*_: object) -> bytes | None:
        raise Unavailable(retry_after=1)

    monkeypatch.setattr(queue, "octets_of", away)
    courier = Taking()
    courier.opens.set()
    working = dispatcher(post, courier)
    await post.sent(to="a@example.net")
    await post.execute("update outbound_queue set size = $1", FETCHED_OCTETS + 1)
    assert await working.take() == 1
    await until(lambda: bool(courier.lines))
    await working.close()
    assert [line.closed for line in courier.lines] == [True]
    assert await queued(post) == 1


async def test_what_is_under_way_is_finished_though_the_rest_cannot_be_given_back(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the mail would be sent a second time: its server has it, and nobody would write that down."""

    async def away(*_: object) -> None:
        raise Unavailable(retry_after=1)

    monkeypatch.setattr(queue, "give_back", away)
    courier = Taking()
    courier.opens.set()
    working = dispatcher(post, courier)
    await post.sent(to="a@example.net")
    await more_of(post, FIRST_LINES + 1)
    while await working.take():
        pass
    await until(lambda: sum(len(line.sent) for line in courier.lines) == FIRST_LINES)
    closing = asyncio.create_task(working.close())
    await asyncio.sleep(0)
    courier.answers.set()
    await closing
    assert await queued(post) == 1


async def test_a_mail_to_an_inbox_here_that_cannot_be_fetched_ends_no_other(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that stops waits for what is under way to servers elsewhere, whatever becomes of mail that stays."""
    asked, away = asyncio.Event(), asyncio.Event()

    async def octets_of(*_: object) -> bytes | None:
        asked.set()
        await away.wait()
        raise Unavailable(retry_after=1)

    monkeypatch.setattr(queue, "octets_of", octets_of)
    courier = Taking()
    courier.opens.set()
    working = dispatcher(post, courier)
    await post.sent(to="a@example.net")
    await post.sent(to=post.email)
    await post.execute("update outbound_queue set size = $1 where recipient = $2", FETCHED_OCTETS + 1, post.email)
    while await working.take():
        pass
    await until(lambda: asked.is_set() and bool(courier.lines and courier.lines[0].sent))
    closing = asyncio.create_task(working.close())
    away.set()
    await asyncio.sleep(0.1)  # longer than the failure takes
    courier.answers.set()
    await closing
    assert await queued(post) == 1


async def test_a_host_that_was_suspended_finishes_nothing(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """Meanwhile its leases ran out and the mail was taken back, though its monotonic clock stood still."""
    courier = Taking()
    courier.answers.set()
    working = dispatcher(post, courier)
    sent = await post.sent(to="a@example.net")
    assert await working.take() == 1
    await until(lambda: courier.asked == 1)
    await post.execute("update outbound_queue set due_at = now()")
    read = time.clock_gettime
    monkeypatch.setattr(time, "clock_gettime", lambda clock: read(clock) + LONG * (clock == time.CLOCK_BOOTTIME))
    await cancelled(post, sent["id"])
    courier.opens.set()
    await until(lambda: bool(courier.lines))
    await working.close()
    assert [line.sent for line in courier.lines] == [[]]


async def test_who_may_have_a_mail_twice_is_told(post: Post) -> None:
    """By the attempt after a worker was lost that had it in hand; the one after that knows of no doubt."""
    lost = dispatcher(post, Taking())
    sent = await post.sent(to="a@example.net")
    assert await lost.take() == 1
    await post.execute("update outbound_queue set due_at = now()")
    away = dispatcher(post, Nowhere())
    assert await away.wake() == 1
    assert await away.take() == 1
    await post.until(sent["id"], "deferred")
    await away.close()
    await post.execute("update outbound_queue set due_at = now()")
    courier = Taking()
    courier.opens.set()
    courier.answers.set()
    working = dispatcher(post, courier)
    assert await working.wake() == 1
    assert await working.take() == 1
    [delivery] = await post.until(sent["id"], "delivered")
    await working.close()
    assert [(each["outcome"], each["ambiguous"]) for each in delivery["attempts"]] == [
        ("deferred", True),
        ("delivered", False),
    ]
