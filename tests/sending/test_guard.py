"""The abuse guard: what stops an account from sending, what does not, and that it can go on."""

import asyncio
from collections import deque
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daimon.audit.service import Trail
from daimon.db.engine import Database
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.outbound import guard
from daimon.outbound.guard import LAST, Outcome, body_key

from .conftest import Post, worker
from .peer import ScriptedPeer, usual
from .test_out import delivering

TRAIL = Trail(b"s" * 32)


async def reviewed(post: Post) -> bool:
    """Do one step of the worker's guard."""
    async with post.edge.database.transaction() as db:
        return await guard.review(db, TRAIL, now=utc_now())


async def refused(post: Post) -> dict[str, Any]:
    """Return what a send is answered once the account is under review."""
    await asyncio.sleep(1)  # for so long a key's account is remembered
    answer = await post.send(to="ada@example.com", body="x")
    assert answer.status_code == 403, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_bounces_stop_an_account_until_it_is_looked_at(post: Post) -> None:
    """The eleventh bounce among the last hundred; after that its counts begin anew."""

    def says(command: str, count: int) -> bytes | None:
        return b"550 5.1.1 no such user\r\n" if "gone" in command else usual(command, count)

    async with ScriptedPeer(says) as peer, delivering(post, peer):
        for number in range(10):
            sent = await post.sent(to=f"gone{number}@example.net")
            await post.decided(sent["id"])
        assert not await reviewed(post)
        sent = await post.sent(to=["gone10@example.net", "good@example.net"])
        await post.decided(sent["id"])
    assert await reviewed(post)
    assert (await refused(post))["error"] == "ACCOUNT_UNDER_REVIEW"
    account = await post.get("/v1/account")
    assert account["status"] == "under_review"
    [event] = await post.events("account.under_review")
    assert "(11 of the last 12 bounced, 0 of 1 complained)" in event["account"]["reason"]
    await post.execute("update accounts set status = 'active'")
    assert not await reviewed(post)
    await asyncio.sleep(1)
    assert (await post.send(to="ada@example.com", body="x")).status_code == 202


async def test_one_text_to_fifty_stops_an_account(post: Post) -> None:
    """The send that crosses is taken, the next is not. Numbers make no other text; the simulator is nobody."""
    for number in range(10):
        to = [f"delivered+{n}@simulator.daimon.email" for n in range(10)]
        await post.sent(to=to, body=f"Dear customer {number}, buy now")
    assert not await reviewed(post)
    for number in range(5):
        to = [f"{number}-{n}@example.com" for n in range(10)]
        await post.sent(to=to, body=f"Dear  customer {number}, buy now!")
    assert await reviewed(post)
    assert "one text" in (await post.get("/v1/account"))["status_reason"]
    await refused(post)


async def test_complaints_stop_an_account(post: Post) -> None:
    """Two, if they are more than one in a thousand; the simulator's are none."""
    account_id = await _account_of(post)
    async with worker(post):
        await post.sent(to="complaint@simulator.daimon.email")
        await post.told("message.complained")
    async with post.edge.database.transaction() as db:
        await guard.count(db, [Outcome(account_id)] * 1000 + [Outcome(account_id, complained=True)], now=utc_now())
    assert not await reviewed(post)
    async with post.edge.database.transaction() as db:
        await guard.count(db, [Outcome(account_id, complained=True)], now=utc_now())
    assert await reviewed(post)


async def test_old_windows_are_left_behind(post: Post) -> None:
    """Complaints of two windows ago count no more."""
    account_id, now = await _account_of(post), utc_now()
    async with post.edge.database.transaction() as db:
        await guard.count(db, [Outcome(account_id)] * 100 + [Outcome(account_id, complained=True)], now=now)
        for days in (16, 32):
            await guard.count(db, [Outcome(account_id)], now=now + timedelta(days=days))
        await guard.count(db, [Outcome(account_id, complained=True)], now=now + timedelta(days=33))
    assert not await reviewed(post)


async def test_two_recorders_count_every_outcome(post: Post) -> None:
    """At the same moment, for the same accounts in any order."""
    accounts = [ids.new() for _ in range(5)]

    async def count(order: list[UUID]) -> None:
        async with post.edge.database.transaction() as db:
            await guard.count(db, [Outcome(account) for account in order for _ in range(4)], now=utc_now())

    await asyncio.gather(*(count(accounts[::step]) for step in (1, -1) for _ in range(5)))
    async with post.edge.database.read() as db:
        assert await db.fetchval("select array_agg(distinct handed_over) from send_health") == [40]


@given(batches=st.lists(st.lists(st.booleans(), max_size=60), max_size=8))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_last_hundred_are_counted(database_url: str, batches: list[list[bool]]) -> None:
    """As a plain list of a hundred would."""
    last: deque[bool] = deque(maxlen=LAST)
    account, crossed = ids.new(), False
    db = await Database.open(database_url, connections=1)
    try:
        async with db.read() as connection:
            for batch in batches:
                last.extend(batch)
                crossed = crossed or sum(last) > guard.MOST_BOUNCED
                await guard.count(connection, [Outcome(account, bounced=each) for each in batch], now=utc_now())
            row = await connection.fetchrow("select recent, crossed from send_health where account_id = $1", account)
        shown = "" if row is None else row["recent"]
        assert shown == "".join("1" if each else "0" for each in last)
        assert (row is not None and row["crossed"] is not None) == crossed
    finally:
        await db.close()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Hello Ada 1", "hello  ada, 22!", True),
        ("Hello Ada", "Hello Bob", False),
        ("https://x.example/a1", "https://x.example/a2", True),
    ],
)
def test_texts_are_one_by_their_letters(one: str, other: str, *, same: bool) -> None:
    """Whatever else they differ by; without letters there is no text."""
    assert (body_key(one) == body_key(other)) is same
    assert body_key("1, 2! ") is None


async def _account_of(post: Post) -> UUID:
    async with post.edge.database.read() as db:
        found: UUID = await db.fetchval("select account_id from accounts")
    return found
