"""Every limit holds exactly: of N uses at once against k, k are granted, over several connections."""

from collections.abc import Awaitable, Callable
from datetime import timedelta, timezone
from ipaddress import ip_address
from uuid import UUID

import pytest
from quota_uses import MIDNIGHT, NOON, PAID, account, outcomes, refused, send, with_every_figure

from daimon.accounts.models import Account, Tier
from daimon.db.engine import Connection, Database
from daimon.db.scope import Scope
from daimon.kit import ids
from daimon.kit.errors import DaimonError, Invalid, PaymentRequired, TooManyRequests
from daimon.quotas import leases, pods, rates, sends, service, webhooks
from daimon.quotas.errors import (
    BurstLimitExceeded,
    ConcurrencyLimitExceeded,
    DailySendsExceeded,
    DomainLimitReached,
    DomainRequiresPaid,
    InboxCreateRateLimited,
    InboxLimitReached,
    PodDailySendsExceeded,
    PodLimitReached,
    PodMayNotSend,
    SendRequiresPaid,
)
from daimon.quotas.service import Quota
from daimon.quotas.tiers import TIERS, TierLimits

AT_ONCE = 24
Use = Callable[[Connection, Account, TierLimits], Awaitable[object]]


async def _send_in_a_pod(db: Connection, who: Account, limits: TierLimits) -> object:
    most = limits.max_sends_per_day
    return await sends.spend(db, who, PAID, most, UUID(int=who.account_id.int ^ 1), recipients=1, now=NOON)


async def _create_free(db: Connection, who: Account, limits: TierLimits) -> object:
    client = ip_address(who.account_id.int)  # an IPv6 address of its own
    return await service.spend_free_create(db, client, limit=limits.max_inboxes or 0, now=NOON)


# By figure of the table of tiers, and what else is counted.
USES: dict[str, tuple[Use, type[DaimonError]]] = {
    "max_inboxes": (service.spend_inbox, InboxLimitReached),
    "max_custom_domains": (service.spend_domain, DomainLimitReached),
    "max_sends_per_day": (send, DailySendsExceeded),
    "burst_per_minute": (lambda db, who, limits: rates.spend(db, who, limits, now=NOON), BurstLimitExceeded),
    "concurrent_sends": (lambda db, who, limits: leases.take(db, who, limits, now=NOON), ConcurrencyLimitExceeded),
    "free creates": (_create_free, InboxCreateRateLimited),
    "sends of a pod": (_send_in_a_pod, PodDailySendsExceeded),
}


@pytest.mark.parametrize("k", [1, 2, 7, 23])
@pytest.mark.parametrize(("use", "refusal"), USES.values(), ids=USES)
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


@pytest.mark.parametrize("k", [1, 2, 7, 23])
async def test_k_places_of_a_pod_are_given(db: Database, k: int) -> None:
    """Exactly k inboxes of a pod and k webhooks, of many at once; neither money nor waiting helps the others."""
    who, pod = account(), ids.new()
    scope = Scope(who.account_id)
    results = await outcomes(db, AT_ONCE, lambda connection: pods.take_place(connection, scope, pod, k))
    assert [type(error) for error in refused(results)] == [PodLimitReached] * (AT_ONCE - k)
    for holder in (pod, None):
        taken = await outcomes(
            db, AT_ONCE, lambda connection, holder=holder: webhooks.take_place(connection, scope, holder, most=k)
        )
        assert sorted(map(bool, taken)) == [False] * (AT_ONCE - k) + [True] * k
    async with db.transaction() as connection:
        for holder in (pod, None):
            await webhooks.leave_place(connection, scope, holder)
            assert await webhooks.take_place(connection, scope, holder, most=k)
        await pods.leave_place(connection, scope, pod)
        await pods.take_place(connection, scope, pod, k)
        with pytest.raises(PodLimitReached):
            await pods.take_place(connection, scope, pod, k)


def test_every_figure_of_the_table_is_tried_above() -> None:
    """A figure that is added to the table needs a use that is tried against it; a price and a switch do not."""
    assert {*TierLimits.__struct_fields__} - {"price_cents", "webhooks_enabled"} <= {*USES}


@pytest.mark.parametrize("use", [service.spend_inbox, service.spend_domain, send, _send_in_a_pod])
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
