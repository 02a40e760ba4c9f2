"""What each state of a subscription does to the account."""

from datetime import timedelta
from pathlib import Path

from api.conftest import bearer
from daimon.billing import due
from daimon.billing.states import EFFECTS, GRACE, State, table

from .conftest import Payer, Shop
from .happenings import FAILING, VISA

PAGE = Path(__file__).parents[2] / "docs/explanation/billing-states.md"


async def _state(payer: Payer) -> str:
    state: str = (await payer.get("/v1/billing"))["subscription"]["state"]
    return state


async def _look(shop: Shop) -> int:
    return await due.look(shop.edge.services.jobs, shop.mirror)


async def _past_due(shop: Shop, tier: str = "developer") -> tuple[Payer, str, str]:
    """Return an account whose last payment failed, with its subscription and the invoice that is open."""
    payer = await shop.open()
    made = await payer.buy(tier)
    await shop.stripe.use_card(made["customer"], FAILING)
    invoice = await shop.stripe.bill(made["id"])
    await shop.hear_all()
    return payer, made["id"], invoice["id"]


async def test_grace_with_warnings_then_the_free_tier(shop: Shop) -> None:
    """A failed payment changes nothing for seven days, and is warned of three times; then the tier is lost."""
    payer, _, _ = await _past_due(shop)
    assert (await payer.tier(), await _state(payer)) == ("developer", "past_due")
    ends = (await payer.get("/v1/billing"))["subscription"]["grace_ends_at"]
    told = []
    for days in (1, 3, 5, 6.5):
        shop.clock.ahead = timedelta(days=days)
        await _look(shop)
        await _look(shop)
        told.append(len(await payer.events("limit.warning")))
        assert await payer.tier() == "developer"
    assert told == [1, 1, 2, 3]
    warnings = [each["data"]["limit"] for each in await payer.events("limit.warning")]
    assert [each["used"] for each in warnings] == [0, 5, 6]
    assert {(each["quota"], each["limit"], each["ends_at"]) for each in warnings} == {("payment_grace_days", 7, ends)}
    shop.clock.ahead = GRACE + timedelta(seconds=5)
    assert await _look(shop) == 1
    assert (await payer.tier(), await _state(payer)) == ("free", "unpaid")
    [lost] = await payer.events("account.downgraded")
    assert lost["data"]["account"]["previous_tier"] == "developer"
    assert await _look(shop) == 0


async def test_a_payment_in_the_grace_ends_it(shop: Shop) -> None:
    """Nothing was lost, and nothing is warned of any more."""
    payer, subscription, invoice = await _past_due(shop)
    shop.clock.ahead = timedelta(days=2)
    await shop.stripe.use_card((await payer.row())["customer_id"], VISA)
    await shop.stripe.retry(subscription, invoice)
    await shop.hear_all()
    assert (await payer.tier(), await _state(payer)) == ("developer", "active")
    shop.clock.ahead = timedelta(days=30)
    assert await _look(shop) == 0
    assert len(await payer.events("limit.warning")) == 1
    assert not await payer.events("account.downgraded")


async def test_a_payment_after_the_grace_brings_the_tier_back(shop: Shop) -> None:
    """The account is upgraded again, by what was paid."""
    payer, subscription, invoice = await _past_due(shop)
    shop.clock.ahead = GRACE + timedelta(hours=1)
    await _look(shop)
    assert await payer.tier() == "free"
    await shop.stripe.use_card((await payer.row())["customer_id"], VISA)
    await shop.stripe.retry(subscription, invoice)
    await shop.hear_all()
    assert await payer.tier() == "developer"
    assert len(await payer.events("account.upgraded")) == 2


async def test_nobody_is_taken_a_tier_while_stripe_is_away(shop: Shop) -> None:
    """The grace is over, but who paid meanwhile cannot be asked: it is put off."""
    payer, _, _ = await _past_due(shop)
    shop.clock.ahead = GRACE + timedelta(hours=1)
    shop.stripe.away = True
    assert await _look(shop) == 1
    assert await payer.tier() == "developer"
    shop.stripe.away = False
    shop.clock.ahead += due.PUT_OFF
    assert await _look(shop) == 1
    assert await payer.tier() == "free"


