"""A process that is killed while it hears of a payment: Stripe sends it again, and it is applied once."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import httpx
import pytest

from api.conftest import bearer
from e2e.serving import Serving, is_running

from .stand_in import StandIn
from .whole import awaited, result


def api(server: Serving) -> int:
    """Return the process that hears Stripe."""
    return server.role("api")


def database(server: Serving) -> int:
    """Return the process of the database, once it runs: it may have died, and comes back by itself."""
    while True:
        with suppress(OSError, ValueError, IndexError):
            if is_running(server.postgres):
                return server.postgres
        time.sleep(0.02)


@pytest.mark.parametrize("victim", [api, database])
def test_killed_while_it_asks_stripe(live_stripe: StandIn, server: Serving, victim: Callable[[Serving], int]) -> None:
    """SIGKILL between the delivery and the commit, twice: the tier is there in the end, and one event tells of it."""
    held, asked = threading.Event(), threading.Semaphore(0)

    async def hold(call: tuple[str, str]) -> None:
        if call == ("GET", "/v1/subscriptions") and not held.is_set():
            asked.release()
            await asyncio.to_thread(held.wait)

    with httpx.Client(base_url=server.api, timeout=30) as http:
        opened = result(http.post("/v1/inboxes", json={}), 201)
        key = bearer(opened["account_api_key"])
        link = result(http.post("/v1/upgrade-link", json={"target_tier": "developer"}, headers=key), 201)["url"]
        checkout = http.post(link).headers["location"]
        live_stripe.before = hold
        assert httpx.post(checkout).status_code == 303  # paid; nobody comes back
        for _ in range(2):
            assert asked.acquire(timeout=30)
            killed = victim(server)
            os.kill(killed, signal.SIGKILL)
            while is_running(killed):
                time.sleep(0.01)
        held.set()
    with httpx.Client(base_url=server.api, timeout=30, transport=httpx.HTTPTransport(retries=20)) as http:
        assert awaited(http, key, "account.upgraded")["data"]["account"]["tier"] == "developer"
        assert result(http.get("/v1/billing", headers=key), 200)["subscription"]["state"] == "active"
        events = result(http.get("/v1/events?limit=100", headers=key), 200)["events"]
        assert [each["event"] for each in events].count("account.upgraded") == 1
        audit = result(http.get("/v1/audit?limit=100", headers=key), 200)["audit"]
        assert [each["action"] for each in audit].count("set_account_tier") == 1
