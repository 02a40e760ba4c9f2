"""From a refused call to the same call that works: a real server, a real browser without JavaScript, and Stripe."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

import peer_tools
from api.conftest import bearer
from e2e.serving import Serving

from .whole import awaited, result


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of Debian's Chromium that runs no script."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=peer_tools.program("chromium"), args=["--no-sandbox", "--headless"]
        )
        yield browser.new_page(java_script_enabled=False)
        browser.close()


def test_from_the_refused_call_to_the_one_that_works(page: Page, server: Serving) -> None:
    """402; the link, left once without paying; paid; `account.upgraded`; the call works; the link is used up."""
    with httpx.Client(base_url=server.api, timeout=30) as http:
        opened = result(http.post("/v1/inboxes", json={}), 201)
        key = bearer(opened["account_api_key"])
        call = {"to": "ann@example.com", "subject": "Hello", "body": "Hello", "reply_to": "me@example.com"}
        refused = http.post(f"/v1/inboxes/{opened['id']}/send", json=call, headers=key)
        assert refused.status_code == 402, refused.text
        link = refused.json()["upgrade_context"]["operator_action_url"]

        assert page.goto(link)
        expect(page).to_have_title("Upgrade to developer")
        assert "USD 9.00 each month" in page.inner_text("body")
        page.click("text=Go on to pay")
        expect(page.locator("h1")).to_have_text("Stripe's checkout")  # a click does not wait for the page behind it
        page.click("text=Back without paying")
        expect(page).to_have_title("Nothing was paid")
        page.click("text=Try again")
        page.click("button:has-text('Pay')")
        page.wait_for_selector("h1:has-text('Thank you')")

        upgraded = awaited(http, key, "account.upgraded")
        assert upgraded["data"]["account"] | {"id": ""} == {"id": "", "tier": "developer", "previous_tier": "free"}
        http.post("/v1/inboxes", json={}, headers=key)
        sent = http.post(f"/v1/inboxes/{opened['id']}/send", json=call, headers=key)
        assert sent.status_code == 202, sent.text

        page.goto(link)
        expect(page).to_have_title("This is done already")
        assert page.locator("button").count() == 0
        assert result(http.get("/v1/billing", headers=key), 200)["subscription"]["state"] == "active"
        [invoice] = result(http.get("/v1/billing/invoices", headers=key), 200)["invoices"]
        assert invoice["total"] == 900


def test_an_agents_link_with_the_webhook_alone(page: Page, server: Serving) -> None:
    """The person closes the browser at Stripe's page after paying: the webhook, and it alone, changes the tier."""
    with httpx.Client(base_url=server.api, timeout=30) as http:
        opened = result(http.post("/v1/inboxes", json={}), 201)
        key = bearer(opened["account_api_key"])
        body = {"target_tier": "growth", "reason": "I have to write to <everybody>."}
        link = result(http.post("/v1/upgrade-link", json=body, headers=key), 201)["url"]
        page.goto(link)
        assert "What the agent says: I have to write to <everybody>." in page.inner_text("body")
        page.click("text=Go on to pay")
        page.route("**/upgrade/**", lambda route: route.abort())
        page.click("button:has-text('Pay')", no_wait_after=True)
        upgraded = awaited(http, key, "account.upgraded")
        assert upgraded["data"]["account"]["tier"] == "growth"
