"""The pages behind a link to pay by: an offer, cancelled, paid, expired, used twice, and where nothing is sold."""

import asyncio
import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from api.conftest import Edge, bearer
from daimon.accounts.models import Tier
from daimon.billing.links import Links

from .conftest import Shop

DAY = timedelta(days=1)


async def _page(shop: Shop, path: str, method: str = "GET") -> httpx.Response:
    answer = await shop.edge.http.request(method, path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "<script" not in answer.text
    return answer


def _title(answer: httpx.Response) -> str:
    found = re.search(r"<h1>(.*?)</h1>", answer.text)
    assert found
    return found[1]


async def test_the_offer(shop: Shop) -> None:
    """Who asks, why, what it costs, what it gives; as often as it is looked at, nothing changes."""
    payer = await shop.open()
    path = await payer.link("growth", reason="<b>Ann</b> waits & waits")
    for _ in range(2):
        page = await _page(shop, path)
        assert (page.status_code, _title(page)) == (200, "Upgrade to growth")
    assert payer.opened.account_id in page.text
    assert "&lt;b&gt;Ann&lt;/b&gt; waits &amp; waits" in page.text
    assert "USD 49.00 each month" in page.text
    assert "<li>Mails sent a day: 10,000</li>" in page.text
    assert await payer.row() == {}
    assert not [asked for asked in shop.stripe.asked if asked[0] == "POST"]
    assert (await shop.edge.http.head(path)).status_code == 200


async def test_cancelled_the_link_still_works(shop: Shop) -> None:
    """Who comes back without having paid may try again, in the same checkout."""
    payer = await shop.open()
    path = await payer.link()
    first = await payer.checkout(path)
    page = await _page(shop, path + "/cancelled")
    assert _title(page) == "Nothing was paid"
    assert f'action="{path}"' in page.text
    assert await payer.checkout(path) == first
    await shop.stripe.pay(first)
    await shop.hear_all()
    assert _title(await _page(shop, path + "/cancelled")) == "This is done already"
    assert await payer.tier() == "developer"


async def test_paid_before_the_webhook_is_heard(shop: Shop) -> None:
    """Coming back, the page asks Stripe: the tier is there at once, and `account.upgraded` with it."""
    payer = await shop.open()
    path = await payer.link()
    assert _title(await _page(shop, path + "/paid")) == "Nothing is paid yet"
    checkout = await payer.checkout(path)
    page = await _page(shop, path + "/paid")
    assert _title(page) == "The payment is on its way"
    assert 'http-equiv="refresh"' in page.text
    await shop.stripe.pay(checkout)
    page = await _page(shop, path + "/paid")
    assert _title(page) == "Thank you"
    assert await payer.tier() == "developer"
    assert len(await payer.events("account.upgraded")) == 1
    await shop.hear_all()
    assert len(await payer.events("account.upgraded")) == 1


async def test_used_twice(shop: Shop) -> None:
    """A link that was paid leads nowhere any more, and costs nothing."""
    payer = await shop.open()
    path = await payer.link()
    made = await shop.stripe.pay(await payer.checkout(path))
    await shop.hear_all()
    sessions = len(shop.stripe.sessions)
    for method in ("GET", "POST"):
        page = await _page(shop, path, method)
        assert (page.status_code, _title(page)) == (200, "This is done already")
    await shop.stripe.end(made["id"])
    await shop.hear_all()
    for method in ("GET", "POST"):
        assert _title(await _page(shop, path, method)) == "This link was used"
    assert len(shop.stripe.sessions) == sessions


async def test_expired(shop: Shop) -> None:
    """After seven days a link says so, with 410; no checkout is opened, and a paid one still says that it was used."""
    payer = await shop.open()
    asked, paid = await payer.link("growth"), await payer.link("developer")
    answer = await payer.post("/v1/upgrade-link", target_tier="growth")
    expires = datetime.fromisoformat(answer.json()["result"]["expires_at"])
    assert abs(expires - shop.clock() - 7 * DAY) < timedelta(minutes=1)
    await shop.stripe.pay(await payer.checkout(paid))
    await shop.hear_all()
    shop.clock.ahead = 7 * DAY - timedelta(minutes=1)
    assert (await _page(shop, asked)).status_code == 200
    shop.clock.ahead = 7 * DAY + timedelta(seconds=1)
    for page in (await _page(shop, asked), await _page(shop, asked, "POST"), await _page(shop, asked + "/cancelled")):
        assert page.status_code == 410
        assert "has expired" in page.text
    assert _title(await _page(shop, paid)) == "This is done already"


async def test_no_link_at_all(shop: Shop) -> None:
    """Altered, cut off, signed by another server, of an account that is gone: 404, and nothing is told."""
    payer = await shop.open()
    token = (await payer.link()).rpartition("/")[2]
    other = Links(b"o" * 32, "http://daimon.test").for_agent(payer.account_id, Tier.GROWTH, now=shop.clock())
    nobody = Links(b"s" * 32, "http://daimon.test").for_agent(UUID(int=7), Tier.GROWTH, now=shop.clock())
    never = Links(b"s" * 32, "http://daimon.test").for_agent(payer.account_id, Tier.GROWTH, now=shop.clock())
    altered = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
    for wrong in (altered, token[:-1], token + "AA", other, nobody, never, "x", "%00", "é", "a" * 5000):
        for method in ("GET", "POST"):
            page = await shop.edge.http.request(method, f"/upgrade/{wrong}")
            assert page.status_code == 404, wrong
            assert payer.opened.account_id not in page.text


async def test_two_who_press_at_once_pay_once(shop: Shop) -> None:
    """Ten presses of one button lead to one checkout, and make one customer."""
    payer = await shop.open()
    path = await payer.link()
    checkouts = await asyncio.gather(*(payer.checkout(path) for _ in range(10)))
    assert len({*checkouts}) == 1
    customers = {session["customer"] for session in shop.stripe.sessions.values()}
    assert customers == {(await payer.row())["customer_id"]}


async def test_one_checkout_at_a_time(shop: Shop) -> None:
    """Going on from a second link ends the checkout of the first, so that nobody pays for two."""
    payer = await shop.open()
    low, high = await payer.link("developer"), await payer.link("growth")
    first, second = await payer.checkout(low), await payer.checkout(high)
    assert (shop.stripe.sessions[first]["status"], shop.stripe.sessions[second]["status"]) == ("expired", "open")
    third = await payer.checkout(low)
    assert shop.stripe.sessions[second]["status"] == "expired"
    await shop.stripe.pay(third)
    await shop.hear_all()
    assert await payer.tier() == "developer"
    assert _title(await _page(shop, high)) == "Upgrade to growth"


async def test_pressed_again_after_paying(shop: Shop) -> None:
    """Who has paid and presses the button before the webhook is heard is thanked, and not asked to pay again."""
    payer = await shop.open()
    path = await payer.link()
    await shop.stripe.pay(await payer.checkout(path))
    assert _title(await _page(shop, path, "POST")) == "This is done already"
    assert await payer.tier() == "developer"
    assert len(shop.stripe.sessions) == 1


async def test_a_customer_that_is_gone_is_made_anew(shop: Shop) -> None:
    """Deleted in the dashboard: the next payment works, with a new customer."""
    payer = await shop.open()
    path = await payer.link()
    await payer.checkout(path)
    before = (await payer.row())["customer_id"]
    for session in shop.stripe.sessions.values():
        session |= {"status": "expired", "url": None}
    async with shop.stripe._http.delete(f"{shop.stripe.behind}/v1/customers/{before}") as answer:
        assert answer.status == 200
    made = await shop.stripe.pay(await payer.checkout(path))
    await shop.hear_all()
    assert made["customer"] == (await payer.row())["customer_id"] != before
    assert await payer.tier() == "developer"


async def test_stripe_away_is_said(shop: Shop) -> None:
    """503 with a page that says to try again, and no half-made checkout."""
    payer = await shop.open()
    path = await payer.link()
    shop.stripe.away = True
    for method in ("GET", "POST"):
        page = await _page(shop, path, method)
        assert (page.status_code, _title(page)) == (503, "This link does not work")
    shop.stripe.away = False
    assert (await _page(shop, path)).status_code == 200


async def test_links_in_refusals_cost_no_row(shop: Shop) -> None:
    """Each 402 of a day has the same link, and nothing is written until somebody goes on to pay."""
    payer = await shop.open()
    body = {"to": "ann@example.com", "subject": "x", "body": "x"}
    send = f"/v1/inboxes/{payer.opened.id}/send"
    urls = set()
    for key in (payer.key, payer.opened.inbox_api_key) * 3:
        refused = await shop.edge.http.post(send, json=body, headers=bearer(key))
        urls.add(refused.json()["upgrade_context"]["operator_action_url"])
    domain = await payer.post("/v1/domains", domain="mail.example.com")
    assert domain.status_code == 402
    urls.add(domain.json()["upgrade_context"]["operator_action_url"])
    [url] = urls
    cannot = (await payer.get("/v1/capabilities"))["cannot"]
    assert {each["unlock_url"] for each in cannot if each["unlock_url"]} == {url}
    async with shop.edge.database.read() as db:
        assert await db.fetchval("select count(*) from upgrade_links") == 0
    await payer.checkout(url.removeprefix("http://daimon.test"))
    async with shop.edge.database.read() as db:
        assert await db.fetchval("select array_agg(state) from upgrade_links") == ["checkout"]


async def test_what_a_link_may_be_asked_for(shop: Shop) -> None:
    """Only a higher tier; only so many an hour; only with `billing:write`; the reason in bounds."""
    payer = await shop.open()
    await payer.buy("growth")
    for tier in ("free", "developer", "growth"):
        answer = await payer.post("/v1/upgrade-link", target_tier=tier)
        assert (answer.status_code, answer.json()["code"]) == (409, "NO_UPGRADE")
    for body in ({}, {"target_tier": "gold"}, {"target_tier": "enterprise", "reason": "x" * 501}):
        assert (await payer.post("/v1/upgrade-link", **body)).status_code == 422
    narrow = await payer.post("/v1/keys", scope="account", permissions=["billing:read"])
    refused = await shop.edge.http.post(
        "/v1/upgrade-link", json={"target_tier": "enterprise"}, headers=bearer(narrow.json()["result"]["api_key"])
    )
    assert refused.status_code == 403
    inbox = await shop.edge.http.post(
        "/v1/upgrade-link", json={"target_tier": "enterprise"}, headers=bearer(payer.opened.inbox_api_key)
    )
    assert inbox.status_code == 403
    answers = [await payer.post("/v1/upgrade-link", target_tier="enterprise") for _ in range(102)]
    assert answers[-1].status_code == 429
    assert (answers[-1].json()["code"], "retry-after" in answers[-1].headers) == ("UPGRADE_LINKS", True)


async def test_a_link_asked_for_twice_with_one_idempotency_key(shop: Shop) -> None:
    """The retry gets the same link."""
    payer = await shop.open()
    urls = set()
    for _ in range(2):
        answer = await shop.edge.http.post(
            "/v1/upgrade-link",
            json={"target_tier": "growth"},
            headers=bearer(payer.key) | {"Idempotency-Key": "one"},
        )
        urls.add(answer.json()["result"]["url"])
    assert len(urls) == 1


async def test_a_tier_that_is_not_sold(shop: Shop) -> None:
    """Enterprise has no price: its link names the operator's command, and its button, if pressed, opens nothing."""
    payer = await shop.open()
    path = await payer.link("enterprise")
    page = await _page(shop, path)
    assert f"daimon admin account set-tier {payer.opened.account_id} enterprise" in page.text
    assert "<form" not in page.text
    refused = await _page(shop, path, "POST")
    assert refused.status_code == 409
    assert not shop.stripe.sessions


async def test_without_stripe_all_else_works(fresh: Edge) -> None:
    """402 with a link whose page names the operator's command; after that the refused call works."""
    opened = await fresh.open_account()
    key = bearer(opened.account_api_key)
    refused = await fresh.http.post("/v1/domains", json={"domain": "mail.example.com"}, headers=key)
    assert refused.status_code == 402
    url = refused.json()["upgrade_context"]["operator_action_url"]
    asked = await fresh.http.post("/v1/upgrade-link", json={"target_tier": "developer", "reason": "y"}, headers=key)
    assert asked.status_code == 201
    for link in (url, asked.json()["result"]["url"]):
        path = link.removeprefix("http://daimon.test")
        page = await fresh.http.get(path)
        assert page.status_code == 200
        assert f"<code>daimon admin account set-tier {opened.account_id} developer</code>" in page.text
        assert "<form" not in page.text
        for answer in (await fresh.http.post(path), await fresh.http.get(path + "/paid")):
            assert answer.status_code == 409
            assert "has no billing" in answer.text
    shown = (await fresh.http.get("/v1/billing", headers=key)).json()
    assert shown["result"] | {"account_id": ""} == {
        "account_id": "", "tier": "free", "enabled": False, "subscription": None,
    }  # fmt: skip
    assert "daimon admin account set-tier" in shown["next_steps"][0]
    portal = await fresh.http.post("/v1/billing/portal", headers=key)
    assert (portal.status_code, portal.json()["error"]) == (409, "BILLING_OFF")
    assert (await fresh.http.get("/v1/billing/invoices", headers=key)).json()["result"]["invoices"] == []
    event = {"id": "evt_1", "type": "invoice.paid", "created": 1, "data": {"object": {}}}
    assert (await fresh.http.post("/stripe/webhook", json=event)).status_code == 409
    async with fresh.database.transaction() as db:
        await db.execute("update accounts set tier = 'developer'")
    fresh.services.keys.forget()
    page = await fresh.http.get(url.removeprefix("http://daimon.test"))
    assert _title(page) == "This is done already"
    assert (await fresh.http.post("/v1/domains", json={"domain": "mail.example.com"}, headers=key)).status_code == 201


async def test_the_portal(shop: Shop) -> None:
    """A URL for who has paid once; before, an error that says what to do."""
    payer = await shop.open()
    refused = await payer.post("/v1/billing/portal")
    assert (refused.status_code, refused.json()["code"]) == (409, "NOTHING_BOUGHT")
    await payer.buy()
    opened = await payer.post("/v1/billing/portal", return_url="https://agents.example.com/settings")
    assert opened.status_code == 200, opened.text
    assert opened.json()["result"]["url"].startswith(f"{shop.stripe.url}/p/session/")
    for wrong in ("javascript:alert(1)", "agents.example.com", "https://a b", "https://x\n"):
        assert (await payer.post("/v1/billing/portal", return_url=wrong)).status_code == 422
    shop.stripe.refusing = "/v1/billing_portal/sessions"  # as long as its settings were never saved
    refused = await payer.post("/v1/billing/portal")
    assert (refused.status_code, refused.json()["code"]) == (503, "STRIPE_REFUSES")
    shop.stripe.away = True
    away = await payer.post("/v1/billing/portal")
    assert (away.status_code, away.json()["code"], "retry-after" in away.headers) == (503, "STRIPE_AWAY", True)


async def test_invoices_page_by_page(shop: Shop) -> None:
    """The newest first, each with where it is seen; a cursor goes on; another account sees none of it."""
    payer, other = await shop.open(), await shop.open()
    made = await payer.buy()
    for _ in range(2):
        await shop.stripe.bill(made["id"])
    await shop.hear_all()
    seen: list[dict[str, Any]] = []
    path = "/v1/billing/invoices?limit=2"
    while True:
        page = await payer.get(path)
        seen += page["invoices"]
        if not page["has_more"]:
            break
        path = f"/v1/billing/invoices?limit=2&cursor={page['next_cursor']}"
    assert len({each["id"] for each in seen}) == 3
    assert [each["created_at"] for each in seen] == sorted((each["created_at"] for each in seen), reverse=True)
    assert {(each["status"], each["total"], each["currency"]) for each in seen} == {("paid", 900, "usd")}
    assert all(each["hosted_url"] and each["pdf_url"] and each["finalized_at"] for each in seen)
    assert (await other.get("/v1/billing/invoices"))["invoices"] == []
    answer = await shop.edge.http.get("/v1/billing/invoices?cursor=x", headers=bearer(payer.key))
    assert answer.status_code == 400


async def test_a_suspended_account_may_still_pay(shop: Shop) -> None:
    """And see what it paid; a deleted one may not begin to pay."""
    payer = await shop.open()
    path = await payer.link()
    async with shop.edge.database.read() as db:
        await db.execute("update accounts set status = 'suspended' where account_id = $1", payer.account_id)
    await shop.stripe.pay(await payer.checkout(path))
    await shop.hear_all()
    assert await payer.tier() == "developer"
    assert (await payer.post("/v1/billing/portal")).status_code == 200
    gone = await shop.open()
    path = await gone.link()
    await shop.edge.http.delete("/v1/account", headers=bearer(gone.key))
    assert (await _page(shop, path, "POST")).status_code == 403


def test_a_links_life_in_a_refusal() -> None:
    """The same all day, from the next day on another; good for seven days at least, told apart by account and tier."""
    links = Links(b"s" * 32, "http://daimon.test")
    morning = datetime.fromisoformat("2026-03-16T00:00:00+00:00")
    night = datetime.fromisoformat("2026-03-16T23:59:59.999+00:00")
    one, two = UUID(int=1), UUID(int=2)
    made = links.for_refusal(one, Tier.GROWTH, now=morning)
    assert made == links.for_refusal(one, Tier.GROWTH, now=night)
    assert made != links.for_refusal(one, Tier.GROWTH, now=night + timedelta(milliseconds=1))
    assert made != links.for_refusal(one, Tier.DEVELOPER, now=night)
    assert made != links.for_refusal(two, Tier.GROWTH, now=night)
    said = links.read(made.rpartition("/")[2])
    assert (said.account_id, said.target, said.asked) == (one, Tier.GROWTH, False)
    assert said.expires_at - night > 7 * DAY
