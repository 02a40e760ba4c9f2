"""A key that ends in one API process is refused by every other within a second."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from ledger import until

from serving import Serving

PROMISED_SECONDS = 1.0
SECRET = "abcdef0123456789" * 4


@dataclass(frozen=True)
class Answer:
    """When a process was asked, by the machine's clock, and what it said."""

    asked: float
    status: int
    error: str | None


@dataclass
class Asking:
    """One API process that a key is used at, again and again."""

    http: httpx.AsyncClient
    key: str
    answers: list[Answer] = field(default_factory=list)

    async def accepted(self) -> bool:
        """Use the key once more; tell whether it still worked."""
        asked = time.monotonic()
        answer = await self.http.get("/v1/whoami", headers=bearer(self.key))
        self.answers.append(Answer(asked, answer.status_code, answer.json().get("error")))
        return answer.status_code == 200

    async def refused(self) -> bool:
        """Use the key once more; tell whether it works no longer."""
        return not await self.accepted()


async def test_a_key_that_ends_in_one_process_is_refused_by_the_other(
    database_url: str, tmp_path: Path, serve: Callable[..., Serving]
) -> None:
    """Revoked, rotated or reported as leaked: the other process has just accepted it, and does so no longer.

    No slack is needed, whatever else runs: the end is noted after its commit, and a use before the process looks at it.
    """
    given = {"DAIMON_DATABASE_URL": database_url, "DAIMON_SECRET_KEY": SECRET}
    servers = [
        serve(tmp_path / name, "--role=api", "--http-port=0", "--metrics-port=0", **given) for name in ("one", "two")
    ]
    urls = [server.ready().api for server in servers]
    async with httpx.AsyncClient(base_url=urls[0]) as one, httpx.AsyncClient(base_url=urls[1]) as two:
        made = (await one.post("/v1/inboxes", json={"username": "first"})).json()["result"]
        whole = bearer(made["account_api_key"])

        async def revoke(key: dict[str, str]) -> httpx.Response:
            return await one.delete(f"/v1/keys/{key['id']}", headers=whole)

        async def rotate(key: dict[str, str]) -> httpx.Response:
            return await one.post(f"/v1/keys/{key['id']}/rotate", headers=whole, json={"grace_seconds": 0})

        async def report(key: dict[str, str]) -> httpx.Response:
            return await one.post("/v1/keys/leaked", json={"key": key["api_key"]})

        async def end(way: Callable[[dict[str, str]], Awaitable[httpx.Response]]) -> None:
            key = (await one.post("/v1/keys", headers=whole, json={"scope": "account"})).json()["result"]
            here, there = Asking(one, key["api_key"]), Asking(two, key["api_key"])
            for each in (here, there):
                assert await each.accepted()
            assert (await way(key)).is_success
            ended = time.monotonic()
            await until(there.refused)
            after = [answer.asked - ended for answer in there.answers if answer.status == 200]
            assert max(after) <= PROMISED_SECONDS, (way.__name__, after)
            assert await here.refused()
            for _ in range(5):
                assert await there.refused()
            assert {answer.error for answer in there.answers} == {None, "API_KEY_REVOKED"}

        await asyncio.gather(*map(end, (revoke, rotate, report)))


def bearer(key: str) -> dict[str, str]:
    """Return the header that sends a key."""
    return {"Authorization": f"Bearer {key}"}
