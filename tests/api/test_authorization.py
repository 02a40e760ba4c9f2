"""Who may call what: a matrix made from the registry, so that no operation escapes it."""

from dataclasses import dataclass
from uuid import UUID

import httpx
import msgspec
import pytest

from daimon.api.catalog import OPERATIONS
from daimon.api.operation import Operation
from daimon.keys.models import KeyScope
from daimon.kit import ids

from .conftest import Edge, Opened, bearer

_KEYED = [each for each in OPERATIONS if each.reach is not None]
_FEW_PERMISSIONS = "update keys set permissions = '{approvals:write}' where account_id = $1"
_NAMED = {f"{each.method} {each.path}": each for each in _KEYED}


@dataclass
class World:
    """An account with two inboxes that hold mail, and another account like it."""

    mine: Opened
    sibling_key: str
    others: Opened
    ids: dict[str, str]


async def _make_world(edge: Edge) -> World:
    mine, others = await edge.open_account(), await edge.open_account()
    sibling = await edge.create_inbox(mine.account_api_key)
    await edge.deliver(mine.id)
    url, key = f"/v1/inboxes/{mine.id}/messages", bearer(mine.account_api_key)
    message = (await edge.http.get(url, headers=key)).json()["result"]["messages"][0]
    ids = {
        "inbox_id": mine.id,
        "message_id": message["id"],
        "thread_id": message["thread_id"],
        "attachment_id": message["attachments"][0]["id"],
    }
    return World(mine, sibling["inbox_api_key"], others, ids)


async def _call(edge: Edge, each: Operation, world: World, headers: dict[str, str]) -> httpx.Response:
    path = each.path.format(**world.ids)
    if each.name == "wait_for_message":
        path += "?timeout=0"
    content = b""
    if each.body and each.example.body is not None and each.name != "create_inbox":  # an address is taken only once
        content = msgspec.json.encode(each.example.body)
    if content:
        headers = headers | {"content-type": "application/json"}
    return await edge.http.request(each.method, path, content=content, headers=headers)


@pytest.mark.parametrize("name", _NAMED)
async def test_matrix(edge: Edge, name: str) -> None:
    """No key, a wrong key, another account's, another inbox's, and last the right key."""
    each = _NAMED[name]
    world = await _make_world(edge)
    before = await _state(edge, world)
    await _without_a_key(edge, each, world)
    for wrong in ("dm_free_" + "x" * 49, "Bearer", world.mine.account_api_key[:-1] + "~"):
        answer = await _call(edge, each, world, bearer(wrong))
        assert (answer.status_code, answer.json()["error"]) == (401, "INVALID_API_KEY")
    await _with_foreign_keys(edge, each, world)
    if not each.anonymous:
        assert await _state(edge, world) == before
    right = world.mine.inbox_api_key if each.reach is KeyScope.INBOX else world.mine.account_api_key
    answer = await _call(edge, each, world, bearer(right))
    assert answer.status_code == each.status, answer.text


async def _without_a_key(edge: Edge, each: Operation, world: World) -> None:
    for headers in ({}, {"Authorization": "Basic dXNlcjpwYXNz"}):
        answer = await _call(edge, each, world, headers)
        if each.anonymous and not headers:
            assert answer.status_code == each.status
        else:
            assert (answer.status_code, answer.json()["error"]) == (401, "AUTHENTICATION_REQUIRED")
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def _with_foreign_keys(edge: Edge, each: Operation, world: World) -> None:
    for key in (world.others.account_api_key, world.others.inbox_api_key, world.sibling_key):
        answer = await _call(edge, each, world, bearer(key))
        too_narrow = each.reach is not KeyScope.INBOX and key != world.others.account_api_key
        if too_narrow:
            assert (answer.status_code, answer.json()["error"]) == (403, "FORBIDDEN")
        elif each.params:
            assert (answer.status_code, answer.json()["error"]) == (404, "INBOX_NOT_FOUND")
        else:
            assert answer.status_code == each.status
            assert world.mine.account_id not in answer.text or key == world.sibling_key


def _uuid(account: Opened) -> UUID | None:
    return ids.read(ids.Kind.ACCOUNT, account.account_id)


async def _state(edge: Edge, world: World) -> list[object]:
    """Return all that a call could have changed of what is there."""
    tables = ("inboxes", "messages", "threads", "keys", "key_secrets", "events")
    async with edge.services.db.read() as db:
        return [
            await db.fetchval(
                f"select md5(string_agg(r::text, '' order by r::text)) from {table} r where account_id = $1",
                _uuid(account),
            )
            for table in tables
            for account in (world.mine, world.others)
        ]


@pytest.mark.parametrize("name", [name for name, each in _NAMED.items() if each.permission])
async def test_a_key_without_the_permission(edge: Edge, name: str) -> None:
    """403 names the permission where the key reaches the object; where it does not, 404 as ever."""
    each = _NAMED[name]
    world = await _make_world(edge)
    async with edge.services.db.read() as db:
        for account in (world.mine, world.others):
            await db.execute(_FEW_PERMISSIONS, _uuid(account))
    edge.services.keys.forget()
    mine = await _call(edge, each, world, bearer(world.mine.account_api_key))
    assert (mine.status_code, mine.json()["error"]) == (403, "FORBIDDEN")
    assert str(each.permission) in mine.json()["message"]
    if each.params:
        foreign = await _call(edge, each, world, bearer(world.others.account_api_key))
        assert (foreign.status_code, foreign.json()["error"]) == (404, "INBOX_NOT_FOUND")


async def test_expired_and_revoked_keys_say_so(edge: Edge) -> None:
    """API_KEY_EXPIRED and API_KEY_REVOKED are told apart."""
    account = await edge.open_account()
    for change, error in (
        ("expires_at = now() - interval '1 second'", "API_KEY_EXPIRED"),
        ("expires_at = null, status = 'revoked'", "API_KEY_REVOKED"),
    ):
        async with edge.services.db.read() as db:
            await db.execute(f"update keys set {change} where account_id = $1", _uuid(account))
        edge.services.keys.forget()
        answer = await edge.http.get("/v1/whoami", headers=bearer(account.account_api_key))
        assert (answer.status_code, answer.json()["error"]) == (401, error)


async def test_the_scheme_may_be_in_any_case(edge: Edge) -> None:
    """RFC 9110 §11.1."""
    account = await edge.open_account()
    answer = await edge.http.get("/v1/whoami", headers={"Authorization": f"bearer {account.inbox_api_key}"})
    assert answer.json()["result"]["inbox_id"] == account.id


async def test_a_suspended_account_reads_and_changes_nothing(edge: Edge) -> None:
    """403 ACCOUNT_SUSPENDED for a write, 200 for a read."""
    account = await edge.open_account()
    async with edge.services.db.read() as db:
        await db.execute("update accounts set status = 'suspended' where account_id = $1", _uuid(account))
    edge.services.keys.forget()
    url, key = f"/v1/inboxes/{account.id}", bearer(account.account_api_key)
    assert (await edge.http.get(url, headers=key)).status_code == 200
    for call in (edge.http.post("/v1/inboxes", headers=key), edge.http.delete(url, headers=key)):
        assert (await call).json()["error"] == "ACCOUNT_SUSPENDED"
