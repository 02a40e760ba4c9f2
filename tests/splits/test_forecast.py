"""What is to be expected at the present pace."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.accounts.models import Tier
from daimon.billing.forecast import FURTHEST, Basis, Expected, ExpectedCost, Forecast, forecast, met
from daimon.quotas import sends
from daimon.quotas import service as quotas
from daimon.quotas.tiers import TIERS, TierLimits

from .conftest import Firm

NOW = datetime(2026, 11, 21, tzinfo=UTC)  # ten days are left
LIMITS = TierLimits(900, 20, 1000, 10, 5, True, 5)


async def _forecast(firm: Firm, limits: TierLimits = LIMITS, now: datetime = NOW) -> Forecast:
    async with firm.db.read() as db:
        return await forecast(db, firm.account, limits, now=now)


async def test_use_goes_on_as_in_the_last_week(firm: Firm) -> None:
    """What came earlier counts in the month so far, and not in the pace."""
    inbox = await firm.inbox(None, datetime(2026, 8, 1, tzinfo=UTC))
    for day, sent in (
        (date(2026, 10, 31), 1000),
        (date(2026, 11, 2), 100),
        (date(2026, 11, 16), 30),
        (date(2026, 11, 20), 30),
    ):
        await firm.meter(day, inbox, None, sent=sent)
    found = await _forecast(firm)
    assert (found.month.first, found.month.last) == (date(2026, 11, 1), date(2026, 11, 30))
    assert found.usage["sent"] == Expected(160, 10.0, 260)  # 60 in six days, and ten days to come
    assert found.usage["received"] == Expected(0, 0.0, 0)


async def test_a_month_that_begins_takes_the_pace_of_the_one_before(firm: Firm) -> None:
    """On the first, at noon."""
    inbox = await firm.inbox(None, datetime(2026, 8, 1, tzinfo=UTC))
    for day in range(26, 32):
        await firm.meter(date(2026, 10, day), inbox, None, received=65)
    found = await _forecast(firm, now=datetime(2026, 11, 1, 12, tzinfo=UTC))
    assert found.usage["received"] == Expected(0, 60.0, 1770)  # 390 in six and a half days; 29.5 are left


async def test_what_was_taken_back_foretells_nothing_below_nothing(firm: Firm) -> None:
    """A correction larger than the week's use does not make the month's shrink."""
    inbox = await firm.inbox(None, datetime(2026, 8, 1, tzinfo=UTC))
    await firm.meter(date(2026, 11, 1), inbox, None, sent=50)
    await firm.meter(date(2026, 11, 20), inbox, None, sent=-20, reason="ours")
    assert (await _forecast(firm)).usage["sent"].at_end == 30


async def test_when_the_inboxes_are_all_used(firm: Firm) -> None:
    """By how many more there are than a week ago; what moves between pods is not new, and what went is not there."""
    pod = await firm.pod("a", datetime(2026, 8, 1, tzinfo=UTC))
    old = [await firm.inbox(None, datetime(2026, 8, 1, tzinfo=UTC)) for _ in range(4)]
    for day in (15, 16, 17, 18, 19, 20):
        await firm.inbox(None, datetime(2026, 11, day, tzinfo=UTC))
    new = await firm.inbox(pod, datetime(2026, 11, 18, tzinfo=UTC))
    for inbox in (*old, new):
        await firm.move(inbox, pod, datetime(2026, 11, 19, tzinfo=UTC))
    await firm.move(old[0], None, datetime(2026, 11, 20, tzinfo=UTC))
    await firm.delete(old[1], datetime(2026, 11, 20, tzinfo=UTC))
    await firm.do("insert into quotas values ($1, default, 'inboxes', 10)", firm.scope.account_id)
    found = await _forecast(firm)
    [inboxes] = [each for each in found.limits if each.quota == quotas.Quota.INBOXES]
    assert (inboxes.used, inboxes.limit, inboxes.per_day) == (10, 20, 1.0)  # seven came and one went in six days
    assert inboxes.met_at == NOW + timedelta(days=10)


async def test_when_the_sends_of_the_day_are_all_used(firm: Firm) -> None:
    """At the pace of today, if that is the faster; no later than midnight, when they begin anew."""
    noon = NOW + timedelta(hours=12)
    for used, met_at in ((800, noon + timedelta(hours=3)), (400, None), (1000, noon)):
        await firm.do("delete from quotas")
        await firm.do(
            "insert into quotas values ($1, default, $2, $3, $4)",
            firm.scope.account_id, sends.QUOTA, used, noon.date(),
        )  # fmt: skip
        [limit] = [each for each in (await _forecast(firm, now=noon)).limits if each.quota == sends.QUOTA]
        assert (limit.used, limit.met_at) == (used, met_at)


async def test_when_the_domains_are_all_used(firm: Firm) -> None:
    """By how many were claimed in the week."""
    await firm.do("insert into quotas values ($1, default, 'domains', 3)", firm.scope.account_id)
    for number in range(3):
        await firm.do(
            "insert into domains (account_id, id, domain, status, token, pending_since, created_at, updated_at)"
            " values ($1, $2, $3, 'pending', 't', $4, $4, $4)",
            firm.scope.account_id, uuid4(), f"{number}.example", NOW - timedelta(days=number),
        )  # fmt: skip
    [domains] = [each for each in (await _forecast(firm)).limits if each.quota == quotas.Quota.DOMAINS]
    assert (domains.used, domains.per_day, domains.met_at) == (3, 0.5, NOW + timedelta(days=4))


async def test_what_is_unlimited_is_left_out(firm: Firm) -> None:
    """And what a tier does not have at all."""
    assert (await _forecast(firm, TIERS[Tier.ENTERPRISE])).limits == []
    assert [each.quota for each in (await _forecast(firm, TIERS[Tier.FREE])).limits] == ["inboxes"]


@pytest.mark.parametrize(("price", "at_end"), [(900, 900), (0, 0), (None, None)])
async def test_a_cost_that_nobody_charges_is_the_tiers(firm: Firm, price: int | None, at_end: int | None) -> None:
    """Nothing is invented for a price that was negotiated."""
    limits = TierLimits(price, None, None, 10, 5, True, None)
    assert (await _forecast(firm, limits)).costs == [ExpectedCost("usd", 0, at_end, Basis.TIER)]


async def test_a_cost_that_was_charged(firm: Firm) -> None:
    """Of this month, each currency by itself."""
    for amount, currency, day in ((700, "usd", 3), (-200, "usd", 4), (90, "jpy", 5)):
        await firm.do(
            "insert into billing_charges values ($1, $2, $3, $4, $5, $5, 'x', $6)",
            firm.scope.account_id, uuid4(), amount, currency, date(2026, 11, day), NOW,
        )  # fmt: skip
    assert (await _forecast(firm)).costs == [
        ExpectedCost("jpy", 90, 90, Basis.CHARGES), ExpectedCost("usd", 500, 500, Basis.CHARGES),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ends", "cancel_at", "status", "more"),
    [
        (datetime(2026, 11, 25, tzinfo=UTC), None, "active", 4900),
        (datetime(2026, 12, 10, tzinfo=UTC), None, "active", 0),
        (datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC), "active", 0),
        (datetime(2026, 11, 25, tzinfo=UTC), None, "past_due", 4900),
    ],
)
async def test_a_subscription_that_is_renewed(
    firm: Firm, ends: datetime, cancel_at: datetime | None, status: str, more: int
) -> None:
    """Within the month it costs once more, unless it ends then."""
    await firm.invoice("in_1", datetime(2026, 11, 2, tzinfo=UTC), (450, date(2026, 11, 2), date(2026, 11, 24)))
    await firm.do(
        "insert into billing_accounts (account_id, customer_id, status, amount, currency, current_period_end,"
        " cancel_at, created_at, updated_at) values ($1, 'cus', $2, 4900, 'usd', $3, $4, $5, $5)",
        firm.scope.account_id, status, ends, cancel_at, NOW,
    )  # fmt: skip
    assert (await _forecast(firm)).costs == [ExpectedCost("usd", 450, 450 + more, Basis.SUBSCRIPTION)]


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(-1e6, 1e9))
def test_a_limit_is_met_now_later_or_never(used: int, limit: int, per_day: float) -> None:
    """Never in the past, and never further than a year."""
    at = met(used, limit, per_day, NOW)
    if used >= limit:
        assert at == NOW
    elif at is not None:
        assert NOW <= at <= NOW + FURTHEST
        assert per_day > 0
