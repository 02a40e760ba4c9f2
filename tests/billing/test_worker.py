"""The worker's part: ends of grace, meters, deleted accounts, the night; with the worker's own connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from api.conftest import bearer
from daimon.billing.mirror import Mirror
from daimon.billing.states import GRACE
from daimon.db.ringer import Ringer
from daimon.events import rings
from daimon.worker import billing

from .conftest import Shop, until
from .happenings import FAILING


@asynccontextmanager
async def _working(shop: Shop) -> AsyncIterator[None]:
    """Run the worker's billing, as bootstrap does."""
    jobs, stop = shop.edge.services.jobs, asyncio.Event()
    ringer = Ringer(jobs, rings.CHANNEL)
    mirror = Mirror(
        lambda _: jobs.transaction(), shop.mirror.stripe, trail=shop.edge.services.trail, clock=shop.clock,
        ring=ringer.ring,
    )  # fmt: skip
    running = asyncio.create_task(billing.run(jobs, mirror, metered=("received",), stop=stop))
    yield
    stop.set()
    await running


async def test_all_that_the_clock_brings(shop: Shop) -> None:
    """One run ends a grace, gives what was not heard of, tells meters, and ends a deleted account's subscription."""
    await shop.mirror.stripe.make_meters(["received"])
    late, unheard, gone = await shop.open(), await shop.open(), await shop.open()
    made = await late.buy()
    kept = await gone.buy()
    await shop.edge.http.delete("/v1/account", headers=bearer(gone.key))
    await shop.stripe.use_card(made["customer"], FAILING)
    await shop.stripe.bill(made["id"])
    await shop.hear_all()
    await shop.stripe.pay(await unheard.checkout(await unheard.link("growth")))
    shop.clock.ahead = GRACE + timedelta(minutes=1)
    shop.clock.ahead += (shop.clock().replace(hour=12) - shop.clock()) % timedelta(days=1)
    await late.use(received=1)

    async def done() -> bool:
        return (await late.tier(), await unheard.tier()) == ("free", "growth")

    async def told() -> bool:
        return shop.stripe.metering.units("received", made["customer"]) == 1

    async def ending() -> bool:
        return bool((await shop.stripe.subscription(kept["id"]))["cancel_at_period_end"])

    async def compared() -> bool:
        async with shop.edge.database.read() as db:
            return bool(
                await db.fetchval("select exists(select from billing_reconciliations where report is not null)")
            )

    async with _working(shop):
        for each in (done, told, ending, compared):
            await until(each)
    assert len(await late.events("account.downgraded")) == 1
    async with shop.edge.database.read() as db:
        actors = await db.fetch(
            "select distinct actor from audit where account_id = $1 and action = 'set_account_tier'", late.account_id
        )
    assert [row["actor"] for row in actors] == ["system"]


async def test_it_outlives_stripes_absence(shop: Shop) -> None:
    """Nothing is taken from anybody meanwhile, and it stops when it is told to."""
    payer = await shop.open()
    made = await payer.buy()
    await shop.stripe.use_card(made["customer"], FAILING)
    await shop.stripe.bill(made["id"])
    await shop.hear_all()
    shop.clock.ahead = GRACE + timedelta(minutes=1)
    shop.stripe.away = True
    asked = len(shop.stripe.asked)

    async def tried() -> bool:
        return len(shop.stripe.asked) > asked + 2

    async with _working(shop):
        await until(tried)
    assert await payer.tier() == "developer"
