"""The audit trail over HTTP: each change and each wide read leaves one row, and nothing else does."""

import ast
import asyncio
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from daimon.api.catalog import OPERATIONS
from daimon.api.services import Services
from daimon.audit import repository
from daimon.audit.models import SYSTEM, Change, Entry
from daimon.audit.reads import ReadLog
from daimon.audit.verification import verify
from daimon.db.engine import Database
from daimon.kit.clock import rfc3339, utc_now

from .conftest import Edge, Opened, bearer, serving

# Operations that write and set no `request.change`, and why.
WITHOUT_A_CHANGE = {
    "request_recovery": "it sends a link if the address is known; following the link is what changes the account",
}


async def _trail(edge: Edge, account: Opened, **query: object) -> list[dict[str, Any]]:
    """Return the first page of an account's trail, the newest first."""
    given = {name.rstrip("_"): str(value) for name, value in query.items()}
    answer = await edge.http.get("/v1/audit", params=given, headers=bearer(account.account_api_key))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["result"]["audit"]
    return found


async def _all(edge: Edge, account: Opened, **query: object) -> tuple[list[dict[str, Any]], int]:
    """Return all that a filter finds, and on how many pages."""
    found: list[dict[str, Any]] = []
    given, pages = {name.rstrip("_"): str(value) for name, value in query.items()}, 0
    while True:
        answer = await edge.http.get("/v1/audit", params=given, headers=bearer(account.account_api_key))
        page, pages = answer.json()["result"], pages + 1
        found += page["audit"]
        assert page["has_more"] == (page["next_cursor"] is not None)
        if not page["has_more"]:
            return found, pages
        assert page["next_cursor"] in answer.json()["next_steps"][0]
        given["cursor"] = page["next_cursor"]


async def _verdict(edge: Edge, account: Opened) -> tuple[int, object]:
    async with edge.database.read() as db:
        verdict = await verify(db, edge.services.trail.chain, _uuid(account.account_id))
    return verdict.rows, verdict.fault


def _uuid(shown: str) -> UUID:
    return UUID(hex=shown.rpartition("_")[2])


async def _message(edge: Edge, account: Opened, subject: str = "Hello") -> dict[str, Any]:
    """Let a mail arrive, and return it as its inbox's own key sees it."""
    await edge.deliver(account.id, subject)
    url = f"/v1/inboxes/{account.id}/messages"
    answer = await edge.http.get(url, headers=bearer(account.inbox_api_key))
    found: dict[str, Any] = answer.json()["result"]["messages"][0]
    return found


# Changes


async def test_a_first_create_is_the_first_entry(edge: Edge) -> None:
    """Without a key the actor is anonymous; the entry stands in the trail of the account that was opened."""
    answer = await edge.http.post("/v1/inboxes", json={"display_name": "First"})
    account = Opened(**{name: answer.json()["result"][name] for name in Opened.__dataclass_fields__})
    [entry] = await _trail(edge, account)
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
    message = await _message(edge, account)
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
        entry = (await _trail(edge, account, limit=1))[0]
        assert (entry["number"], entry["action"], entry["target"]) == (number, action, target)
        assert (entry["inbox_id"], entry["request_id"]) == (account.id, answer.headers["x-request-id"])
        assert entry["actor"]["kind"] == "key"
        assert (entry["actor"]["key_id"] == key_id) == (key is own)
        for told, expected in ((entry["before"], before), (entry["after"], after)):
            assert (told is None) == (expected is None)
            assert told is None or told | expected == told
    assert await _verdict(edge, account) == (1 + len(calls), None)


async def test_the_entry_holds_nothing_of_a_mail(edge: Edge) -> None:
    """Neither subject, text, sender nor code of a message that was changed or read."""
    account = await edge.open_account()
    message = await _message(edge, account, "Very private")
    url = f"/v1/inboxes/{account.id}/messages/{message['id']}"
    for call in (edge.http.patch(url, json={"read": True}, headers=bearer(account.account_api_key)),
                 edge.http.get(url, headers=bearer(account.account_api_key)),
                 edge.http.delete(url, headers=bearer(account.account_api_key))):  # fmt: skip
        assert (await call).status_code == 200
    told = str(await _trail(edge, account, target=message["id"]))
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
    assert [entry["action"] for entry in await _trail(edge, account)] == ["create_inbox"] * 3
    assert await _verdict(edge, account) == (3, None)


