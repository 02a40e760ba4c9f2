"""Stripe's webhook: forged, replayed, doubled, out of order, late, many at once, and killed in between."""

import asyncio
import json
import random
from copy import deepcopy
from typing import Any

import pytest

from daimon.billing.webhook import HEARD
from daimon.db.walls import TenantDatabase

from .conftest import Payer, Shop
from .happenings import signed

YEAR = 365 * 24 * 3600


async def _version(payer: Payer) -> int:
    row = await payer.row()
    return int(row["version"])


async def _bought(shop: Shop) -> tuple[Payer, dict[str, Any]]:
    """Return an account that is paid for, and an event about it that was applied."""
    payer = await shop.open()
    await payer.buy()
    return payer, shop.stripe.events[-1]


async def test_only_stripes_signature_is_believed(shop: Shop) -> None:
    """Another secret, an altered body, no signature, one cut off: 400, and nothing is read or written."""
    payer, event = await _bought(shop)
    before, asked = await payer.row(), len(shop.stripe.asked)
    body, headers = signed(event)
    header = headers["Stripe-Signature"]
    forged = [
        (body, signed(event, secret="whsec_another")[1]["Stripe-Signature"]),
        (body.replace(b"cus_", b"cus-"), header),
        (body, ""),
        (body, "t=12345"),
        (body, header.replace("v1=", "v0=")),
        (body, header[:-1]),
        (body, "t=99999999999999999999999,v1=00"),
        (body, "t=1,t=2,v1=" + "é" * 64),
    ]
    for content, signature in forged:
        sent = {"Content-Type": "application/json", "Stripe-Signature": signature.encode()}
        answer = await shop.edge.http.post("/stripe/webhook", content=content, headers=sent)
        assert (answer.status_code, answer.json()["error"]) == (400, "STRIPE_SIGNATURE_INVALID"), signature
    assert (await payer.row(), len(shop.stripe.asked)) == (before, asked)


async def test_a_signature_is_good_for_five_minutes(shop: Shop) -> None:
    """What was signed before, or will have been, is refused: a recorded delivery cannot be played again."""
    payer, event = await _bought(shop)
    now = int(shop.clock().timestamp())
    for at in (now - 301, now - 5 * YEAR, 0, now + 400, now + 5 * YEAR):
        answer = await shop.hear(event, at=at)
        assert (answer.status_code, answer.json()["error"]) == (400, "STRIPE_SIGNATURE_INVALID")
    for at in (now - 290, now + 290):
        assert (await shop.hear(event | {"id": f"evt_{at}"}, at=at)).status_code == 200
    assert await payer.tier() == "developer"


async def test_an_event_is_applied_once(shop: Shop) -> None:
    """Sent again it is answered with 200, changes nothing, and Stripe is not asked."""
    payer, event = await _bought(shop)
    version, asked, events = await _version(payer), len(shop.stripe.asked), len(await payer.events("account.upgraded"))
    for _ in range(3):
        assert (await shop.hear(event)).status_code == 200
    assert (await _version(payer), len(shop.stripe.asked)) == (version, asked)
    assert len(await payer.events("account.upgraded")) == events == 1


