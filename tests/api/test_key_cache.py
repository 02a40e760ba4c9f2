"""Looking keys up: once for all who ask in the same moment, and never older than what is known to have changed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from daimon.keys import cache
from daimon.keys.cache import KeyCache
from daimon.keys.errors import InvalidApiKey
from daimon.kit.clock import utc_now

from .conftest import Edge


class Watched:
    """Counts look-ups, and holds them until they are let go."""

    def __init__(self, look_up: Callable[..., Awaitable[Any]]) -> None:
        self._look_up = look_up
        self.count = 0
        self.go = asyncio.Event()
        self.begun = asyncio.Semaphore(0)

    async def __call__(self, *arguments: Any) -> Any:
        self.count += 1
        self.begun.release()
        await self.go.wait()
        return await self._look_up(*arguments)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Look-ups that can be watched."""
    watched = Watched(cache.find_principal)
    monkeypatch.setattr(cache, "find_principal", watched)
    return watched


async def test_who_asks_together_is_answered_together(edge: Edge, watched: Watched) -> None:
    """One look-up; and whoever gives up, the first among them, takes nobody along."""
    watched.go.set()
    account = await edge.open_account()
    watched.go.clear()
    keys = KeyCache(edge.services.db, utc_now)
    before = watched.count
    asking = [asyncio.create_task(keys.principal(account.account_api_key)) for _ in range(50)]
    await watched.begun.acquire()
    await asyncio.sleep(0)
    asking[7].cancel()
    await asyncio.sleep(0)
    watched.go.set()
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(found.pop(7), asyncio.CancelledError)
    assert len({id(each) for each in found}) == 1
    assert watched.count == before + 1
    watched.go.clear()
    keys.forget()
    first = asyncio.create_task(keys.principal(account.account_api_key))
    await asyncio.sleep(0)
    second = asyncio.create_task(keys.principal(account.account_api_key))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    watched.go.set()
    assert (await second).scope.account_id == found[0].scope.account_id  # type: ignore[union-attr]


async def test_what_was_asked_before_a_change_answers_nobody_after_it(edge: Edge, watched: Watched) -> None:
    """A look-up that runs while a key is changed is not shared with those who ask later."""
    watched.go.set()
    account = await edge.open_account()
    watched.go.clear()
    keys = KeyCache(edge.services.db, utc_now)
    before = watched.count
    early = asyncio.create_task(keys.principal(account.account_api_key))
    await asyncio.sleep(0)
    keys.forget()
    late = asyncio.create_task(keys.principal(account.account_api_key))
    await asyncio.sleep(0)
    watched.go.set()
    await asyncio.gather(early, late)
    assert watched.count == before + 2


async def test_a_wrong_key_is_wrong_for_all(edge: Edge, watched: Watched) -> None:
    """Everybody is told so, and a key that is none is not remembered."""
    watched.go.set()
    account = await edge.open_account()
    keys = KeyCache(edge.services.db, utc_now)
    async with edge.database.transaction() as db:
        await db.execute("delete from key_secrets where account_id = (select account_id from inboxes where id = $1)",
                         account.id.removeprefix("inbox_"))  # fmt: skip
    asking = [keys.principal(account.account_api_key) for _ in range(5)]
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(each) for each in found] == [InvalidApiKey] * 5
    assert not keys.knows(account.account_api_key)