def _says_what_it_changed(function: Callable[..., Any]) -> bool:
    """Whether a function assigns `request.change`, or hands its request to one of its module that does."""
    nodes = list(ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))))
    targets = [target for node in nodes if isinstance(node, ast.Assign) for target in node.targets]
    if any(ast.unparse(target) == "request.change" for target in targets):
        return True
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    helpers = {ast.unparse(call.func) for call in calls if "request" in map(ast.unparse, call.args)}
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
    message = await _message(edge, account)
    url = f"/v1/inboxes/{account.id}"
    doomed = [await edge.create_inbox(account.account_api_key) for _ in range(5)]
    before, _ = await _verdict(edge, account)
    calls = [edge.http.delete(f"/v1/inboxes/{each['id']}", headers=key) for each in doomed]
    calls += [edge.http.post(f"{url}/rotate-key", headers=key) for _ in range(10)]
    calls += [edge.http.post("/v1/inboxes", headers=key) for _ in range(4)]
    calls += [edge.http.patch(url, json={"display_name": str(n)}, headers=key) for n in range(10)]
    calls += [edge.http.get(f"{url}/messages/{message['id']}", headers=key) for _ in range(30)]
    statuses = [answer.status_code for answer in await asyncio.gather(*calls)]
    assert set(statuses) == {200, 201}
    assert await _verdict(edge, account) == (before + len(calls), None)


async def test_accounts_in_opposite_order_do_not_wait_for_each_other(edge: Edge) -> None:
    """A batch over several accounts locks them in the order of their ids, whatever order its entries have."""
    accounts = [await edge.open_account() for _ in range(3)]
    chosen = [_uuid(account.account_id) for account in accounts]

    async def record(order: list[UUID]) -> None:
        entries = [Entry(account, SYSTEM, "tick", Change("acc_x"), utc_now()) for account in order]
        async with edge.database.transaction() as db:
            await edge.services.trail.record(db, entries)

    await asyncio.gather(*(record(chosen[::step]) for step in (1, -1) * 20))
    for account in accounts:
        assert await _verdict(edge, account) == (41, None)


# Reads


async def test_reads_by_a_wider_key_are_recorded(edge: Edge) -> None:
    """One message, its octets, a link to an attachment, a list, a wait: one entry each, before the answer leaves."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    message = await _message(edge, account)
    inbox, one = f"/v1/inboxes/{account.email}/messages", message["id"]
    attachment = message["attachments"][0]["id"]
    reads = [
        (f"{inbox}/{one}", one, {"operation": "get_message"}),
        (f"{inbox}/{one}/raw", one, {"operation": "get_raw_message"}),
        (f"{inbox}/{one}/attachments/{attachment}", one, {"operation": "get_attachment", "attachment_id": attachment}),
        (f"{inbox}/wait?timeout=0", one, {"operation": "wait_for_message"}),
        (inbox, account.id, {"operation": "list_messages", "count": 1, "first": one, "last": one}),
        (f"{inbox}?include=body", account.id, {"operation": "list_messages", "count": 1, "first": one, "last": one}),
    ]
    for number, (url, target, after) in enumerate(reads, start=2):
        answer = await edge.http.get(url, headers=key)
        assert answer.status_code == 200, answer.text
        entry = (await _trail(edge, account, limit=1))[0]
        assert (entry["number"], entry["action"], entry["target"]) == (number, "read_message", target)
        assert (entry["before"], entry["after"], entry["inbox_id"]) == (None, after, account.id)
        assert (entry["actor"]["kind"], entry["actor"]["ip"]) == ("key", "127.0.0.1")
        assert entry["request_id"] == answer.headers["x-request-id"]
    assert await _verdict(edge, account) == (1 + len(reads), None)


async def test_other_reads_are_not(edge: Edge) -> None:
    """The inbox's own key, a list or a wait without a result, what does not exist, the link itself."""
    account = await edge.open_account()
    own, wide = bearer(account.inbox_api_key), bearer(account.account_api_key)
    empty = await edge.create_inbox(account.account_api_key)
    message = await _message(edge, account)
    one = f"/v1/inboxes/{account.id}/messages/{message['id']}"
    before = len(await _trail(edge, account))
    for url in ("", "/raw", f"/attachments/{message['attachments'][0]['id']}"):
        answer = await edge.http.get(one + url, headers=own)
        assert answer.status_code == 200
    link = answer.json()["result"]["url"].removeprefix(edge.services.public_url)
    assert (await edge.http.get(link)).status_code == 200
    for url in ("/messages?include=body", "/messages/wait?timeout=0"):
        assert (await edge.http.get(f"/v1/inboxes/{account.id}{url}", headers=own)).status_code == 200
        assert (await edge.http.get(f"/v1/inboxes/{empty['id']}{url}", headers=wide)).status_code == 200
    for url in ("", "/raw"):
        missing = f"/v1/inboxes/{account.id}/messages/msg_{'0' * 32}{url}"
        assert (await edge.http.get(missing, headers=wide)).status_code == 404
    assert len(await _trail(edge, account)) == before


