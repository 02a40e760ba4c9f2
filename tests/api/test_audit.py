"""The audit trail over HTTP: each change leaves one row, and nothing else does."""

import ast
import asyncio
import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import pytest

from daimon.api.catalog import OPERATIONS
from daimon.audit.models import SYSTEM, Change, Entry
from daimon.kit.clock import utc_now

from .conftest import Edge, Opened, bearer
from .trails import message_in, trail_of, uuid_of, verdict_on

# Operations that write and set no `request.change`, and why.
WITHOUT_A_CHANGE = {
    "test_webhook": "it sends a made-up event, and nothing changes",
    "request_recovery": "it sends a link if the address is known; following the link is what changes the account",
    "start_upgrade": "it leads to Stripe's page; the payment there is what changes the account",
    "hear_stripe": "what follows from it is in the trail by billing.mirror, as from the clock and the night",
}


async def test_a_first_create_is_the_first_entry(edge: Edge) -> None:
    """Without a key the actor is anonymous; the entry stands in the trail of the account that was opened."""
    answer = await edge.http.post("/v1/inboxes", json={"display_name": "First"})
    account = Opened(**{name: answer.json()["result"][name] for name in Opened.__dataclass_fields__})
    [entry] = await trail_of(edge, account)
    assert entry["id"].startswith("aud_")
    assert len(entry["hash"]) == 64
    assert entry["number"] == 1
    assert entry["actor"] == {"kind": "anonymous", "key_id": None, "member_id": None, "ip": "127.0.0.1"}
    assert (entry["action"], entry["target"], entry["inbox_id"]) == ("create_inbox", account.id, account.id)
    assert entry["before"] is None
    assert entry["after"]["display_name"] == "First"
    assert not [name for name in entry["after"] if name.endswith("_key")]
    assert entry["request_id"] == answer.headers["x-request-id"]


async def test_every_change_is_recorded_with_before_and_after(edge: Edge) -> None:
    """Of inboxes, messages and threads: by whom, of what, from what to what."""
    account = await edge.open_account()
    own, wide = bearer(account.inbox_api_key), bearer(account.account_api_key)
    message = await message_in(edge, account)
    inbox = f"/v1/inboxes/{account.id}"
    one, thread = f"{inbox}/messages/{message['id']}", f"{inbox}/threads/{message['thread_id']}"
    key_id = (await edge.http.get("/v1/whoami", headers=own)).json()["result"]["key_id"]
    msg, thr = message["id"], message["thread_id"]
    calls: list[tuple[str, str, Any, Mapping[str, str], str, str, Any, Any]] = [
        ("PATCH", inbox, {"display_name": "B"}, wide, "update_inbox", account.id,
         {"display_name": None}, {"display_name": "B"}),
        ("POST", f"{inbox}/rotate-key", {"grace_seconds": 60}, wide, "rotate_inbox_key", key_id, None, {}),
        ("PATCH", one, {"read": True}, wide, "update_message", msg, {"labels": [], "read": False}, {"read": True}),
        ("PATCH", thread, {"read": False}, wide, "update_thread", thr, {"unread_count": 0}, {"unread_count": 1}),
        ("POST", f"{thread}/labels", {"labels": ["x"]}, own, "add_thread_labels", thr, {"labels": []},
         {"labels": ["x"]}),
        ("DELETE", f"{thread}/labels?label=x", None, wide, "remove_thread_labels", thr, {"labels": ["x"]},
         {"labels": []}),
        ("DELETE", one, None, own, "delete_message", msg, {"read": False}, None),
        ("DELETE", inbox, None, wide, "delete_inbox", account.id, {"display_name": "B"}, None),
    ]  # fmt: skip
    for number, (method, path, body, key, action, target, before, after) in enumerate(calls, start=2):
        answer = await edge.http.request(method, path, json=body, headers=key)
        assert answer.status_code == 200, answer.text
        entry = (await trail_of(edge, account, limit=1))[0]
        assert (entry["number"], entry["action"], entry["target"]) == (number, action, target)
        assert (entry["inbox_id"], entry["request_id"]) == (account.id, answer.headers["x-request-id"])
        assert entry["actor"]["kind"] == "key"
        assert (entry["actor"]["key_id"] == key_id) == (key is own)
        for told, expected in ((entry["before"], before), (entry["after"], after)):
            assert (told is None) == (expected is None)
            assert told is None or told | expected == told
    assert await verdict_on(edge, account) == (1 + len(calls), None)


