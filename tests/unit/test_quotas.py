"""Every limit holds exactly: of N uses at once against k, k are granted, over several connections."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.accounts.models import Account, AccountStatus, Tier
from daimon.db.engine import Connection, Database
from daimon.db.scope import Scope
from daimon.events.models import EventType
from daimon.kit import ids
from daimon.kit.errors import DaimonError, Invalid, PaymentRequired, TooManyRequests
from daimon.quotas import errors, leases, rates, retention, sends, service
from daimon.quotas.errors import (
    BurstLimitExceeded,
    ConcurrencyLimitExceeded,
    DailySendsExceeded,
    DomainLimitReached,
    DomainRequiresPaid,
    InboxCreateRateLimited,
    InboxLimitReached,
    PodDailySendsExceeded,
    PodMayNotSend,
    SendRequiresPaid,
)
from daimon.quotas.service import Quota
from daimon.quotas.tiers import TIERS, TierLimits, read_tiers
from daimon.quotas.warnings import crossed

NOON = datetime(2026, 3, 16, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 17, tzinfo=UTC)
AT_ONCE = 24
PAID = TIERS[Tier.DEVELOPER]
Use = Callable[[Connection, Account, TierLimits], Awaitable[object]]


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A database with eight connections."""
    opened = await Database.open(database_url, connections=8)
    yield opened
    await opened.close()


def account(tier: Tier = Tier.DEVELOPER) -> Account:
    return Account(ids.new(), tier, AccountStatus.ACTIVE, None, NOON)


async def outcomes(db: Database, uses: int, use: Callable[[Connection], Awaitable[object]]) -> list[object]:
    """Use something so many times at once, each in a transaction of its own; return results and refusals."""

    async def once() -> object:
        try:
            async with db.transaction() as connection:
                return await use(connection)
        except DaimonError as error:
            return error

    return list(await asyncio.gather(*(once() for _ in range(uses))))


def refused(results: Sequence[object]) -> list[DaimonError]:
    return [each for each in results if isinstance(each, DaimonError)]


async def _send(db: Connection, who: Account, limits: TierLimits) -> object:
    return await sends.spend(db, who, limits, None, None, recipients=1, now=NOON)


async def _send_in_a_pod(db: Connection, who: Account, limits: TierLimits) -> object:
    most = limits.max_sends_per_day
    return await sends.spend(db, who, PAID, most, UUID(int=who.account_id.int ^ 1), recipients=1, now=NOON)


async def _create_free(db: Connection, who: Account, limits: TierLimits) -> object:
    client = ip_address(who.account_id.int)  # an IPv6 address of its own
    return await service.spend_free_create(db, client, limit=limits.max_inboxes or 0, now=NOON)


def with_every_figure(k: int) -> TierLimits:
    return TierLimits(900, k, k, k, k, True, k)


@pytest.mark.parametrize("k", [1, 2, 7, 23])
@pytest.mark.parametrize(
    ("use", "refusal"),
    [
        (service.spend_inbox, InboxLimitReached),
        (service.spend_domain, DomainLimitReached),
        (_create_free, InboxCreateRateLimited),
        (_send, DailySendsExceeded),
        (_send_in_a_pod, PodDailySendsExceeded),
        (lambda db, who, limits: rates.spend(db, who, limits, now=NOON), BurstLimitExceeded),
        (lambda db, who, limits: leases.take(db, who, limits, now=NOON), ConcurrencyLimitExceeded),
    ],
    ids=["inboxes", "domains", "free creates", "sends", "sends of a pod", "burst", "concurrent sends"],
)
async def test_k_of_many_at_once_are_granted(db: Database, use: Use, refusal: type[DaimonError], k: int) -> None:
    """Exactly k, whatever the order; the others are told the same, and what helps: money or time, not both."""
    who, limits = account(), with_every_figure(k)
    results = await outcomes(db, AT_ONCE, lambda connection: use(connection, who, limits))
    refusals = refused(results)
    assert len(refusals) == AT_ONCE - k
    assert {type(error) for error in refusals} == {refusal}
    for error in refusals:
        assert isinstance(error, PaymentRequired | TooManyRequests)
        assert error.current_usage
        if isinstance(error, TooManyRequests):
            assert error.rate_limit
            assert error.retry_after == error.rate_limit.reset
            assert error.rate_limit.remaining == 0