async def test_each_state_does_what_the_table_says(shop: Shop) -> None:
    """Stripe's words one after the other, each with the tier that it gives."""
    payer = await shop.open()
    made = await payer.buy("growth")
    for said, state in (
        ({"status": "trialing", "trial_end": 4_000_000_000}, State.TRIALING),
        ({"status": "active"}, State.ACTIVE),
        ({"cancel_at_period_end": True}, State.ENDING),
        ({"cancel_at_period_end": False, "cancel_at": 4_000_000_000}, State.ENDING),
        ({"status": "unpaid", "cancel_at": None}, State.UNPAID),
        ({"status": "paused"}, State.PAUSED),
        ({"status": "active"}, State.ACTIVE),
        ({"status": "incomplete_expired"}, State.CANCELED),
    ):
        await shop.stripe.say(made["id"], **said)
        await shop.hear_all()
        assert await _state(payer) == state
        assert await payer.tier() == ("growth" if EFFECTS[state].gives else "free"), state


async def test_cancelled_at_the_end_of_the_period(shop: Shop) -> None:
    """Everything goes on until then, and the account says until when."""
    payer = await shop.open()
    made = await payer.buy()
    await shop.stripe.say(made["id"], cancel_at_period_end=True)
    await shop.hear_all()
    shown = (await payer.get("/v1/billing"))["subscription"]
    assert (shown["state"], shown["cancel_at"]) == ("ending", shown["current_period_end"])
    assert await payer.tier() == "developer"
    await shop.stripe.end(made["id"])
    await shop.hear_all()
    assert (await payer.tier(), await _state(payer)) == ("free", "canceled")


async def test_a_downgrade_deletes_nothing(shop: Shop) -> None:
    """Inboxes over the limit stay and can be read; a new one is refused, with a link that pays for it again."""
    payer = await shop.open()
    made = await payer.buy()
    for _ in range(12):
        await shop.edge.create_inbox(payer.key)
    await shop.stripe.end(made["id"])
    await shop.hear_all()
    assert await payer.tier() == "free"
    assert (await payer.get("/v1/inboxes"))["total"] == 13
    refused = await payer.post("/v1/inboxes")
    assert (refused.status_code, refused.json()["error"]) == (402, "INBOX_LIMIT_REACHED")
    path = refused.json()["upgrade_context"]["operator_action_url"].removeprefix("http://daimon.test")
    await shop.stripe.pay(await payer.checkout(path))
    await shop.hear_all()
    assert (await payer.post("/v1/inboxes")).status_code == 201


async def test_up_and_down_in_mid_period(shop: Shop) -> None:
    """A change in the portal is read back with its proration: a credit for what was not used stands on the invoice."""
    payer = await shop.open()
    made = await payer.buy()
    invoice = await shop.stripe.change(made["id"], "growth")
    await shop.hear_all()
    assert await payer.tier() == "growth"
    async with shop.edge.database.read() as db:
        lines = await db.fetch(
            "select amount, proration from invoice_lines where account_id = $1 and invoice_id = $2 order by position",
            payer.account_id, invoice["id"],
        )  # fmt: skip
    assert sorted((line["amount"], line["proration"]) for line in lines) == [(-900, True), (4900, False)]
    [_, shown] = sorted((await payer.get("/v1/billing/invoices"))["invoices"], key=lambda each: each["total"])[:2]
    assert shown["total"] == 4000
    await shop.stripe.change(made["id"], "developer")
    await shop.hear_all()
    assert await payer.tier() == "developer"
    assert [each["event"] for each in await payer.events("account.upgraded", "account.downgraded")] == [
        "account.upgraded", "account.upgraded", "account.downgraded",
    ]  # fmt: skip