async def test_the_entry_holds_nothing_of_a_mail(edge: Edge) -> None:
    """Neither subject, text, sender nor code of a message that was changed or read."""
    account = await edge.open_account()
    message = await message_in(edge, account, "Very private")
    url = f"/v1/inboxes/{account.id}/messages/{message['id']}"
    for call in (edge.http.patch(url, json={"read": True}, headers=bearer(account.account_api_key)),
                 edge.http.get(url, headers=bearer(account.account_api_key)),
                 edge.http.delete(url, headers=bearer(account.account_api_key))):  # fmt: skip
        assert (await call).status_code == 200
    told = str(await trail_of(edge, account, target=message["id"]))
    assert told.count(message["id"]) >= 3
    assert not [each for each in ("Very private", "123456", "login@example.com") if each in told]


async def test_what_changed_nothing_leaves_no_entry(edge: Edge) -> None:
    """A replay, the same `client_id` again, a refusal, a read of what is not mail."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    for _ in range(2):
        assert (await edge.http.post("/v1/inboxes", headers=key | {"Idempotency-Key": "a"})).status_code == 201
    for status in (201, 200):
        assert (await edge.http.post("/v1/inboxes", json={"client_id": "c"}, headers=key)).status_code == status
    refused = (
        edge.http.post("/v1/inboxes", json={"username": account.email.partition("@")[0]}, headers=key),
        edge.http.patch(f"/v1/inboxes/{account.id}", json={"nothing": 1}, headers=key),
        edge.http.delete("/v1/inboxes/inbox_" + "0" * 32, headers=key),
    )
    assert [(await call).status_code for call in refused] == [409, 422, 404]
    for url in ("/v1/account", "/v1/inboxes", f"/v1/inboxes/{account.id}", "/v1/threads", "/v1/audit"):
        assert (await edge.http.get(url, headers=key)).status_code == 200
    assert [entry["action"] for entry in await trail_of(edge, account)] == ["create_inbox"] * 3
    assert await verdict_on(edge, account) == (3, None)


def _says_what_it_changed(function: Callable[..., Any]) -> bool:
    """Whether a function assigns `request.change`, or hands its request to one that does, at once or for later."""
    nodes = list(ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))))
    targets = [target for node in nodes if isinstance(node, ast.Assign) for target in node.targets]
    if any(ast.unparse(target) == "request.change" for target in targets):
        return True
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    handed = [call for call in calls if "request" in map(ast.unparse, call.args)]
    helpers = {ast.unparse(call.args[0] if ast.unparse(call.func) == "partial" else call.func) for call in handed}
    known = [inspect.unwrap(function).__globals__.get(helper) for helper in helpers]
    return any(_says_what_it_changed(helper) for helper in known if inspect.isfunction(helper))


@pytest.mark.parametrize("name", [each.name for each in OPERATIONS if each.method != "GET"])
def test_a_handler_that_writes_says_what_it_changed(name: str) -> None:
    """Each sets `request.change`, so that the application records it; a new operation cannot escape the trail."""
    [called] = [each for each in OPERATIONS if each.name == name]
    says = _says_what_it_changed(called.handler)
    assert says != (name in WITHOUT_A_CHANGE)


async def test_changes_in_parallel_wait_in_one_order(edge: Edge) -> None:
    """Creates, rotations, deletions and reads of one account at once: no deadlock, no gap, one chain."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    message = await message_in(edge, account)
    url = f"/v1/inboxes/{account.id}"
    doomed = [await edge.create_inbox(account.account_api_key) for _ in range(5)]
    before, _ = await verdict_on(edge, account)
    calls = [edge.http.delete(f"/v1/inboxes/{each['id']}", headers=key) for each in doomed]
    calls += [edge.http.post(f"{url}/rotate-key", headers=key) for _ in range(10)]
    calls += [edge.http.post("/v1/inboxes", headers=key) for _ in range(4)]
    calls += [edge.http.patch(url, json={"display_name": str(n)}, headers=key) for n in range(10)]
    calls += [edge.http.get(f"{url}/messages/{message['id']}", headers=key) for _ in range(30)]
    statuses = [answer.status_code for answer in await asyncio.gather(*calls)]
    assert set(statuses) == {200, 201}
    assert await verdict_on(edge, account) == (before + len(calls), None)


async def test_accounts_in_opposite_order_do_not_wait_for_each_other(edge: Edge) -> None:
    """A batch over several accounts locks them in the order of their ids, whatever order its entries have."""
    accounts = [await edge.open_account() for _ in range(3)]
    chosen = [uuid_of(account.account_id) for account in accounts]

    async def record(order: list[UUID]) -> None:
        entries = [Entry(account, SYSTEM, "tick", Change("acc_x"), utc_now()) for account in order]
        async with edge.database.transaction() as db:
            await edge.services.trail.record(db, entries)

    await asyncio.gather(*(record(chosen[::step]) for step in (1, -1) * 20))
    for account in accounts:
        assert await verdict_on(edge, account) == (41, None)