async def test_what_cannot_be_recorded_is_not_shown(services: Services) -> None:
    """503 and no mail while the trail cannot be written; the inbox's own key reads on."""
    away = await Database.open(services.db.url, connections=1)
    async with serving(replace(services, reads=ReadLog(away, services.trail))) as edge:
        account = await edge.open_account()
        message = await _message(edge, account)
        url, key = f"/v1/inboxes/{account.id}/messages/{message['id']}", bearer(account.account_api_key)
        assert (await edge.http.get(url, headers=key)).status_code == 200
        await away.close()
        for path in ("", "/raw", "/attachments/" + message["attachments"][0]["id"]):
            refused = await edge.http.get(url + path, headers=key)
            assert (refused.status_code, refused.json()["error"]) == (503, "UNAVAILABLE")
            assert refused.headers["retry-after"] == "1"
            assert "123456" not in refused.text
        assert (await edge.http.get(url, headers=bearer(account.inbox_api_key))).status_code == 200
        assert len(await _trail(edge, account)) == 2


async def test_reads_at_once_share_commits_and_starve_nobody(edge: Edge) -> None:
    """Far more reads than there are connections are all answered, in fewer commits than reads."""
    accounts = [await edge.open_account() for _ in range(4)]
    messages = [await _message(edge, account) for account in accounts]
    count = "select count(distinct xmin::text) from audit where action = 'read_message' and account_id = any($1)"
    answers = await asyncio.gather(*(
        edge.http.get(f"/v1/inboxes/{account.id}/messages/{message['id']}", headers=bearer(account.account_api_key))
        for account, message in zip(accounts, messages, strict=True) for _ in range(25)
    ))  # fmt: skip
    assert {answer.status_code for answer in answers} == {200}
    async with edge.database.read() as db:
        commits = await db.fetchval(count, [_uuid(account.account_id) for account in accounts])
    assert commits < 100
    for account in accounts:
        assert await _verdict(edge, account) == (26, None)


# The list


async def test_each_filter_finds_what_it_names(edge: Edge) -> None:
    """Alone and together."""
    account = await edge.open_account()
    other = await edge.create_inbox(account.account_api_key)
    own, wide = bearer(account.inbox_api_key), bearer(account.account_api_key)
    for key, inbox in ((own, account.id), (wide, account.id), (wide, other["id"])):
        assert (await edge.http.patch(f"/v1/inboxes/{inbox}", json={}, headers=key)).status_code == 200
    own_id = (await edge.http.get("/v1/whoami", headers=own)).json()["result"]["key_id"]
    wide_id = (await edge.http.get("/v1/whoami", headers=wide)).json()["result"]["key_id"]
    nothing = "0" * 32
    for query, numbers in (
        ({}, [5, 4, 3, 2, 1]),
        ({"action": "update_inbox"}, [5, 4, 3]),
        ({"action": "delete_inbox"}, []),
        ({"target": account.id}, [4, 3, 1]),
        ({"target": account.id, "key_id": own_id}, [3]),
        ({"key_id": own_id}, [3]),
        ({"key_id": wide_id}, [5, 4, 2]),
        ({"key_id": wide_id, "action": "create_inbox"}, [2]),
        ({"actor": "anonymous"}, [1]),
        ({"actor": "operator"}, []),
        ({"inbox_id": other["id"]}, [5, 2]),
        ({"pod_id": "pod_" + nothing}, []),
        ({"member_id": "mem_" + nothing}, []),
        ({"limit": 2}, [5, 4]),
        ({"to": "0001-01-01T00:00:00Z"}, []),
        ({"from": "9999-12-31T23:59:59Z"}, []),
        ({"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z"}, [5, 4, 3, 2, 1]),
    ):
        assert [entry["number"] for entry in await _trail(edge, account, **query)] == numbers, query