async def test_one_event_many_times_at_once(shop: Shop) -> None:
    """Twenty deliveries of one event in parallel: one is applied, and one event of ours comes of it."""
    payer = await shop.open()
    await shop.stripe.pay(await payer.checkout(await payer.link()))
    [paid] = [each for each in shop.stripe.events if each["type"] == "checkout.session.completed"]
    answers = await asyncio.gather(*(shop.hear(paid) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert await _version(payer) == 1
    assert len(await payer.events("account.upgraded")) == 1
    async with shop.edge.database.read() as db:
        assert await db.fetchval("select count(*) from stripe_events where account_id = $1", payer.account_id) == 1


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_comes_to_the_same(shop: Shop, seed: int) -> None:
    """All events of an account's life at once, doubled and shuffled: what holds in the end is what Stripe says."""
    payer = await shop.open()
    made = await shop.stripe.pay(await payer.checkout(await payer.link()))
    await shop.stripe.change(made["id"], "growth")
    await shop.stripe.say(made["id"], cancel_at_period_end=True)
    if seed % 2:
        await shop.stripe.end(made["id"])
    told = [each for each in shop.stripe.events for _ in range(2)]
    random.Random(seed).shuffle(told)
    answers = await asyncio.gather(*(shop.hear(each) for each in told))
    assert {answer.status_code for answer in answers} == {200}, [a.text for a in answers if a.status_code != 200]
    assert await payer.tier() == ("free" if seed % 2 else "growth")
    view = (await payer.get("/v1/billing"))["subscription"]
    assert view["state"] == ("canceled" if seed % 2 else "ending")
    invoices = (await payer.get("/v1/billing/invoices"))["invoices"]
    assert {each["status"] for each in invoices} == {"paid"}
    assert len(invoices) == 2


async def test_who_read_too_early_reads_again(shop: Shop) -> None:
    """A delivery that read the old state, and is overtaken by one that read the new, does not write the old."""
    payer = await shop.open()
    made = await payer.buy()
    row = await payer.row()
    reading, go_on = asyncio.Event(), asyncio.Event()

    async def hold(asked: tuple[str, str]) -> None:
        if asked == ("GET", "/v1/invoices/in_held"):
            reading.set()
            await go_on.wait()

    shop.stripe.before = hold
    slow = {"id": "in_held", "object": "invoice", "customer": row["customer_id"]}
    event = shop.stripe.tell("invoice.paid", {}) | {"data": {"object": slow}}
    late = asyncio.create_task(shop.hear(event))
    await reading.wait()  # it has read the subscription
    await shop.stripe.end(made["id"])
    assert (await shop.hear(shop.stripe.events[-1])).status_code == 200
    assert await payer.tier() == "free"
    shop.stripe.before = None
    go_on.set()
    assert (await late).status_code == 503  # Stripe has no such invoice: it is to be sent again
    assert await payer.tier() == "free"


async def test_a_late_reader_applies_what_holds(shop: Shop) -> None:
    """Two read one after the other and write the other way round: the one who read first looks again."""
    payer = await shop.open()
    made = await payer.buy()
    reading, held = asyncio.Event(), asyncio.Event()

    async def hold(asked: tuple[str, str]) -> None:
        if asked == ("GET", "/v1/invoices/" + made["latest_invoice"]) and not reading.is_set():
            reading.set()
            await held.wait()

    shop.stripe.before = hold
    invoice = {"id": made["latest_invoice"], "object": "invoice", "customer": made["customer"]}
    event = shop.stripe.tell("invoice.paid", {}) | {"data": {"object": invoice}}
    late = asyncio.create_task(shop.hear(event))
    await reading.wait()
    await shop.stripe.change(made["id"], "growth")
    for each in shop.stripe.events[-3:]:
        assert (await shop.hear(each)).status_code == 200
    assert await payer.tier() == "growth"
    held.set()
    assert (await late).status_code == 200
    assert await payer.tier() == "growth"
    assert len(await payer.events("account.upgraded", "account.downgraded")) == 2


async def test_killed_in_between_it_is_sent_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the process ends before the commit, nothing is written and Stripe hears no 200; the next delivery does it."""
    payer = await shop.open()
    await shop.stripe.pay(await payer.checkout(await payer.link()))
    event = shop.stripe.events[-1]
    real, killed = TenantDatabase.transaction, []

    def dying(self: TenantDatabase, account_id: Any) -> Any:
        return _Dying(real(self, account_id), killed)

    monkeypatch.setattr(shop.mirror, "transaction", lambda account_id: dying(shop.edge.services.db, account_id))
    answer = await shop.hear(event)
    assert answer.status_code >= 500
    assert killed
    monkeypatch.undo()
    assert await payer.tier() == "free"
    assert (await payer.row())["version"] == 0
    assert (await shop.hear(event)).status_code == 200
    assert await payer.tier() == "developer"
    assert len(await payer.events("account.upgraded")) == 1


class _Dying:
    """A transaction that is cut off before it commits, if anything was recorded in it."""

    def __init__(self, inner: Any, killed: list[bool]) -> None:
        self._inner, self._killed = inner, killed

    async def __aenter__(self) -> Any:
        self._db = await self._inner.__aenter__()
        return self._db

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> Any:
        written = await self._db.fetchval("select txid_current_if_assigned()") if error is None else None
        if written is not None:
            self._killed.append(True)
            cut = ConnectionResetError("killed")
            await self._inner.__aexit__(type(cut), cut, None)
            raise cut
        return await self._inner.__aexit__(kind, error, trace)


async def test_unknown_kinds_and_strangers_are_answered(shop: Shop) -> None:
    """A kind that means nothing here, a customer that is nobody's, an object without one: 200, and nothing is done."""
    payer, event = await _bought(shop)
    before = await payer.row()
    strange = [
        event | {"id": "evt_1", "type": "customer.created"},
        event | {"id": "evt_2", "type": "a.kind.of.2031"},
        event | {"id": "evt_3", "type": "invoice.paid", "data": {"object": {"id": "in_1", "customer": "cus_nobody"}}},
        event | {"id": "evt_4", "type": "invoice.paid", "data": {"object": {"id": "in_1"}}},
        event | {"id": "evt_5", "type": "customer.subscription.updated", "data": {"object": {"customer": 7}}},
    ]
    for each in strange:
        answer = await shop.hear(each)
        assert (answer.status_code, answer.json()["result"]) == (200, {"received": True, "applied": False})
    assert await payer.row() == before


async def test_a_body_that_is_no_event_is_refused(shop: Shop) -> None:
    """400 or 422, never a 500, signed or not."""
    for body in (b"", b"{", b"[]", b"null", b'{"id": 1}', json.dumps({"id": "evt_1", "type": "x"}).encode()):
        headers = signed({}, at=int(shop.clock().timestamp()))[1]
        answer = await shop.edge.http.post("/stripe/webhook", content=body, headers=headers)
        assert answer.status_code in (400, 422), answer.text


async def test_what_an_event_says_is_not_believed(shop: Shop) -> None:
    """A signed event of years ago that says `canceled` changes nothing: Stripe is asked, and says `active`."""
    payer, _ = await _bought(shop)
    created = next(each for each in shop.stripe.events if each["type"] == "customer.subscription.created")
    lie = deepcopy(created)
    lie |= {"id": "evt_lie", "type": "customer.subscription.deleted", "created": created["created"] - 5 * YEAR}
    lie["data"]["object"] |= {"status": "canceled"}
    assert (await shop.hear(lie)).status_code == 200
    assert await payer.tier() == "developer"
    assert (await payer.get("/v1/billing"))["subscription"]["state"] == "active"


async def test_stripe_away_is_tried_again(shop: Shop) -> None:
    """503 as long as Stripe cannot be asked, so that it sends the event again; nothing is half done."""
    payer = await shop.open()
    await shop.stripe.pay(await payer.checkout(await payer.link()))
    shop.stripe.away = True
    answer = await shop.hear(shop.stripe.events[-1])
    assert (answer.status_code, answer.json()["code"]) == (503, "STRIPE_AWAY")
    assert await payer.tier() == "free"
    shop.stripe.away = False
    await shop.hear_all()
    assert await payer.tier() == "developer"


async def test_an_event_about_another_account_cannot_be_made_up(shop: Shop) -> None:
    """An invoice that is another customer's is not written to the account that an event names."""
    mine, other = await shop.open(), await shop.open()
    await mine.buy()
    made = await other.buy("growth")
    event = deepcopy(next(each for each in shop.stripe.events if each["type"] == "invoice.paid"))
    event |= {"id": "evt_mixed"}
    event["data"]["object"] |= {"id": made["latest_invoice"]}
    assert (await shop.hear(event)).status_code == 200
    assert made["latest_invoice"] not in [each["id"] for each in (await mine.get("/v1/billing/invoices"))["invoices"]]


def test_each_kind_of_the_contract_is_heard() -> None:
    """Those that the documentation tells the operator to send."""
    assert {*HEARD} == {
        "checkout.session.completed", "customer.subscription.created", "customer.subscription.updated",
        "customer.subscription.deleted", "invoice.paid", "invoice.payment_failed", "invoice.finalized",
        "charge.dispute.created",
    }  # fmt: skip
