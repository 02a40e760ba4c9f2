"""Stripe's meters are told of what accounts use: each unit once, whatever fails in between."""

import asyncio
from datetime import timedelta
from typing import Any

from daimon.billing import meters, retention
from e2e.serving import daimon

from .conftest import Payer, Shop
from .happenings import WEBHOOK_SECRET
from .stand_in import SECRET_KEY

KINDS = ("received", "sent")


async def _metered(shop: Shop) -> tuple[Payer, str]:
    """Return an account that pays, with its customer, where the meters are."""
    await shop.mirror.stripe.make_meters(KINDS)
    payer = await shop.open()
    made = await payer.buy()
    return payer, made["customer"]


async def _round(shop: Shop, *, days: int = meters.DAYS) -> int:
    jobs = shop.edge.services.jobs
    await meters.write_down(jobs, KINDS, days=days, now=shop.clock())
    return await meters.tell(jobs, shop.mirror.stripe, now=shop.clock())


async def _mismatches(shop: Shop, payer: Payer) -> list[Any]:
    async with shop.edge.database.read() as db:
        return await meters.mismatches(db, shop.mirror.stripe, payer.account_id, KINDS, now=shop.clock())


async def test_each_unit_is_told_once(shop: Shop) -> None:
    """Rounds in between and rounds without anything new: Stripe has what the sums have."""
    payer, customer = await _metered(shop)
    free = await shop.open()
    await free.use(received=100)
    expected = 0
    for more in (5, 1, 30):
        await payer.use(received=more, sent=2)
        expected += more
        assert await _round(shop) == 2
        assert await _round(shop) == 0
        assert shop.stripe.metering.units("received", customer) == expected
    assert shop.stripe.metering.units("sent", customer) == 6
    assert {each["payload"]["stripe_customer_id"] for each in shop.stripe.metering.told} == {customer}
    assert await _mismatches(shop, payer) == []


async def test_a_correction_takes_back(shop: Shop) -> None:
    """What was counted too much is told as less, of its own day."""
    payer, customer = await _metered(shop)
    await payer.use(sent=10)
    await _round(shop)
    await payer.use(sent=-4)
    assert await _round(shop) == 1
    assert [each["payload"]["value"] for each in shop.stripe.metering.told] == ["10", "-4"]
    assert shop.stripe.metering.units("sent", customer) == 6
    assert await _mismatches(shop, payer) == []


async def test_killed_after_stripe_took_it(shop: Shop) -> None:
    """The answer was lost: it is told again under the same identifier, which counts once."""
    payer, customer = await _metered(shop)
    await payer.use(received=7)
    await _round(shop)
    async with shop.edge.database.transaction() as db:
        await db.execute("update meter_events set sent_at = null, due_at = at")
    assert await _round(shop) == 1
    assert shop.stripe.metering.units("received", customer) == 7
    assert await _round(shop) == 0


async def test_stripe_away_in_the_middle(shop: Shop) -> None:
    """What was taken is not told again, what was not is told later."""
    payer, customer = await _metered(shop)
    for days_ago in range(3):
        async with shop.edge.database.read() as db:
            await db.execute("update billing_accounts set created_at = now() - interval '9 days'")
        await payer.use(received=10 + days_ago, sent=1, days_ago=days_ago)
    left = 2

    async def fail_later(asked: tuple[str, str]) -> None:
        nonlocal left
        if asked == ("POST", "/v1/billing/meter_events"):
            left -= 1
            shop.stripe.away = left < 0

    shop.stripe.before = fail_later
    failed = await asyncio.gather(_round(shop), return_exceptions=True)
    assert [type(each).__name__ for each in failed] == ["StripeAway"]
    shop.stripe.before, shop.stripe.away = None, False
    await _round(shop)
    assert shop.stripe.metering.units("received", customer) == 33
    assert shop.stripe.metering.units("sent", customer) == 3
    assert await _mismatches(shop, payer) == []


async def test_several_workers_tell_no_more(shop: Shop) -> None:
    """Five rounds at once."""
    payer, customer = await _metered(shop)
    await payer.use(received=11)
    await asyncio.gather(*(_round(shop) for _ in range(5)))
    assert shop.stripe.metering.units("received", customer) == 11


async def test_a_late_line_is_found_at_night(shop: Shop) -> None:
    """A line of a day three weeks ago is told then, at noon of that day; until then it is a mismatch."""
    payer, customer = await _metered(shop)
    async with shop.edge.database.read() as db:
        await db.execute("update billing_accounts set created_at = now() - interval '60 days'")
    await payer.use(received=3, days_ago=21)
    assert await _round(shop) == 0
    [found] = await _mismatches(shop, payer)
    assert (found.where, found.kind, found.expected, found.found) == ("meter_events", "received", 3, 0)
    assert await _round(shop, days=meters.ALL_DAYS) == 1
    [told] = shop.stripe.metering.told
    assert told["timestamp"] % 86_400 == 43_200
    assert await _mismatches(shop, payer) == []
    assert shop.stripe.metering.units("received", customer) == 3


async def test_without_a_meter_it_waits(shop: Shop) -> None:
    """Stripe refuses what it has no meter for: it is told again an hour later, and holds up nothing else."""
    payer = await shop.open()
    made = await payer.buy()
    await shop.mirror.stripe.make_meters(["received"])
    await payer.use(received=1, sent=2)
    assert await _round(shop) == 1
    await shop.mirror.stripe.make_meters(KINDS)
    assert await _round(shop) == 0
    shop.clock.ahead += meters.TELL_AGAIN
    assert await _round(shop) >= 1
    assert shop.stripe.metering.units("sent", made["customer"]) == 2


async def test_verify_compares_with_stripe(shop: Shop) -> None:
    """`daimon admin billing verify` finds a unit that Stripe has too many, and one too few."""
    payer, customer = await _metered(shop)
    await payer.use(received=5)
    await _round(shop)

    def verify() -> Any:
        return daimon(
            "admin", "billing", "verify",
            DAIMON_DATABASE_URL=shop.edge.services.db.url, DAIMON_SECRET_KEY="s" * 32,
            DAIMON_STRIPE_SECRET_KEY=SECRET_KEY, DAIMON_STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET,
            DAIMON_STRIPE_API_BASE=shop.stripe.url, DAIMON_STRIPE_METERS="received,sent",
        )  # fmt: skip

    done = await asyncio.to_thread(verify)
    assert (done.returncode, done.stdout) == (0, f"{payer.opened.account_id}  ok\n"), done
    shop.stripe.metering.told[0]["payload"]["value"] = "6"
    done = await asyncio.to_thread(verify)
    assert done.returncode == 1
    assert "stripe" in done.stdout
    assert "6 received, should be 5" in done.stdout
    assert customer


async def test_what_was_told_long_ago_is_forgotten(shop: Shop) -> None:
    """After 400 days, with nothing told again for it."""
    payer, customer = await _metered(shop)
    await payer.use(received=5)
    await _round(shop)
    shop.clock.ahead = timedelta(days=401)
    async with shop.edge.database.transaction() as db:
        assert await retention.forget_meter_events(db, now=shop.clock(), limit=10) == 1
    assert await _round(shop, days=meters.ALL_DAYS) == 0
    assert shop.stripe.metering.units("received", customer) == 5