async def test_times_bound_a_list(edge: Edge) -> None:
    """`from` is included, `to` is not, and rows that are a little out of order are found all the same."""
    account = await edge.open_account()
    start = utc_now() - timedelta(days=100)
    minutes = [*range(0, 100, 2), 95, 99, 91, *range(101, 1000)]
    moments = [start + timedelta(minutes=minute) for minute in minutes]
    entries = [Entry(_uuid(account.account_id), SYSTEM, "tick", Change(f"t{at}"), at) for at in moments]
    async with edge.database.transaction() as db:
        await db.execute("delete from audit where account_id = $1", entries[0].account_id)
        await db.execute("delete from audit_chains where account_id = $1", entries[0].account_id)
        await edge.services.trail.record(db, entries)
    for first, last in ((0, 1000), (0, 1), (90, 100), (94, 96), (300, 301), (300, 800), (999, 2000), (-5, 0), (50, 40)):
        since, until = start + timedelta(minutes=first), start + timedelta(minutes=last)
        found, _ = await _all(edge, account, from_=rfc3339(since), to=rfc3339(until), limit=100)
        expected = [rfc3339(at) for at in reversed(moments) if since <= at < until]
        assert [entry["at"] for entry in found] == expected


async def test_pages_join(edge: Edge) -> None:
    """Without gap or repetition, while new entries come."""
    account = await edge.open_account()
    for _ in range(6):
        await edge.http.patch(f"/v1/inboxes/{account.id}", json={}, headers=bearer(account.account_api_key))
    found, pages = await _all(edge, account, limit=3)
    assert [entry["number"] for entry in found] == [7, 6, 5, 4, 3, 2, 1]
    assert pages == 3


async def test_a_page_looks_at_a_bounded_number_of_entries(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that finds little gives short or empty pages that go on; a target or key is looked up."""
    account = await edge.open_account()
    other = await edge.create_inbox(account.account_api_key)
    for _ in range(20):
        await edge.http.patch(f"/v1/inboxes/{other['id']}", json={}, headers=bearer(account.account_api_key))
    monkeypatch.setattr(repository, "LOOKED_AT", 5)
    found, pages = await _all(edge, account, action="create_inbox", limit=2)
    assert ([entry["number"] for entry in found], pages) == ([2, 1], 5)
    found, pages = await _all(edge, account, target=account.id, limit=2)
    assert ([entry["number"] for entry in found], pages) == ([1], 1)
    found, pages = await _all(edge, account, target=account.id, action="none", limit=2)
    assert (found, pages) == ([], 1)


async def test_a_trail_is_its_accounts_own(edge: Edge) -> None:
    """Another account's is never seen, whatever the filter or the cursor; narrower keys get 403."""
    mine, other = await edge.open_account(), await edge.open_account()
    assert await _trail(edge, mine, target=other.id) == []
    assert await _trail(edge, mine, inbox_id=other.id) == []
    answer = await edge.http.get("/v1/audit", headers=bearer(mine.inbox_api_key))
    assert (answer.status_code, answer.json()["error"]) == (403, "FORBIDDEN")
    assert (await edge.http.get("/v1/audit")).status_code == 401


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("cursor=x", 400, None),
        ("cursor=WzE4NDQ2NzQ0MDczNzA5NTUxNjE2XQ", 400, None),  # [18446744073709551616]
        ("cursor=Wy0xXQ", 400, None),  # [-1]
        ("cursor=WyIxIl0", 400, None),  # ["1"]
        ("limit=0", 422, "limit"),
        ("limit=101", 422, "limit"),
        ("actor=nobody", 422, "actor"),
        ("key_id=inbox_00000000000000000000000000000000", 422, "key_id"),
        ("member_id=x", 422, "member_id"),
        ("pod_id=", 422, "pod_id"),
        ("inbox_id=a@daimon.email", 422, "inbox_id"),
        ("from=yesterday", 422, "from"),
        ("from=2026-01-01", 422, "from"),
        ("to=0001-01-01T00:00:00%2B14:00", 422, "to"),
        ("to=9999-12-31T23:59:59-14:00", 422, "to"),
        ("action=" + "x" * 65, 422, "action"),
        ("target=" + "x" * 321, 422, "target"),
        ("target=%00", 422, "target"),
        ("target=a&target=b", 422, "target"),
        ("offset=1", 422, "offset"),
    ],
)
async def test_bad_queries_are_refused(edge: Edge, query: str, status: int, field: str | None) -> None:
    """By name, and never with a 5xx."""
    account = await edge.open_account()
    answer = await edge.http.get(f"/v1/audit?{query}", headers=bearer(account.account_api_key))
    assert answer.status_code == status, answer.text
    assert field is None or answer.json()["details"][0]["field"] == field