async def test_one_subscription_takes_the_place_of_another(shop: Shop) -> None:
    """Who pays for a higher tier by a link has one subscription after it: the lower one is ended, and credited."""
    payer = await shop.open()
    first = await payer.buy("developer")
    second = await payer.buy("growth")
    await shop.hear_all()
    assert await payer.tier() == "growth"
    found = {each["id"]: each["status"] for each in await shop.stripe.subscriptions_of(first["customer"])}
    assert found == {first["id"]: "canceled", second["id"]: "active"}
    assert not await payer.events("account.downgraded")


async def test_a_price_that_is_replaced_holds_for_old_customers(shop: Shop) -> None:
    """The new price is sold; who pays the old one keeps the tier."""
    old = await shop.open()
    made = await old.buy()
    await shop.stripe.sell("developer", 1500, "usd")
    shop.mirror.stripe._catalogue = None
    await shop.stripe.say(made["id"], metadata={"touched": "yes"})
    await shop.hear_all()
    assert await old.tier() == "developer"
    assert (await old.get("/v1/billing"))["subscription"]["amount"] == 900
    new = await shop.open()
    page = await shop.edge.http.get(await new.link())
    assert "USD 15.00 each month" in page.text
    await new.buy()
    assert (await new.get("/v1/billing"))["subscription"]["amount"] == 1500


async def test_what_the_operator_gives_is_not_taken(shop: Shop) -> None:
    """A tier above the subscription stays when that ends."""
    payer = await shop.open()
    made = await payer.buy()
    async with shop.edge.database.read() as db:
        await db.execute("update accounts set tier = 'enterprise' where account_id = $1", payer.account_id)
    await shop.stripe.say(made["id"], metadata={"touched": "yes"})
    await shop.stripe.end(made["id"])
    await shop.hear_all()
    assert await payer.tier() == "enterprise"


async def test_a_disputed_payment_stops_sending_once(shop: Shop) -> None:
    """The account is under review until somebody looks; told again, it is not stopped again."""
    payer = await shop.open()
    made = await payer.buy()
    [charge] = await shop.stripe.charges_of(made["customer"])
    await shop.stripe.dispute(charge["id"])
    await shop.hear_all()
    account = await payer.get("/v1/account")
    assert (account["status"], account["tier"]) == ("under_review", "developer")
    assert "disputed" in account["status_reason"]
    assert (await payer.get("/v1/audit?limit=1"))["audit"][0]["action"] == "review_account"
    async with shop.edge.database.read() as db:
        await db.execute("update accounts set status = 'active' where account_id = $1", payer.account_id)
    assert (await shop.hear(shop.stripe.events[-1])).status_code == 200
    shop.stripe.disputes[f"du_{charge['id'][3:]}"]["status"] = "won"
    assert (await shop.hear(shop.stripe.events[-1] | {"id": "evt_again"})).status_code == 200
    assert (await payer.get("/v1/account"))["status"] == "active"


async def test_a_deleted_account_is_not_charged_on(shop: Shop) -> None:
    """Its subscription ends with the period; restored, it goes on."""
    payer = await shop.open()
    made = await payer.buy()
    answer = await shop.edge.http.delete("/v1/account", headers=bearer(payer.key))
    assert answer.status_code == 200, answer.text
    assert await due.follow_deletions(shop.edge.services.jobs, shop.mirror) == 1
    assert await due.follow_deletions(shop.edge.services.jobs, shop.mirror) == 0
    assert (await shop.stripe.subscription(made["id"]))["cancel_at_period_end"]
    assert (await payer.post("/v1/account/restore")).status_code == 200
    assert await due.follow_deletions(shop.edge.services.jobs, shop.mirror) == 1
    assert not (await shop.stripe.subscription(made["id"]))["cancel_at_period_end"]
    assert await _state(payer) == "active"


def test_the_page_shows_the_table() -> None:
    """docs/explanation/billing-states.md and the code say the same."""
    assert "\n".join(table()) in PAGE.read_text("utf-8")