@pytest.mark.parametrize("use", [service.spend_inbox, service.spend_domain, _send, _send_in_a_pod])
async def test_what_was_rolled_back_was_not_spent(db: Database, use: Use) -> None:
    """A use that fails after it was counted gives its place back."""
    who, limits = account(), with_every_figure(1)

    async def fail() -> None:
        async with db.transaction() as connection:
            await use(connection, who, limits)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with db.transaction() as connection:
        await use(connection, who, limits)


async def test_a_deleted_inbox_and_domain_leave_a_place(db: Database) -> None:
    """Given back is free again, and never less than nothing."""
    who, limits = account(), with_every_figure(1)
    scope = Scope(who.account_id)
    async with db.transaction() as connection:
        for spend, give_back, quota in (
            (service.spend_inbox, service.return_inbox, Quota.INBOXES),
            (service.spend_domain, service.return_domain, Quota.DOMAINS),
        ):
            for _ in range(2):
                assert await spend(connection, who, limits) == 1
                await give_back(connection, scope)
            await give_back(connection, scope)
            assert await service.used(connection, scope, quota) == 0


async def test_more_than_a_lower_tier_allows_stays_and_is_told(db: Database) -> None:
    """After a downgrade there are more than the limit; the next one is refused with the true number."""
    who = account(Tier.FREE)
    async with db.transaction() as connection:
        for _ in range(12):
            await service.spend_inbox(connection, who, PAID)
        with pytest.raises(InboxLimitReached) as told:
            await service.spend_inbox(connection, who, TIERS[Tier.FREE])
    assert told.value.current_usage == {"current_inboxes": 12, "max_inboxes": 10}


@pytest.mark.parametrize("tier", Tier)
async def test_the_table_says_who_may_send_and_have_domains(db: Database, tier: Tier) -> None:
    """402 on the free tier: more money helps."""
    who, limits = account(tier), TIERS[tier]
    async with db.transaction() as connection:
        if tier is not Tier.FREE:
            await sends.spend(connection, who, limits, None, None, recipients=1, now=NOON)
            await leases.take(connection, who, limits, now=NOON)
            await service.spend_domain(connection, who, limits)
            return
        for refusal, use in (
            (SendRequiresPaid, sends.spend(connection, who, limits, 5, ids.new(), recipients=1, now=NOON)),
            (SendRequiresPaid, leases.take(connection, who, limits, now=NOON)),
            (DomainRequiresPaid, service.spend_domain(connection, who, limits)),
        ):
            with pytest.raises(refusal) as told:
                await use
            assert told.value.status == 402


# Sends of a day


async def test_the_day_turns_at_midnight_utc(db: Database) -> None:
    """Whatever the clock's zone; the wait that was told ends there."""
    who, limits = account(), with_every_figure(3)
    late = MIDNIGHT - timedelta(seconds=90)
    async with db.transaction() as connection:
        await sends.spend(connection, who, limits, None, None, recipients=3, now=late)
        with pytest.raises(DailySendsExceeded) as told:
            await sends.spend(connection, who, limits, None, None, recipients=1, now=late)
        assert told.value.retry_after == 90
        assert told.value.current_usage == {"current_sends_today": 3, "max_sends_per_day": 3}
        elsewhere = MIDNIGHT.astimezone(timezone(timedelta(hours=-8)))
        spent = await sends.spend(connection, who, limits, None, None, recipients=2, now=elsewhere)
        assert spent.today == 2
        assert spent.rate_limit
        assert (spent.rate_limit.remaining, spent.rate_limit.reset) == (1, 86400)
        assert await sends.used_today(connection, Scope(who.account_id), now=MIDNIGHT) == 2
        assert await sends.used_today(connection, Scope(who.account_id), now=MIDNIGHT + timedelta(days=1)) == 0


