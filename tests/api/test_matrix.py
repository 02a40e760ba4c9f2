"""Every operation, with every kind of key, on what it reaches and on what it does not: made from the registry."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from daimon.api.operation import Operation
from daimon.keys.models import ALLOWED, KeyScope
from daimon.keys.roles import PERMISSIONS, Role

from .conftest import Edge
from .worlds import KEYED, World, call, make_world, shared_world

# What a call needs beyond its example's body, or in place of it.
BODIES: dict[str, Callable[[World], Any]] = {
    "create_inbox": lambda _: {},
    "update_inbox": lambda _: {"display_name": "matrix"},
    "create_pod": lambda _: {"name": "matrix"},
    "update_pod": lambda _: {"description": "matrix"},
    "create_key": lambda world: {"scope": "pod", "pod_id": world.pods["a"], "permissions": ["inboxes:read"]},
    "update_key": lambda _: {"name": "matrix"},
    "create_member": lambda world: {"email": f"{world.account.hex}@example.com"},
    "update_member": lambda _: {"name": "matrix"},
    "create_team": lambda _: {"name": "matrix"},
    "update_team": lambda _: {"name": "matrix"},
    "set_team_grants": lambda world: {"grants": [{"role": "viewer", "pod_id": world.pods["a"]}]},
    "update_account": lambda world: {"operator_email": f"{world.account.hex}@example.com"},
    "claim_message": lambda _: {},
    "ack_message": lambda world: {"lease_id": world.ids["lease_id"]},
    "release_message": lambda world: {"lease_id": world.ids["lease_id"]},
    "create_webhook": lambda world: {"url": "http://127.0.0.1:4999/hook", "pod_id": world.pods["a"]},
    "update_webhook": lambda _: {"description": "matrix"},
    "create_domain": lambda world: {"domain": f"{world.account.hex}.example.org", "pod_id": world.pods["a"]},
    "update_domain": lambda world: {"catch_all_inbox_id": world.inboxes["a"]},
    "create_rule": lambda world: {
        "direction": "outbound",
        "action": "block",
        "value": "matrix.example",
        "inbox_id": world.inboxes["a"],
    },
    "add_suppression": lambda world: {"address": "matrix@example.com", "pod_id": world.pods["a"]},
    "replay_events": lambda _: {"after": 0},
    "report_leaked_key": lambda _: {"key": "x"},
    "request_recovery": lambda _: {"email": "matrix@example.com"},
}
# A pod with inboxes in it is deleted only if the request says what becomes of them.
# The account is on the highest tier, and this server sells none.
REFUSALS = {
    "delete_pod": "POD_NOT_EMPTY",
    "open_stream": "UPGRADE_REQUIRED",
    "create_upgrade_link": "STATE_CONFLICT",
    "open_billing_portal": "BILLING_OFF",
    "cancel_message": "STATE_CONFLICT",  # the message of a world was received
}

_SCOPES = {"account": KeyScope.ACCOUNT, "pod": KeyScope.POD, "inbox": KeyScope.INBOX}
_ROLES = {"owner": Role.OWNER, "developer": Role.DEVELOPER, "viewer": Role.VIEWER}


def _body(each: Operation, world: World) -> object:
    make = BODIES.get(each.name)
    return make(world) if make else each.example.body


def _may(each: Operation, actor: str) -> bool:
    """Tell whether an actor's key is wide enough for the operation and has its permission."""
    kind = actor.partition(" ")[0]
    if kind in _SCOPES:
        widths = [KeyScope.INBOX, KeyScope.POD, KeyScope.ACCOUNT]
        wide = each.reach is not None and widths.index(_SCOPES[kind]) >= widths.index(each.reach)
        allowed = ALLOWED[_SCOPES[kind]]
    else:
        wide = each.reach is not KeyScope.ACCOUNT or kind == "owner"
        allowed = PERMISSIONS[_ROLES[kind]]
    whole = kind in ("account", "owner") or not (each.owner or each.unrestricted)
    return wide and whole and (each.permission is None or each.permission in allowed)


def _error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


async def _refused_or_empty(edge: Edge, each: Operation, world: World, key: str) -> None:
    """Assert that a key that does not reach pod `a` learns nothing of it."""
    if each.anonymous and not each.params:
        return  # it makes something of its own
    answer = await call(edge, each, world, key, _body(each, world))
    assert not any(shown in answer.text for shown in world.shown), answer.text
    if each.params:
        assert answer.status_code in (403, 404), answer.text
    assert answer.status_code < 500


