"""An account with webhooks, endpoints that answer as a test wants, and workers that send."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest_asyncio
from aiohttp import web

from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.db.scope import Scope
from daimon.events import rings
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.kit.safe_http import SafeHttp
from daimon.webhooks import secret, wake
from daimon.webhooks.models import Delivery, DeliveryQuery, Webhook, WebhookStatus
from daimon.webhooks.repository import WebhookRepository
from daimon.webhooks.secret import Vault
from daimon.worker import webhooks as worker

VAULT = Vault(b"s" * 32)
Answer = Callable[["Heard"], Awaitable[web.StreamResponse]]


@dataclass
class Clock:
    """The time, which a test may put forward."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@dataclass(frozen=True)
class Heard:
    """A request that came to an endpoint."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event

    @property
    def sequence(self) -> int:
        return int(self.headers["x-daimon-sequence"])


async def well(_: Heard) -> web.StreamResponse:
    """Answer that all is well."""
    return web.Response(status=204)


@dataclass
class Endpoint:
    """A receiver on a real socket. `answer` may be changed at any time."""

    answer: Answer = well
    heard: list[Heard] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    url: str = ""
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def numbers(self) -> list[int]:
        return [each.sequence for each in self.heard]

    async def until(self, told: Callable[[], bool]) -> None:
        """Return once something is true; it is looked at after each request."""
        while not told():
            self._came.clear()
            await self._came.wait()

    async def has(self, count: int) -> list[int]:
        """Return the numbers that came, once there are so many."""
        await self.until(lambda: len(self.heard) >= count)
        return self.numbers

    async def handle(self, request: web.Request) -> web.StreamResponse:
        heard = Heard({name.lower(): value for name, value in request.headers.items()}, await request.read())
        self.heard.append(heard)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        self._came.set()
        try:
            return await self.answer(heard)
        finally:
            self.open -= 1


@asynccontextmanager
async def endpoint(answer: Answer = well) -> AsyncIterator[Endpoint]:
    """Serve an endpoint until the block ends."""
    receiver = Endpoint(answer)
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def eventually(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Return once something is true that another task or process makes so; the test's own limit bounds it."""
    while not await is_so():  # noqa: ASYNC110 - rows ring no bell
        await asyncio.sleep(0.02)


@dataclass
class Post:
    """One account: what happens in it, and whom that is told."""

    db: Database
    clock: Clock = field(default_factory=Clock)
    account_id: UUID = field(default_factory=ids.new)

    def __post_init__(self) -> None:
        self.ringer = Ringer(self.db, rings.CHANNEL)

    async def webhook(
        self,
        url: str,
        *,
        events: tuple[str, ...] = (),
        pod_id: UUID | None = None,
        inbox_id: UUID | None = None,
        signed: str | None = None,
    ) -> Webhook:
        """Make a webhook that hears what happens from now on."""
        now = utc_now()
        webhook = Webhook(
            id=ids.new(),
            account_id=self.account_id,
            pod_id=pod_id,
            inbox_id=inbox_id,
            url=url,
            description=None,
            events=events,
            status=WebhookStatus.ACTIVE,
            disabled_reason=None,
            failure_count=0,
            last_delivered_at=None,
            client_id=None,
            created_at=now,
            updated_at=now,
            cursor=0,
        )
        async with self.db.transaction() as db:
            repository = WebhookRepository(db, Scope(self.account_id))
            await repository.add(webhook, VAULT.seal(signed or secret.make()))
        return webhook

    async def happen(
        self,
        count: int = 1,
        *,
        event: EventType = EventType.POD_CREATED,
        pod_id: UUID | None = None,
        inbox_id: UUID | None = None,
        quietly: bool = False,
    ) -> None:
        """Let something happen so many times, each in a commit of its own; quietly: nobody is rung."""
        for _ in range(count):
            with rings.noticing() as told:
                async with self.db.transaction() as db:
                    new = NewEvent(self.account_id, event, "{}", pod_id, inbox_id, utc_now())
                    await events.record(db, [new])
            if not quietly:
                self.ringer.ring(*told)

    async def sql(self, statement: str, *values: object) -> Any:
        """Run a statement and return its first value."""
        async with self.db.read() as db:
            return await db.fetchval(statement, *values)

    async def poke(self, webhook: Webhook, ahead: timedelta = timedelta()) -> None:
        """Put the clock forward, and let the worker look at a webhook."""
        self.clock.ahead += ahead
        Ringer(self.db, wake.CHANNEL).ring(wake.word(webhook.account_id, webhook.id))

    async def get(self, webhook: Webhook) -> Webhook:
        """Return a webhook as it is now."""
        async with self.db.read() as db:
            return await WebhookRepository(db, Scope(self.account_id)).get(webhook.id)

    async def deliveries(self, webhook: Webhook) -> list[Delivery]:
        """Return the log of a webhook, the oldest first."""
        async with self.db.read() as db:
            page = await WebhookRepository(db, Scope(self.account_id)).deliveries(webhook.id, DeliveryQuery(limit=100))
        return page.items[::-1]

    async def settled(self, webhook: Webhook, true: Callable[[Webhook], bool]) -> Webhook:
        """Return a webhook once something is true of its row."""
        await eventually(lambda: self._is(webhook, true))
        return await self.get(webhook)

    async def logged(self, webhook: Webhook, true: Callable[[list[Delivery]], bool]) -> list[Delivery]:
        """Return the log of a webhook once something is true of it."""

        async def is_so() -> bool:
            return true(await self.deliveries(webhook))

        await eventually(is_so)
        return await self.deliveries(webhook)

    async def _is(self, webhook: Webhook, true: Callable[[Webhook], bool]) -> bool:
        return true(await self.get(webhook))

    @asynccontextmanager
    async def working(self, stop: asyncio.Event | None = None) -> AsyncIterator["asyncio.Task[None]"]:
        """Run a worker until the block ends."""
        stop = stop or asyncio.Event()
        db = await Database.open(self.db.url, connections=4)
        async with SafeHttp(allow_insecure=True) as http:
            task = asyncio.create_task(
                worker.run(db, http=http, vault=VAULT, public_url="http://daimon.test", clock=self.clock, stop=stop)
            )
            try:
                yield task
            finally:
                stop.set()
                await asyncio.gather(task, return_exceptions=True)
        await db.close()


@pytest_asyncio.fixture
async def post(database_url: str) -> AsyncIterator[Post]:
    db = await Database.open(database_url, connections=6)
    yield Post(db)
    await db.close()
