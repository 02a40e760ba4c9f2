"""A paying account with an inbox, an API process, and a worker that sends and shows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest_asyncio
from httpx import Response

from api.conftest import Edge, bearer, opened_services, serving
from daimon.kit.clock import utc_now
from daimon.outbound.couriers import Couriers
from daimon.outbound.lines import Courier, Down, Line
from daimon.outbound.return_path import ReturnPaths
from daimon.worker import inbound, outbound


class Nowhere:
    """A courier without any way out of the server."""

    def lane(self, destination: str) -> str:
        """Return the destination itself."""
        return destination

    async def open(self, lane: str) -> Line:
        """Reach nobody."""
        raise Down(f"there is no way to {lane} in this test", "4.4.1")


@dataclass
class Post:
    """An account that sends, and what it sees."""

    edge: Edge
    key: str
    inbox: str
    email: str

    async def send(self, *, inbox: str | None = None, once: str | None = None, **body: Any) -> Response:
        """Send from the inbox, or from another one; `once` is an Idempotency-Key."""
        sent = bearer(self.key) | ({"Idempotency-Key": once} if once else {})
        path = f"/v1/inboxes/{inbox or self.inbox}/send"
        return await self.edge.http.post(path, json=body, headers=sent)

    async def sent(self, **body: Any) -> dict[str, Any]:
        """Send what is taken, and return the result."""
        answer = await self.send(**body)
        assert answer.status_code == 202, answer.text
        result: dict[str, Any] = answer.json()["result"]
        return result

    async def get(self, path: str) -> Any:
        """Return the result of a GET."""
        answer = await self.edge.http.get(path, headers=bearer(self.key))
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async def deliveries(self, message_id: str) -> list[dict[str, Any]]:
        """Return what became of a message's recipients."""
        path = f"/v1/inboxes/{self.inbox}/messages/{message_id}/deliveries"
        found: list[dict[str, Any]] = (await self.get(path))["deliveries"]
        return found

    async def decided(self, message_id: str, *waiting: str) -> list[dict[str, Any]]:
        """Return what became of a message's recipients, once none is in a state that waits."""
        async with asyncio.timeout(20):
            while True:
                found = await self.deliveries(message_id)
                if not any(each["status"] in (waiting or ("queued",)) for each in found):
                    return found
                await asyncio.sleep(0.02)

    async def until(self, message_id: str, status: str) -> list[dict[str, Any]]:
        """Return what became of a message's recipients, once one of them is in a state."""
        async with asyncio.timeout(20):
            while True:
                found = await self.deliveries(message_id)
                if any(each["status"] == status for each in found):
                    return found
                await asyncio.sleep(0.02)

    async def told(self, kind: str) -> list[dict[str, Any]]:
        """Return the data of all events of a kind, once there is one."""
        async with asyncio.timeout(20):
            while True:
                if found := await self.events(kind):
                    return found
                await asyncio.sleep(0.02)

    async def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the data of all events of a kind."""
        found = (await self.get("/v1/events?limit=100"))["events"]
        return [each["data"] for each in found if each["event"] == kind]

    async def received(self, inbox: str | None = None, *, most: int = 1) -> list[dict[str, Any]]:
        """Return the messages that came to an inbox, once there are so many."""
        async with asyncio.timeout(20):
            while True:
                path = f"/v1/inboxes/{inbox or self.inbox}/messages?direction=inbound&include=body"
                messages: list[dict[str, Any]] = (await self.get(path))["messages"]
                if len(messages) >= most:
                    return messages
                await asyncio.sleep(0.02)

    async def execute(self, statement: str, *arguments: object) -> None:
        """Change the database behind the server's back."""
        async with self.edge.database.transaction() as db:
            await db.execute(statement, *arguments)


@pytest_asyncio.fixture
async def post(database_url: str) -> AsyncIterator[Post]:
    """An account of the developer tier with an inbox; nothing of what it sends is sent yet."""
    async with opened_services(database_url) as services, serving(services) as edge:
        opened = await edge.open_account(username="agent", display_name="Agent")
        post = Post(edge, opened.account_api_key, opened.id, "agent@daimon.email")
        await post.execute("update accounts set tier = 'growth'")  # nobody has used its key yet
        yield post


@pytest_asyncio.fixture
async def working(post: Post) -> AsyncIterator[Post]:
    """The account, with a worker that sends and shows."""
    async with worker(post):
        yield post


class worker:  # noqa: N801 - reads as a function
    """A worker over an account's database, until the block ends."""

    def __init__(self, post: Post, courier: Courier | None = None) -> None:
        self._post = post
        self._courier = Couriers(courier or Nowhere(), "daimon.email", utc_now)

    async def __aenter__(self) -> None:
        self._stop = asyncio.Event()
        db = self._post.edge.database
        inboxes = outbound.InboxesHere(db, "daimon.email", ReturnPaths(b"s" * 32))
        self._tasks = [
            asyncio.create_task(
                outbound.run(db, inboxes=inboxes, courier=self._courier, clock=utc_now, stop=self._stop)
            ),
            asyncio.create_task(inbound.run(db, dns=None, clock=utc_now, stop=self._stop)),
        ]

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)
