"""Rules over HTTP: made, listed, deleted; each within its key's reach."""

import asyncio
from typing import Any

import pytest

from daimon.kit import ids
from daimon.rules import lookup
from daimon.rules.errors import RecipientBlocked
from daimon.rules.lookup import Place
from daimon.rules.models import MOST_RULES

from .conftest import Edge, Opened, bearer
from .podding import create_pod
from .trails import trail_of

SPAM = {"direction": "inbound", "action": "block", "value": "spam.example"}
ABSENT = "rule_" + "0" * 32


async def make(edge: Edge, key: str, **body: object) -> dict[str, Any]:
    answer = await edge.http.post("/v1/rules", json=SPAM | body, headers=bearer(key))
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json()["result"]
    return result


async def call(edge: Edge, key: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Return the status, and the result or the error's code."""
    answer = await edge.http.request(method, path, json=body, headers=bearer(key))
    said = answer.json()
    return answer.status_code, said["result"] if answer.is_success else said.get("code") or said["error"]


async def values(edge: Edge, key: str, query: str = "") -> list[str]:
    status, page = await call(edge, key, "GET", f"/v1/rules{query}")
    assert status == 200
    assert page["total"] == len(page["rules"])
    return [rule["value"] for rule in page["rules"]]


async def counted(edge: Edge, account: Opened) -> int:
    """Return how many rules are counted against the limit."""
    async with edge.database.read() as db:
        used: int | None = await db.fetchval(
            "select used from quotas where account_id = $1 and quota = 'rules'", account_of(account)
        )
    return used or 0


def account_of(account: Opened) -> Any:
    return ids.read(ids.Kind.ACCOUNT, account.account_id)


async def test_a_rule_is_made_shown_listed_and_deleted(edge: Edge) -> None:
    """In its stored form; the trail tells of both changes."""
    account = await edge.open_account()
    key = account.account_api_key
    made = await make(edge, key, value="*.SPAM.example", reason="Enough")
    assert (made["value"], made["level"], made["pod_id"], made["inbox_id"]) == ("spam.example", "account", None, None)
    assert await call(edge, key, "GET", f"/v1/rules/{made['id']}") == (200, made)
    assert await values(edge, key) == ["spam.example"]
    assert await call(edge, key, "DELETE", f"/v1/rules/{made['id']}") == (200, {"id": made["id"], "deleted": True})
    for method in ("GET", "DELETE"):
        assert await call(edge, key, method, f"/v1/rules/{made['id']}") == (404, "RULE_NOT_FOUND")
    assert await counted(edge, account) == 0
    trail = await trail_of(edge, account)
    assert [entry["action"] for entry in trail[:2]] == ["delete_rule", "create_rule"]


async def test_a_list_is_narrowed(edge: Edge) -> None:
    """By direction, action, level, inbox, value and a part of it; pages go on by cursor and by offset."""
    account = await edge.open_account()
    key = account.account_api_key
    for name in ("a.example", "b.example"):
        await make(edge, key, value=name)
    await make(edge, key, value="ann@a.example", action="allow")
    await make(edge, key, value="c.example", direction="outbound")
    await make(edge, key, value="d.example", inbox_id=account.id)
    for query, expected in (
        ("?direction=outbound", ["c.example"]),
        ("?action=allow", ["ann@a.example"]),
        ("?level=inbox", ["d.example"]),
        ("?level=pod", []),
        ("?level=account&direction=inbound&action=block", ["a.example", "b.example"]),
        (f"?inbox_id={account.id}", ["d.example"]),
        ("?value=A.example", ["a.example"]),
        ("?q=a.EX", ["a.example", "ann@a.example"]),
        ("?q=%25", []),
    ):
        assert await values(edge, key, query) == expected, query
    _, first = await call(edge, key, "GET", "/v1/rules?limit=2")
    assert (first["total"], first["has_more"]) == (5, True)
    _, second = await call(edge, key, "GET", f"/v1/rules?limit=2&cursor={first['next_cursor']}")
    _, same = await call(edge, key, "GET", "/v1/rules?limit=2&offset=2")
    assert [rule["id"] for rule in second["rules"]] == [rule["id"] for rule in same["rules"]]


async def test_the_same_rule_twice_is_a_conflict(edge: Edge) -> None:
    """Its opposite is not, nor is the same in another list; by client_id, the earlier is the answer."""
    account = await edge.open_account()
    key = account.account_api_key
    made = await make(edge, key, client_id="c")
    assert await call(edge, key, "POST", "/v1/rules", SPAM | {"value": "SPAM.example"}) == (409, "RULE_EXISTS")
    await make(edge, key, action="allow")
    await make(edge, key, direction="outbound")
    await make(edge, key, inbox_id=account.id)
    assert await call(edge, key, "POST", "/v1/rules", SPAM | {"client_id": "c"}) == (200, made)
    other = SPAM | {"client_id": "c", "value": "x.example"}
    assert await call(edge, key, "POST", "/v1/rules", other) == (409, "CLIENT_ID_CONFLICT")
    assert await counted(edge, account) == 4
    await call(edge, key, "DELETE", f"/v1/rules/{made['id']}")
    assert (await make(edge, key, client_id="c"))["id"] != made["id"]


async def test_a_rule_that_is_made_at_the_same_time_is_made_once(edge: Edge) -> None:
    """And counted once; deleted at the same time, it is given back once."""
    account = await edge.open_account()
    key = account.account_api_key
    answers = await asyncio.gather(*(call(edge, key, "POST", "/v1/rules", SPAM) for _ in range(6)))
    assert sorted(status for status, _ in answers) == [201, 409, 409, 409, 409, 409]
    assert await counted(edge, account) == 1
    [made] = [result for status, result in answers if status == 201]
    await make(edge, key, value="other.example")
    gone = await asyncio.gather(*(call(edge, key, "DELETE", f"/v1/rules/{made['id']}") for _ in range(6)))
    assert sorted(status for status, _ in gone) == [200, 404, 404, 404, 404, 404]
    assert await counted(edge, account) == 1


async def test_an_account_has_so_many_rules_and_no_more(edge: Edge) -> None:
    """What is refused is not kept."""
    account = await edge.open_account()
    await make(edge, account.account_api_key)
    async with edge.database.read() as db:
        await db.execute(
            "update quotas set used = $2 where account_id = $1 and quota = 'rules'", account_of(account), MOST_RULES - 1
        )
    await make(edge, account.account_api_key, value="last.example")
    body = SPAM | {"value": "more.example"}
    assert await call(edge, account.account_api_key, "POST", "/v1/rules", body) == (409, "TOO_MANY_RULES")
    assert await values(edge, account.account_api_key, "?direction=inbound") == ["spam.example", "last.example"]


async def test_a_key_makes_and_sees_the_rules_within_its_reach(edge: Edge) -> None:
    """A pod's key those of its pod and of the inboxes in it, an inbox's key its own; nothing of the others exists."""
    account, other = await edge.open_account(), await edge.open_account()
    pod, sibling = await create_pod(edge, account), await create_pod(edge, account)
    inbox = await edge.create_inbox(pod["pod_api_key"])
    keys = {
        "account": account.account_api_key, "pod": pod["pod_api_key"], "inbox": inbox["inbox_api_key"],
        "sibling": sibling["pod_api_key"], "other": other.account_api_key,
    }  # fmt: skip
    made = {name: await make(edge, key, value=f"{name}.example") for name, key in keys.items()}
    assert [made[name]["level"] for name in keys] == ["account", "pod", "inbox", "pod", "account"]
    assert (made["pod"]["pod_id"], made["inbox"]["pod_id"]) == (pod["id"], pod["id"])
    assert made["inbox"]["inbox_id"] == inbox["id"]
    seen = {
        "account": ["account", "pod", "inbox", "sibling"], "pod": ["pod", "inbox"], "inbox": ["inbox"],
        "sibling": ["sibling"], "other": ["other"],
    }  # fmt: skip
    for name, key in keys.items():
        assert await values(edge, key) == [f"{each}.example" for each in seen[name]]
        for each, rule in made.items():
            expected = 200 if each in seen[name] else 404
            assert (await call(edge, key, "GET", f"/v1/rules/{rule['id']}"))[0] == expected, (name, each)
            if expected == 404:
                assert await call(edge, key, "DELETE", f"/v1/rules/{rule['id']}") == (404, "RULE_NOT_FOUND")
        assert await call(edge, key, "GET", f"/v1/rules/{ABSENT}") == (404, "RULE_NOT_FOUND")
    assert await values(edge, keys["account"], f"?pod_id={pod['id']}") == ["pod.example", "inbox.example"]
    for name, foreign, error in (
        ("pod", {"pod_id": sibling["id"]}, (404, "POD_NOT_FOUND")),
        ("pod", {"inbox_id": account.id}, (404, "INBOX_NOT_FOUND")),
        ("inbox", {"inbox_id": account.id}, (404, "INBOX_NOT_FOUND")),
        ("inbox", {"pod_id": sibling["id"]}, (422, "VALIDATION_FAILED")),
        ("account", {"inbox_id": inbox["id"], "pod_id": sibling["id"]}, (422, "VALIDATION_FAILED")),
        ("other", {"inbox_id": inbox["id"]}, (404, "INBOX_NOT_FOUND")),
    ):
        assert await call(edge, keys[name], "POST", "/v1/rules", SPAM | foreign) == error, (name, foreign)


async def test_an_inboxs_rules_move_and_go_with_it(edge: Edge) -> None:
    """The old pod's key loses them; once the inbox is deleted they are gone, and count no more."""
    account = await edge.open_account()
    pod, sibling = await create_pod(edge, account), await create_pod(edge, account)
    inbox = await edge.create_inbox(pod["pod_api_key"])
    await make(edge, inbox["inbox_api_key"], client_id="mine")
    await make(edge, pod["pod_api_key"], value="pod.example")
    await call(edge, account.account_api_key, "PATCH", f"/v1/inboxes/{inbox['id']}", {"pod_id": sibling["id"]})
    assert await values(edge, pod["pod_api_key"]) == ["pod.example"]
    assert await values(edge, sibling["pod_api_key"]) == ["spam.example"]
    await call(edge, account.account_api_key, "DELETE", f"/v1/inboxes/{inbox['id']}")
    assert await values(edge, account.account_api_key) == ["pod.example"]
    assert await counted(edge, account) == 1
    await make(edge, account.account_api_key, client_id="mine")


@pytest.mark.parametrize(("fate", "left"), [("delete", []), ("move", ["inbox.example"])])
async def test_a_pods_rules_go_with_it(edge: Edge, fate: str, left: list[str]) -> None:
    """Those of its inboxes with these."""
    account = await edge.open_account()
    pod = await create_pod(edge, account)
    inbox = await edge.create_inbox(pod["pod_api_key"])
    await make(edge, pod["pod_api_key"], value="pod.example")
    await make(edge, inbox["inbox_api_key"], value="inbox.example")
    status, _ = await call(edge, account.account_api_key, "DELETE", f"/v1/pods/{pod['id']}?inboxes={fate}")
    assert status == 200
    assert await values(edge, account.account_api_key) == left
    assert await counted(edge, account) == len(left)


async def test_a_recipient_is_blocked_by_a_named_rule(edge: Edge) -> None:
    """Or by none, where the list allows others alone; the error says what to do."""
    account = await edge.open_account()
    inbox_id = ids.read(ids.Kind.INBOX, account.id)
    assert inbox_id is not None
    place = Place(account_of(account), None, inbox_id)
    rule = await make(edge, account.account_api_key, direction="outbound", value="rival.example")
    async with edge.services.db.read(place.account_id) as db:
        await lookup.check_outbound(db, [(place, ["ann@fine.example", "bob@example.com"])])
        with pytest.raises(RecipientBlocked) as refused:
            await lookup.check_outbound(db, [(place, ["ann@fine.example", "Bob@Mail.Rival.example"])])
    assert rule["id"] in refused.value.message
    assert refused.value.details[0].field == "Bob@Mail.Rival.example"
    assert any(f"DELETE /v1/rules/{rule['id']}" in step for step in refused.value.steps)
    await make(
        edge, account.account_api_key, direction="outbound", value="fine.example", action="allow", inbox_id=account.id
    )
    async with edge.services.db.read(place.account_id) as db:
        await lookup.check_outbound(db, [(place, ["ann@fine.example"])])
        with pytest.raises(RecipientBlocked, match="not among those that the inbox's outbound rules allow"):
            await lookup.check_outbound(db, [(place, ["bob@example.com"])])


@pytest.mark.parametrize(
    "body",
    [{"value": "com"}, {"value": "a b"}, {"direction": "sideways"}, {"action": "maybe"}, {"inbox_id": "x"}, {"x": 1}],
)
async def test_what_is_no_rule_is_refused(edge: Edge, body: dict[str, object]) -> None:
    """With the field at fault."""
    account = await edge.open_account()
    assert await call(edge, account.account_api_key, "POST", "/v1/rules", SPAM | body) == (422, "VALIDATION_FAILED")
