"""From a refused call to the same call that works: a real server, a real browser without JavaScript, and Stripe."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright

import peer_tools
from api.conftest import bearer
from e2e.serving import FREE_PORTS, Serving

from .happenings import WEBHOOK_SECRET
from .stand_in import SECRET_KEY, StandIn


@contextmanager
def _running(stripe: StandIn) -> Iterator[StandIn]:
    """Run Stripe in a thread of its own, as a browser and a server ask it at once."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(stripe.start(), loop).result(30)
        yield stripe
        asyncio.run_coroutine_threadsafe(stripe.stop(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of Debian's Chromium that runs no script."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=peer_tools.browser(), args=["--no-sandbox", "--headless"])
        yield browser.new_page(java_script_enabled=False)
        browser.close()


@pytest.fixture
def stripe(localstripe: str) -> Iterator[StandIn]:
    """Stripe, telling of everything by itself."""
    with _running(StandIn(localstripe)) as running:
        yield running


@pytest.fixture
def server(stripe: StandIn, tmp_path: Path) -> Iterator[Serving]:
    """`daimon serve` with billing, which Stripe's webhook reaches."""
    serving = Serving(
        tmp_path / "data", *FREE_PORTS,
        DAIMON_STRIPE_SECRET_KEY=SECRET_KEY, DAIMON_STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET,
        DAIMON_STRIPE_API_BASE=stripe.url,
    ).ready()  # fmt: skip
    stripe.webhook = f"{serving.api}/stripe/webhook"
    yield serving
    stripe.webhook = None
    assert serving.end() == 0
    assert SECRET_KEY not in serving.output
    assert WEBHOOK_SECRET not in serving.output


def test_from_the_refused_call_to_the_one_that_works(page: Page, stripe: StandIn, server: Serving) -> None:
    """402; the link, left once without paying; paid; `account.upgraded`; the call works; the link is used up."""
    with httpx.Client(base_url=server.api, timeout=30) as http:
        opened = _result(http.post("/v1/inboxes", json={}), 201)
        key = bearer(opened["account_api_key"])
        call = {"to": "ann@example.com", "subject": "Hello", "body": "Hello", "reply_to": "me@example.com"}
        refused = http.post(f"/v1/inboxes/{opened['id']}/send", json=call, headers=key)
        assert refused.status_code == 402, refused.text
        link = refused.json()["upgrade_context"]["operator_action_url"]

        assert page.goto(link)
        assert page.title() == "Upgrade to developer"
        assert "USD 9.00 each month" in page.inner_text("body")
        page.click("text=Go on to pay")
        assert page.inner_text("h1") == "Stripe's checkout"
        page.click("text=Back without paying")
        assert page.title() == "Nothing was paid"
        page.click("text=Try again")
        page.click("button:has-text('Pay')")
        page.wait_for_selector("h1:has-text('Thank you')")

        upgraded = _awaited(http, key, "account.upgraded")
        assert upgraded["data"]["account"] | {"id": ""} == {"id": "", "tier": "developer", "previous_tier": "free"}
        http.post("/v1/inboxes", json={}, headers=key)
        sent = http.post(f"/v1/inboxes/{opened['id']}/send", json=call, headers=key)
        assert sent.status_code == 202, sent.text

        page.goto(link)
        assert page.title() == "This is done already"
        assert page.locator("button").count() == 0
        assert _result(http.get("/v1/billing", headers=key), 200)["subscription"]["state"] == "active"
        [invoice] = _result(http.get("/v1/billing/invoices", headers=key), 200)["invoices"]
        assert invoice["total"] == 900


def test_an_agents_link_with_the_webhook_alone(page: Page, stripe: StandIn, server: Serving) -> None:
    """The person closes the browser at Stripe's page after paying: the webhook, and it alone, changes the tier."""
    with httpx.Client(base_url=server.api, timeout=30) as http:
        opened = _result(http.post("/v1/inboxes", json={}), 201)
        key = bearer(opened["account_api_key"])
        body = {"target_tier": "growth", "reason": "I have to write to <everybody>."}
        link = _result(http.post("/v1/upgrade-link", json=body, headers=key), 201)["url"]
        page.goto(link)
        assert "What the agent says: I have to write to <everybody>." in page.inner_text("body")
        page.click("text=Go on to pay")
        page.route("**/upgrade/**", lambda route: route.abort())
        page.click("button:has-text('Pay')", no_wait_after=True)
        upgraded = _awaited(http, key, "account.upgraded")
        assert upgraded["data"]["account"]["tier"] == "growth"


def _result(answer: httpx.Response, status: int) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()["result"]


def _awaited(http: httpx.Client, key: dict[str, str], kind: str) -> Any:
    """Return an event of a kind, waiting for it on the stream that begins with the account's first."""
    with http.stream("GET", "/v1/events/stream?after=0", headers=key) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:") and f'"{kind}"' in line:
                return json.loads(line[5:])
    raise AssertionError(f"the stream ended without {kind}")