async def test_a_late_clock_does_not_begin_yesterday_again(db: Database) -> None:
    """Two processes around midnight: what the second counts goes into the new day too."""
    who, limits = account(), with_every_figure(3)
    async with db.transaction() as connection:
        await sends.spend(connection, who, limits, None, None, recipients=2, now=MIDNIGHT)
        late = MIDNIGHT - timedelta(milliseconds=5)
        assert (await sends.spend(connection, who, limits, None, None, recipients=1, now=late)).today == 3
        with pytest.raises(DailySendsExceeded):
            await sends.spend(connection, who, limits, None, None, recipients=1, now=late)


async def test_a_pod_that_refuses_costs_the_account_nothing(db: Database) -> None:
    """Either both are counted or neither, even if the transaction goes on; a sibling pod has its own count."""
    who, pod, sibling = account(), ids.new(), ids.new()
    scope = Scope(who.account_id)
    async with db.transaction() as connection:
        await sends.spend(connection, who, PAID, 2, pod, recipients=2, now=NOON)
        with pytest.raises(PodDailySendsExceeded) as told:
            await sends.spend(connection, who, PAID, 2, pod, recipients=1, now=NOON)
        await sends.spend(connection, who, PAID, 2, sibling, recipients=1, now=NOON)
        assert await sends.used_today(connection, scope, now=NOON) == 3
        assert await sends.used_today(connection, scope, pod_id=pod, now=NOON) == 2
    assert told.value.current_usage == {"current_sends_today": 2, "max_sends_per_day": 2}


async def test_many_recipients_at_once_stop_exactly(db: Database) -> None:
    """Sends to three people against a quota of ten: three fit, and nine are counted."""
    who, limits = account(), with_every_figure(10)
    results = await outcomes(
        db, AT_ONCE, lambda connection: sends.spend(connection, who, limits, None, None, recipients=3, now=NOON)
    )
    assert len(results) - len(refused(results)) == 3
    async with db.read() as connection:
        assert await sends.used_today(connection, Scope(who.account_id), now=NOON) == 9


async def test_what_no_wait_would_let_through_is_not_429(db: Database) -> None:
    """More recipients than a whole day allows, and a pod that may not send at all."""
    who, limits, pod = account(), with_every_figure(10), ids.new()
    async with db.transaction() as connection:
        for pod_limit, refusal in ((None, Invalid), (5, Invalid), (0, PodMayNotSend)):
            with pytest.raises(refusal):
                await sends.spend(connection, who, limits, pod_limit, pod, recipients=11, now=NOON)
        assert await sends.used_today(connection, Scope(who.account_id), now=NOON) == 0


# Bursts


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
        async with leases.held(db, who, limits, clock=lambda: NOON):
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


# Warnings


@given(limit=st.integers(1, 300), steps=st.lists(st.integers(1, 40), max_size=60))
def test_each_threshold_is_told_of_once(limit: int, steps: list[int]) -> None:
    """On the way up to the limit, in steps of any size; a step over both tells of all of it."""
    used, told = 0, []
    for step in steps:
        if used + step > limit:
            continue
        if event := crossed(ids.new(), "inboxes", used, used + step, limit, NOON):
            assert event.event is EventType.LIMIT_WARNING
            told.append(json.loads(event.data)["limit"])
        used += step
    assert [each["percent"] for each in told] == sorted({each["percent"] for each in told})
    assert (100 in [each["percent"] for each in told]) == (used == limit)
    assert bool(told) == (used * 100 >= limit * 80)
    assert all(each["used"] * 100 >= each["percent"] * limit for each in told)


@pytest.mark.parametrize("limit", [None, 0])
def test_nothing_is_told_where_nothing_is_limited(limit: int | None) -> None:
    """Unlimited, and a limit that lets nothing through."""
    assert crossed(ids.new(), "inboxes", 0, 100, limit, NOON) is None


