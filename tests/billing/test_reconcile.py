"""The comparison with Stripe: what was not heard is found, told and mended."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest_asyncio

from daimon.billing import reconcile, retention
from daimon.billing.reconcile import Report
from e2e.serving import daimon

from .conftest import Payer, Shop
from .happenings import WEBHOOK_SECRET
from .stand_in import SECRET_KEY, StandIn


async def _compared(shop: Shop) -> Report:
    return await reconcile.reconcile(shop.edge.services.jobs, shop.mirror)


async def _paid_unheard(shop: Shop, tier: str = "developer") -> tuple[Payer, dict[str, Any]]:
    """Return an account that was paid for, of which no event arrived."""
    payer = await shop.open()
    return payer, await shop.stripe.pay(await payer.checkout(await payer.link(tier)))


async def test_nothing_to_mend(shop: Shop) -> None:
    """Where every event was heard, nothing differs, whatever the accounts are in."""
    for tier in ("developer", "growth"):
        payer = await shop.open()
        made = await payer.buy(tier)
    await shop.stripe.end(made["id"])
    await shop.open()
    await shop.hear_all()
    report = await _compared(shop)
    assert (report.accounts, report.drift, report.unknown, report.is_clean) == (2, [], [], True)
    assert report.invoices == 2


async def test_a_payment_that_was_not_heard_of(shop: Shop) -> None:
    """The tier is given, the invoice is there, the event tells; the next comparison finds nothing."""
    payer, made = await _paid_unheard(shop)
    report = await _compared(shop)
    assert {each.account_id for each in report.drift} == {payer.opened.account_id}
    told = {each.what: (each.here, each.stripe, each.mended) for each in report.drift}
    assert told["tier"] == ("free", "developer", True)
    assert told["status"] == (None, "active", True)
    assert told["subscription"] == (None, made["id"], True)
    assert told[f"invoice {made['latest_invoice']}"] == (None, "paid", True)
    assert await payer.tier() == "developer"
    assert len(await payer.events("account.upgraded")) == 1
    assert (await _compared(shop)).drift == []


async def test_an_end_that_was_not_heard_of(shop: Shop) -> None:
    """An ended subscription is not among those that Stripe lists: it is missed, and looked at."""
    payer = await shop.open()
    made = await payer.buy()
    await shop.stripe.end(made["id"])
    report = await _compared(shop)
    assert {each.what for each in report.drift} == {"status", "gives", "tier"}
    assert await payer.tier() == "free"


async def test_an_operators_higher_tier_is_left(shop: Shop) -> None:
    """It is no drift; a lower one is."""
    payer = await shop.open()
    await payer.buy()
    for tier, found in (("enterprise", []), ("free", ["tier"])):
        async with shop.edge.database.read() as db:
            await db.execute("update accounts set tier = $2 where account_id = $1", payer.account_id, tier)
        assert [each.what for each in (await _compared(shop)).drift] == found
    assert await payer.tier() == "developer"


async def test_a_second_subscription_is_ended(shop: Shop) -> None:
    """Made in the dashboard, unheard of: one is left."""
    payer = await shop.open()
    made = await payer.buy()
    second = await shop.stripe.subscribe(made["customer"], "growth")
    report = await _compared(shop)
    assert "second subscription" in {each.what for each in report.drift}
    assert report.is_clean
    found = {each["id"]: each["status"] for each in await shop.stripe.subscriptions_of(made["customer"])}
    assert found == {made["id"]: "canceled", second["id"]: "active"}
    assert await payer.tier() == "growth"


async def test_a_customer_who_is_nobodys(shop: Shop) -> None:
    """Its subscription for a tier is told of, and left to the operator."""
    made = await shop.stripe._post("customers")
    subscription = await shop.stripe.subscribe(made["id"], "developer")
    report = await _compared(shop)
    assert report.unknown == [{"subscription_id": subscription["id"], "customer_id": made["id"]}]
    assert not report.is_clean


async def test_events_during_the_comparison_are_no_drift(shop: Shop) -> None:
    """What a webhook told of between the list and the look is not told of again."""
    payer, _ = await _paid_unheard(shop)
    once = asyncio.Event()

    async def hear_first(asked: tuple[str, str]) -> None:
        if asked == ("GET", "/v1/subscriptions") and once.is_set():
            shop.stripe.before = None
            await shop.hear_all()
        once.set()

    shop.stripe.before = hear_first
    report = await _compared(shop)
    assert await payer.tier() == "developer"
    assert [each for each in report.drift if not each.what.startswith("invoice")] == []
    assert len(await payer.events("account.upgraded")) == 1


async def test_many_accounts_in_few_calls(shop: Shop) -> None:
    """What does not differ is not asked about one by one."""
    for _ in range(12):
        await (await shop.open()).buy()
    shop.stripe.asked.clear()
    report = await _compared(shop)
    assert (report.accounts, report.drift) == (12, [])
    assert len([path for _, path in shop.stripe.asked if path == "/v1/subscriptions"]) < 12


async def test_once_a_night(shop: Shop) -> None:
    """Of several workers one does it; one that was killed over it is followed by another after two hours."""
    await _paid_unheard(shop)
    jobs, mirror = shop.edge.services.jobs, shop.mirror
    night = shop.clock().replace(hour=2, minute=59)
    shop.clock.ahead += night - shop.clock()
    assert await reconcile.nightly(jobs, mirror) is None
    shop.clock.ahead += timedelta(minutes=2)
    shop.stripe.away = True
    failed = await asyncio.gather(*(reconcile.nightly(jobs, mirror) for _ in range(3)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in failed) == ["NoneType", "NoneType", "StripeAway"]
    shop.stripe.away = False
    assert await reconcile.nightly(jobs, mirror) is None
    shop.clock.ahead += reconcile.GIVEN_UP
    done = [each for each in await asyncio.gather(*(reconcile.nightly(jobs, mirror) for _ in range(3))) if each]
    assert [len(each.drift) > 0 for each in done] == [True]
    assert await reconcile.nightly(jobs, mirror) is None
    shop.clock.ahead += timedelta(days=1)
    again = await reconcile.nightly(jobs, mirror)
    assert again is not None
    assert again.drift == []


async def test_what_is_old_is_forgotten(shop: Shop) -> None:
    """Ids of events, links and reports end; invoices and the subscription stay."""
    payer = await shop.open()
    await payer.buy()
    await reconcile.nightly(shop.edge.services.jobs, shop.mirror)
    for ahead, kept in ((timedelta(days=30), True), (timedelta(days=120), False)):
        for forget in (retention.forget_events, retention.forget_links, retention.forget_reports):
            async with shop.edge.database.transaction() as db:
                await forget(db, now=shop.clock() + ahead, limit=100)
        async with shop.edge.database.read() as db:
            assert bool(await db.fetchval("select count(*) from stripe_events")) == kept
            assert bool(await db.fetchval("select count(*) from upgrade_links")) == kept
            assert await db.fetchval("select count(*) from invoices") == 1
    assert await payer.tier() == "developer"


def _command(shop: Shop, *arguments: str, url: str | None = None) -> Any:
    return daimon(
        "admin", "billing", *arguments,
        DAIMON_DATABASE_URL=shop.edge.services.db.url, DAIMON_SECRET_KEY="s" * 32,
        DAIMON_STRIPE_SECRET_KEY=SECRET_KEY, DAIMON_STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET,
        DAIMON_STRIPE_API_BASE=url or shop.stripe.url,
    )  # fmt: skip


async def test_the_command(shop: Shop) -> None:
    """It prints what differed, mends it, and exits with 1 if something is left; the audit trail has the tier."""
    payer, _ = await _paid_unheard(shop)
    done = await asyncio.to_thread(_command, shop, "reconcile")
    assert (done.returncode, "tier" in done.stdout, payer.opened.account_id in done.stdout) == (0, True, True), done
    assert await payer.tier() == "developer"
    [entry] = [each for each in (await payer.get("/v1/audit"))["audit"] if each["action"] == "set_account_tier"]
    assert (entry["actor"]["kind"], entry["before"], entry["after"]) == (
        "system", {"tier": "free"}, {"tier": "developer"},
    )  # fmt: skip
    done = await asyncio.to_thread(_command, shop, "reconcile", "--json")
    assert '"drift": []' in done.stdout
    made = await shop.stripe._post("customers")
    await shop.stripe.subscribe(made["id"], "growth")
    done = await asyncio.to_thread(_command, shop, "reconcile")
    assert (done.returncode, made["id"] in done.stdout) == (1, True)
    shop.stripe.away = True
    done = await asyncio.to_thread(_command, shop, "reconcile")
    assert done.returncode == 1
    assert "daimon: Stripe does not answer as it should" in done.stderr
    assert SECRET_KEY not in done.stderr + done.stdout


@pytest_asyncio.fixture(loop_scope="session")
async def empty(localstripe: str) -> AsyncIterator[StandIn]:
    """An account at Stripe that sells nothing yet."""
    made = StandIn(localstripe)
    await made.start(sells=False)
    yield made
    await made.stop()


async def test_setting_up_what_is_sold(shop: Shop, empty: StandIn) -> None:
    """Products and prices are made once; a second time there is nothing to make."""
    done = await asyncio.to_thread(_command, shop, "setup", url=empty.url)
    assert done.returncode == 0, done
    assert "USD 9.00 each month" in done.stdout
    assert "daimon_growth" in done.stdout
    made = [asked for asked in empty.asked if asked == ("POST", "/v1/prices")]
    assert len(made) == 2
    done = await asyncio.to_thread(_command, shop, "setup", "--json", url=empty.url)
    assert done.returncode == 0
    assert len([asked for asked in empty.asked if asked == ("POST", "/v1/prices")]) == 2


def test_without_stripe_the_command_says_so() -> None:
    """One line."""
    done = daimon("admin", "billing", "reconcile", DAIMON_DATABASE_URL="postgresql://127.0.0.1:9/x")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "daimon: DAIMON_STRIPE_SECRET_KEY is not set: this server has no billing\n"


def test_one_setting_without_the_other_is_refused() -> None:
    """A server with a key and no webhook secret would never hear of a payment."""
    done = daimon("config", DAIMON_STRIPE_SECRET_KEY=SECRET_KEY)
    assert done.returncode == 2
    assert "DAIMON_STRIPE_WEBHOOK_SECRET are given together" in done.stderr