@pytest.mark.parametrize("name", KEYED)
async def test_matrix(edge: Edge, name: str) -> None:
    """Who does not reach it changes nothing and learns nothing; who may, does it."""
    each = KEYED[name]
    world = await (shared_world(edge) if each.method == "GET" else make_world(edge))
    others = await shared_world(edge, "others")
    before = await _state(edge, world)
    await _without_a_key(edge, each, world)
    for actor in ("pod b", "inbox b", "developer in b"):
        await _refused_or_empty(edge, each, world, world.keys[actor])
    for actor in ("account", "pod a", "inbox a", "developer in a"):
        await _foreign(edge, each, world, others.keys[actor])
    for actor in ("pod a", "inbox a", "developer in a", "viewer in a"):
        if not _may(each, actor) and not each.personal:  # for personal keys see test_key_life
            answer = await call(edge, each, world, world.keys[actor], _body(each, world))
            assert _error(answer) == (403, "FORBIDDEN"), (actor, answer.text)
    await _closed(edge, each, world)
    if not each.anonymous:
        assert await _state(edge, world) == before
    await _moved_away(edge, each, world)
    if each.method == "GET":
        for actor in [actor for actor in world.keys if not actor.endswith("b") and _may(each, actor)]:
            await _right(edge, each, world, world.keys[actor])
    else:
        narrowest = [actor for actor in ("account", "pod a", "inbox a") if _may(each, actor)][-1]
        await _right(edge, each, world, world.keys[narrowest])


async def _without_a_key(edge: Edge, each: Operation, world: World) -> None:
    if each.anonymous:
        return
    assert _error(await call(edge, each, world, None)) == (401, "AUTHENTICATION_REQUIRED")
    for wrong in ("dm_free_" + "x" * 49, world.account_key[:-1] + "~"):
        assert _error(await call(edge, each, world, wrong)) == (401, "INVALID_API_KEY")


async def _foreign(edge: Edge, each: Operation, world: World, key: str) -> None:
    if each.params:
        answer = await call(edge, each, world, key, _body(each, world))
        assert answer.status_code in (403, 404), answer.text
        assert not any(shown in answer.text for shown in world.shown)
        if answer.status_code == 404:
            assert answer.json()["error"].endswith("_NOT_FOUND")
    elif each.method == "GET":
        answer = await call(edge, each, world, key)
        assert not any(shown in answer.text for shown in world.shown)
        assert answer.status_code in (200, 403) or answer.json()["error"] == REFUSALS.get(each.name)


async def _closed(edge: Edge, each: Operation, world: World) -> None:
    """Assert what keys of each scope get of a suspended account, and what revoked and expired ones do."""
    account = "update accounts set status = {} where account_id = $1"
    key = "update keys set status = {}, expires_at = {} where account_id = $1"
    for arrange, expected, undo in (
        (account.format("'suspended'"), (403, "ACCOUNT_SUSPENDED"), account.format("'active'")),
        (key.format("'revoked'", "null"), (401, "API_KEY_REVOKED"), key.format("'active'", "null")),
        (key.format("'active'", "now() - interval '1 s'"), (401, "API_KEY_EXPIRED"), key.format("'active'", "null")),
    ):
        if expected[0] == 403 and (each.method == "GET" or each.when_closed):
            continue
        await _do(edge, world, arrange)
        for actor in ("account", "pod a", "inbox a", "developer in a"):
            if expected[0] == 401 or _may(each, actor):
                answer = await call(edge, each, world, world.keys[actor], _body(each, world))
                assert _error(answer) == expected, (actor, answer.text)
        await _do(edge, world, undo)


async def _moved_away(edge: Edge, each: Operation, world: World) -> None:
    """Assert that the old pod's keys have lost an inbox that was moved, and that its own key has not."""
    if "inbox_id" not in dict(each.params):
        return
    url = f"/v1/inboxes/{world.ids['inbox_id']}"
    headers = {"Authorization": f"Bearer {world.account_key}"}
    for pod in ("b", "a"):
        moved = await edge.http.patch(url, json={"pod_id": world.pods[pod]}, headers=headers)
        assert moved.status_code == 200, moved.text
        if pod == "b":
            for actor in ("pod a", "developer in a", "viewer in a"):
                answer = await call(edge, each, world, world.keys[actor], _body(each, world))
                assert _error(answer) == (404, "INBOX_NOT_FOUND"), (actor, answer.text)
            if each.method == "GET":
                await _right(edge, each, world, world.keys["inbox a"])
                await _right(edge, each, world, world.keys["developer in b"])


async def _right(edge: Edge, each: Operation, world: World, key: str) -> None:
    answer = await call(edge, each, world, key, _body(each, world))
    if each.name in REFUSALS:
        assert answer.json()["error"] == REFUSALS[each.name]
    else:
        assert answer.status_code == each.status, answer.text


async def _do(edge: Edge, world: World, statement: str) -> None:
    async with edge.database.read() as db:
        await db.execute(statement, world.account)
    edge.services.keys.forget()


async def _state(edge: Edge, world: World) -> list[object]:
    """Return all that a call could have changed of what is there."""
    tables = (
        "accounts", "inboxes", "messages", "threads", "key_secrets", "events", "pods", "members", "teams",
        "team_members", "grants", "webhooks",
        "webhook_deliveries", "webhook_replays", "domains", "dkim_keys", "verified_domains",
        "rules", "suppressions",
    )  # fmt: skip
    async with edge.database.read() as db:
        return [
            await db.fetchval(
                f"select md5(string_agg(r::text, '' order by r::text)) from {table} r where account_id = $1",
                world.account,
            )
            for table in tables
        ]
