"""Stripe, and the whole API with billing over a fresh database."""

import asyncio
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from httpx import Response

from api.conftest import Edge, Opened, bearer, opened_services, serving
from daimon.billing.links import Links
from daimon.billing.mirror import Mirror
from daimon.billing.paying import Paying
from daimon.billing.service import Billing
from daimon.billing.stripe_api import Stripe
from daimon.billing.webhook import Listener
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.quotas import usage
from daimon.quotas.usage import Used
from e2e.serving import Serving

from . import whole
from .happenings import WEBHOOK_SECRET, signed
from .stand_in import SECRET_KEY, StandIn


@pytest.fixture(scope="session")
def localstripe() -> Iterator[str]:
    """localstripe as a process of its own; its URL."""
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _await(f"{url}/js.stripe.com/v3/", process)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 30
    while True:
        with suppress(OSError), urllib.request.urlopen(url):
            return
        assert process.poll() is None, "localstripe ended"
        assert time.monotonic() < until, "localstripe does not listen"
        time.sleep(0.05)


@dataclass
class WatchedClock:
    """The present, moved on by what a test says."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@dataclass
class Shop:
    """The API with billing, and Stripe behind it."""

    edge: Edge
    stripe: StandIn
    mirror: Mirror
    clock: WatchedClock
    told: list[str] = field(default_factory=list)

    async def open(self) -> "Payer":
        """Open a free account."""
        opened = await self.edge.open_account()
        account_id = ids.read(ids.Kind.ACCOUNT, opened.account_id)
        assert account_id is not None
        return Payer(self, opened, account_id)

    async def hear(self, event: dict[str, Any], **how: Any) -> Response:
        """Tell daimon of one event, as Stripe does."""
        at = how.pop("at", int(self.clock().timestamp()))
        body, headers = signed(event, at=at, **how)
        return await self.edge.http.post("/stripe/webhook", content=body, headers=headers)

    async def hear_all(self) -> None:
        """Tell of all that happened and was not told yet, in order."""
        for event in self.stripe.events:
            if event["id"] not in self.told:
                self.told.append(event["id"])
                answer = await self.hear(event)
                assert answer.status_code == 200, answer.text


@dataclass
class Payer:
    """An account, and what becomes of it."""

    shop: Shop
    opened: Opened
    account_id: UUID

    @property
    def key(self) -> str:
        return self.opened.account_api_key

    async def get(self, path: str) -> Any:
        """Return the result of a GET with the account's key."""
        self.shop.edge.services.keys.forget()
        answer = await self.shop.edge.http.get(path, headers=bearer(self.key))
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async def post(self, path: str, **body: Any) -> Response:
        """Send a POST with the account's key."""
        self.shop.edge.services.keys.forget()
        return await self.shop.edge.http.post(path, json=body, headers=bearer(self.key))

    async def link(self, tier: str = "developer", **more: Any) -> str:
        """Ask for a link, and return its path."""
        answer = await self.post("/v1/upgrade-link", target_tier=tier, **more)
        assert answer.status_code == 201, answer.text
        url: str = answer.json()["result"]["url"]
        return url.removeprefix("http://daimon.test")

    async def checkout(self, path: str) -> str:
        """Go on to pay from a link, and return the checkout's id."""
        answer = await self.shop.edge.http.post(path)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"].rpartition("/")[2]

    async def buy(self, tier: str = "developer") -> dict[str, Any]:
        """Pay for a tier by a link, let daimon hear of it, and return the subscription."""
        made = await self.shop.stripe.pay(await self.checkout(await self.link(tier)))
        await self.shop.hear_all()
        self.shop.edge.services.keys.forget()
        return made

    async def use(self, *, days_ago: int = 0, **used: int) -> None:
        """Let the account's inbox have used something, some days ago."""
        inbox_id = ids.read(ids.Kind.INBOX, self.opened.id)
        assert inbox_id is not None
        day = (self.shop.clock() - timedelta(days=days_ago)).date()
        async with self.shop.edge.database.transaction() as db:
            await usage.meter(db, [Used(self.account_id, None, inbox_id, day, **used)])

    async def tier(self) -> str:
        """Return the tier that the account is on."""
        tier: str = (await self.get("/v1/account"))["tier"]
        return tier

    async def row(self) -> dict[str, Any]:
        """Return what is known of the account's billing."""
        async with self.shop.edge.database.read() as db:
            row = await db.fetchrow("select * from billing_accounts where account_id = $1", self.account_id)
        return dict(row or {})

    async def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the events of these kinds that were recorded in the account."""
        found = (await self.get("/v1/events?limit=100"))["events"]
        return [each for each in found if each["event"] in kinds]


@pytest_asyncio.fixture(loop_scope="session")
async def stripe(localstripe: str) -> AsyncIterator[StandIn]:
    """An account at Stripe that sells two tiers."""
    made = StandIn(localstripe)
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def shop(database_url: str, stripe: StandIn) -> AsyncIterator[Shop]:
    """The whole API with billing, over a fresh database."""
    clock = WatchedClock()
    async with opened_services(database_url) as services:
        client = Stripe(SECRET_KEY, base=stripe.url)
        mirror = Mirror(services.db.transaction, client, trail=services.trail, clock=clock, ring=services.ringer.ring)
        links = Links(services.secret_key, services.public_url)
        billing = Billing(
            links, services.db.transaction, clock,
            paying=Paying(mirror, links), listener=Listener(mirror, WEBHOOK_SECRET),
            elsewhere=f"https: {stripe.url}",
        )  # fmt: skip
        async with serving(replace(services, billing=billing, clock=clock)) as edge:
            yield Shop(edge, stripe, mirror, clock)
        await client.close()


@pytest.fixture
def live_stripe(localstripe: str) -> Iterator[StandIn]:
    """Stripe in a thread of its own."""
    with whole.running(StandIn(localstripe)) as running:
        yield running


@pytest.fixture
def server(live_stripe: StandIn, tmp_path: Path) -> Iterator[Serving]:
    """`daimon serve` with billing, which Stripe's webhook reaches."""
    with whole.serving(live_stripe, tmp_path / "data") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def fresh(database_url: str) -> AsyncIterator[Edge]:
    """The whole API over a fresh database, without Stripe."""
    async with opened_services(database_url) as services, serving(services) as running:
        yield running


async def until(condition: Any, seconds: float = 20) -> Any:
    """Return what a condition gives once it is true."""
    async with asyncio.timeout(seconds):
        while True:
            if found := await condition():
                return found
            await asyncio.sleep(0.02)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run this folder's tests in the loop that the shared server runs in."""
    for item in items:
        if Path(__file__).parent in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