async def test_sends_are_warned_of_once_a_day(db: Database) -> None:
    """At 80 % and at 100 %, of the account and of the pod; the next day again. Of many at once, one is told."""
    who, pod = account(), ids.new()

    async def told(now: datetime) -> list[tuple[bool, int]]:
        results = await outcomes(
            db, 10, lambda c: sends.spend(c, who, with_every_figure(10), 5, pod, recipients=1, now=now)
        ) + await outcomes(
            db, 10, lambda c: sends.spend(c, who, with_every_figure(10), None, None, recipients=1, now=now)
        )
        events = [event for each in results if isinstance(each, sends.Spent) for event in each.warnings]
        return sorted((event.pod_id == pod, json.loads(event.data)["limit"]["percent"]) for event in events)

    assert await told(NOON) == [(False, 80), (False, 100), (True, 80), (True, 100)]
    assert await told(NOON) == []
    assert await told(MIDNIGHT) == [(False, 80), (False, 100), (True, 80), (True, 100)]


# The table


def test_the_table_is_documented() -> None:
    """In docs/reference/limits.md, figure by figure."""

    def figure(value: int | None) -> str:
        return "unlimited" if value is None else f"{value:,}"

    page = (Path(__file__).parents[2] / "docs/reference/limits.md").read_text("utf-8")
    for tier, limits in TIERS.items():
        sends_a_day = "0 (receives only)" if limits.max_sends_per_day == 0 else figure(limits.max_sends_per_day)
        cells = [
            tier,
            "custom" if limits.price_cents is None else f"${limits.price_cents // 100}",
            figure(limits.max_inboxes),
            sends_a_day,
            figure(limits.burst_per_minute),
            figure(limits.concurrent_sends) if limits.concurrent_sends else "–",
            "yes" if limits.webhooks_enabled else "no",
            figure(limits.max_custom_domains) if limits.custom_domains_enabled else "no",
        ]
        assert f"\n| {' | '.join(cells)} |\n" in page


def test_every_refusal_is_documented() -> None:
    """With its status, and code if it has one."""
    page = (Path(__file__).parents[2] / "docs/reference/limits.md").read_text("utf-8")
    rows = [[cell.strip() for cell in row.split("|")] for row in page.splitlines()]
    told = {(row[2], row[3], row[4]) for row in rows if len(row) == 7}
    named = {each for each in vars(errors).values() if isinstance(each, type) and each.__module__ == errors.__name__}
    assert len(named) >= 10
    for error in named:
        code = f"`{error.code}`" if error.code else ""
        assert (str(error.status), f"`{error.error}`", code) in told, error


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ('{"free": {"max_inboxes": -1}}', ">= 0"),
        ('{"free": {"burst_per_minute": 0}}', ">= 1"),
        ('{"free": {"burst_per_minute": null}}', "null"),
        ('{"free": {"max_sends_per_day": 5}}', "concurrent_sends"),
        ('{"growth": {"concurrent_sends": 0}}', "concurrent_sends"),
        ('{"growth": {"max_inboxes": 9007199254740992}}', "<= "),
    ],
)
def test_figures_that_do_not_do_are_refused(changes: str, says: str) -> None:
    """Before a server starts with them."""
    with pytest.raises(ValueError, match=says):
        read_tiers(changes)


async def test_an_operator_may_change_every_figure(db: Database) -> None:
    """And the limits follow: a free tier that sends twice a day."""
    changed = read_tiers('{"free": {"max_sends_per_day": 2, "concurrent_sends": 1, "max_custom_domains": 1}}')
    who, limits = account(Tier.FREE), changed[Tier.FREE]
    results = await outcomes(db, 5, lambda connection: _send(connection, who, limits))
    assert len(refused(results)) == 3
    async with db.transaction() as connection:
        assert await service.spend_domain(connection, who, limits) == 1
    assert changed[Tier.GROWTH] == TIERS[Tier.GROWTH]
