"""Bursts come back one by one, and what runs at once is free again, exactly, also under concurrency."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quota_uses import NOON, PAID, account, outcomes, refused, with_every_figure

from daimon.accounts.models import Account
from daimon.db.engine import Database
from daimon.db.scope import Scope
from daimon.quotas import leases, rates, retention, service
from daimon.quotas.errors import (
    BurstLimitExceeded,
    ConcurrencyLimitExceeded,
)

AT_ONCE = 24


async def test_a_burst_comes_back_one_by_one(db: Database) -> None:
    """k at once, then one each 60/k seconds, and the wait that is told is the one that is needed."""
    who, limits = account(), with_every_figure(6)
    async with db.transaction() as connection:
        left = [(await rates.spend(connection, who, limits, now=NOON)).remaining for _ in range(6)]
        assert left == [5, 4, 3, 2, 1, 0]
        with pytest.raises(BurstLimitExceeded) as told:
            await rates.spend(connection, who, limits, now=NOON + timedelta(seconds=1.5))
        assert told.value.retry_after == 9  # 8.5 s are left
        soon = NOON + timedelta(seconds=10)
        assert (await rates.spend(connection, who, limits, now=soon)).remaining == 0
        with pytest.raises(BurstLimitExceeded):
            await rates.spend(connection, who, limits, now=soon)
        assert (await rates.spend(connection, who, limits, now=soon + timedelta(minutes=1))).remaining == 5


@given(st.integers(1, 1_000_000))
def test_a_bucket_holds_what_it_says(uses: int) -> None:
    """For every figure that an operator may choose: k fit, and the next does not."""
    bucket = rates.Bucket(uses)
    assert bucket.one > timedelta(0)
    assert bucket.one * uses <= bucket.whole < bucket.one * (uses + 1)
    assert bucket.whole <= timedelta(minutes=1)
    assert bucket.wait(NOON + bucket.whole, NOON) == max(1, -(-bucket.one // timedelta(seconds=1)))
    assert bucket.rate_limit("sends", NOON + bucket.one, NOON).remaining == uses - 1
    assert bucket.rate_limit("sends", NOON + bucket.whole, NOON).remaining == 0


async def test_full_buckets_are_forgotten(db: Database) -> None:
    """One that has been full for an hour is as good as none."""
    old, young = account(), account()
    async with db.transaction() as connection:
        await rates.spend(connection, old, PAID, now=NOON)
        await rates.spend(connection, young, PAID, now=NOON + timedelta(hours=1))
        await retention.forget_rates(connection, now=NOON + timedelta(hours=1, minutes=1), limit=10)
        kept = await connection.fetch("select account_id from rates")
    assert [row["account_id"] for row in kept] == [young.account_id]


# Leases


async def test_a_lease_that_is_given_back_is_free(db: Database) -> None:
    """Given back twice it is free once."""
    who, limits = account(), with_every_figure(1)
    scope = Scope(who.account_id)
    async with db.transaction() as connection:
        first = await leases.take(connection, who, limits, now=NOON)
        await leases.release(connection, scope, first)
        await leases.release(connection, scope, first)
        await leases.take(connection, who, limits, now=NOON)
        with pytest.raises(ConcurrencyLimitExceeded) as told:
            await leases.take(connection, who, limits, now=NOON)
    assert told.value.retry_after == 1


async def test_the_leases_of_a_dead_process_are_free_in_time(db: Database) -> None:
    """All who wait get them at once, exactly as many; a late return of a dead one's lease changes nothing."""
    who, limits = account(), with_every_figure(5)
    async with db.transaction() as connection:
        dead = [await leases.take(connection, who, limits, now=NOON) for _ in range(5)]
    later = NOON + leases.LASTS
    results = await outcomes(db, AT_ONCE, lambda connection: leases.take(connection, who, limits, now=later))
    assert len(results) - len(refused(results)) == 5
    async with db.transaction() as connection:
        for lease_id in dead:
            await leases.release(connection, Scope(who.account_id), lease_id)
    assert await numbers(db, who) == (5, 5)


async def test_taking_giving_back_and_clearing_away_at_once(db: Database) -> None:
    """Nobody waits for another in a circle, and the number stays that of the leases."""
    who, limits = account(), with_every_figure(4)

    async def one(turn: int) -> None:
        async with db.transaction() as connection:
            try:
                now = NOON + turn * leases.LASTS / 40
                lease_id = await leases.take(connection, who, limits, now=now)
            except ConcurrencyLimitExceeded:
                return
        if turn % 3:
            async with db.transaction() as connection:
                await leases.release(connection, Scope(who.account_id), lease_id)
        if turn % 10 == 0:
            async with db.transaction() as connection:
                await retention.forget_leases(connection, now=now, limit=100)

    await asyncio.gather(*(one(turn) for turn in range(200)))
    counted, held = await numbers(db, who)
    assert counted == held <= 4


async def test_a_lease_is_held_for_a_block(db: Database) -> None:
    """Also when the block fails; others are refused meanwhile."""
    who, limits = account(), with_every_figure(1)

    async def fail(*, inside: Callable[[], Awaitable[None]]) -> None:
        async with leases.Leases(lambda _: db.read(), lambda: NOON).held(who, limits):
            await inside()

    async def nothing() -> None:
        raise AssertionError

    async def refused_one() -> None:
        with pytest.raises(ConcurrencyLimitExceeded):
            await fail(inside=nothing)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail(inside=refused_one)
    assert await numbers(db, who) == (0, 0)


async def test_expired_leases_are_cleared_away(db: Database) -> None:
    """Also of accounts that never send again."""
    quiet, busy = account(), account()
    async with db.transaction() as connection:
        for _ in range(3):
            await leases.take(connection, quiet, PAID, now=NOON)
        await leases.take(connection, busy, PAID, now=NOON + timedelta(minutes=3))
        await retention.forget_leases(connection, now=NOON + leases.LASTS, limit=10)
    assert await numbers(db, quiet) == (0, 0)
    assert await numbers(db, busy) == (1, 1)


async def numbers(db: Database, who: Account) -> tuple[int, int]:
    """Return how many leases are counted, and how many there are."""
    async with db.read() as connection:
        counted = await service.used(connection, Scope(who.account_id), leases.Lease.SENDS)  # type: ignore[arg-type]
        held = await connection.fetchval("select count(*) from leases where account_id = $1", who.account_id)
    return counted, held
