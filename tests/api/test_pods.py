"""Pods over HTTP: their life, limits and keys."""

import asyncio
from typing import Any

import httpx
import pytest

from daimon.kit import ids

from .conftest import Edge, Opened, bearer
from .podding import create_pod, in_pod, make_paid, member_key, patch_inbox

ABSENT = "pod_" + "0" * 32


async def test_a_pod_is_made_with_its_key_once(edge: Edge) -> None:
    """201 with every field and the key; a get shows the same pod without it."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    body = {
        "name": "Customer A",
        "description": "Since 2026",
        "client_id": "a",
        "metadata": {"plan": "gold"},
        "limits": {"max_inboxes": 3},
        "cost_center": "4711",
    }
    answer = await edge.http.post("/v1/pods", json=body, headers=key)
    assert answer.status_code == 201, answer.text
    made = answer.json()["result"]
    secret = made.pop("pod_api_key")
    assert secret.startswith("dm_free_")
    shown = {name: made[name] for name in body} | {"limits": {"max_inboxes": made["limits"]["max_inboxes"]}}
    assert shown == body
    assert (made["status"], made["subdomain"], made["inbox_count"]) == ("active", None, 0)
    assert (await edge.http.get(f"/v1/pods/{made['id']}", headers=key)).json()["result"] == made
    assert (await edge.http.get(f"/v1/pods/{made['id']}", headers=bearer(secret))).json()["result"] == made
    whoami = (await edge.http.get("/v1/whoami", headers=bearer(secret))).json()["result"]
    assert (whoami["scope"], whoami["pod_id"]) == ("pod", made["id"])


async def test_client_id_makes_one_pod(edge: Edge) -> None:
    """The same body answers 200 without the key, another body 409; after a delete it makes a new one."""
    account = await edge.open_account()
    key, body = bearer(account.account_api_key), {"name": "A", "client_id": "a"}
    answers = await asyncio.gather(*(edge.http.post("/v1/pods", json=body, headers=key) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["result"]["id"] for answer in answers}) == 1
    assert sum("pod_api_key" in answer.json()["result"] for answer in answers) == 1
    other = await edge.http.post("/v1/pods", json=body | {"name": "B"}, headers=key)
    assert (other.status_code, other.json()["error"]) == (409, "CLIENT_ID_CONFLICT")
    first = answers[0].json()["result"]["id"]
    assert (await edge.http.delete(f"/v1/pods/{first}", headers=key)).status_code == 200
    again = await edge.http.post("/v1/pods", json=body, headers=key)
    assert again.status_code == 201
    assert again.json()["result"]["id"] != first


async def test_pods_are_listed(edge: Edge) -> None:
    """Total, offset, cursor and filters; another account's are never among them."""
    account, other = await edge.open_account(), await edge.open_account()
    await create_pod(edge, other, name="Foreign")
    made = [(await create_pod(edge, account, name=f"{'Aa'[n % 2]}-{n}"))["id"] for n in range(5)]
    key = bearer(account.account_api_key)
    page = (await edge.http.get("/v1/pods?limit=2&offset=1", headers=key)).json()["result"]
    assert ([pod["id"] for pod in page["pods"]], page["total"], page["offset"]) == (made[1:3], 5, 1)
    seen, query = [], {"limit": "2"}
    while True:
        page = (await edge.http.get("/v1/pods", params=query, headers=key)).json()["result"]
        seen += [pod["id"] for pod in page["pods"]]
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == made
    await edge.http.patch(f"/v1/pods/{made[0]}", json={"status": "suspended"}, headers=key)
    for query, expected in (({"status": "suspended"}, made[:1]), ({"q": "a-"}, made), ({"q": "A-4"}, made[4:])):
        page = (await edge.http.get("/v1/pods", params=query, headers=key)).json()["result"]
        assert ([pod["id"] for pod in page["pods"]], page["total"]) == (expected, len(expected))


async def test_a_pod_key_changes_what_is_the_pods_own(edge: Edge) -> None:
    """Name, description and metadata; limits, status, subdomain and cost centre are the account's: 403."""
    account = await edge.open_account()
    pod = await create_pod(edge, account)
    url, own, whole = f"/v1/pods/{pod['id']}", bearer(pod["pod_api_key"]), bearer(account.account_api_key)
    wish = {"name": "B", "description": "x", "metadata": {"a": [1]}}
    changed = (await edge.http.patch(url, json=wish, headers=own)).json()["result"]
    assert {name: changed[name] for name in wish} == wish
    for beyond in (
        {"limits": {"max_inboxes": None}},
        {"limits": {"max_sends_per_day": 0}},
        {"status": "suspended"},
        {"subdomain": "mine-now"},
        {"subdomain": None},
        {"cost_center": "1"},
    ):
        refused = await edge.http.patch(url, json={"name": "C"} | beyond, headers=own)
        assert (refused.status_code, refused.json()["error"]) == (403, "FORBIDDEN"), beyond
    assert (await edge.http.get(url, headers=own)).json()["result"]["name"] == "B"
    assert (await edge.http.patch(url, json={"cost_center": "1"}, headers=whole)).status_code == 200


async def test_other_pods_do_not_exist(edge: Edge) -> None:
    """A sibling pod's key, another account's and an id never issued meet the same 404; a pod key lists no pods."""
    account, other = await edge.open_account(), await edge.open_account()
    pod, sibling = await create_pod(edge, account), await create_pod(edge, account)
    for url in ("", "/inboxes", "/threads", "/usage"):
        bodies = set()
        for key, pod_id in (
            (sibling["pod_api_key"], pod["id"]),
            (other.account_api_key, pod["id"]),
            (account.account_api_key, ABSENT),
        ):
            answer = await edge.http.get(f"/v1/pods/{pod_id}{url}", headers=bearer(key))
            body = answer.json()
            body.pop("request_id")
            bodies.add((answer.status_code, str(body)))
        assert len(bodies) == 1
        assert (answer.status_code, answer.json()["error"]) == (404, "POD_NOT_FOUND")
        assert (
            await edge.http.get(f"/v1/pods/{pod['id']}{url}", headers=bearer(pod["pod_api_key"]))
        ).status_code == 200
    for method, url in (("GET", "/v1/pods"), ("POST", "/v1/pods"), ("DELETE", f"/v1/pods/{pod['id']}")):
        refused = await edge.http.request(method, url, headers=bearer(pod["pod_api_key"]))
        assert (refused.status_code, refused.json()["error"]) == (403, "FORBIDDEN")
    refused = await edge.http.get(f"/v1/pods/{pod['id']}", headers=bearer(account.inbox_api_key))
    assert refused.status_code == 403
    for pod_id in (sibling["id"], ABSENT):
        for path in ("/v1/inboxes", "/v1/threads"):
            answer = await edge.http.get(path, params={"pod_id": pod_id}, headers=bearer(pod["pod_api_key"]))
            assert (answer.status_code, answer.json()["error"]) == (404, "POD_NOT_FOUND")


async def test_a_members_role_in_a_pod_ends_at_the_pod(edge: Edge) -> None:
    """A viewer of one pod reads it, changes nothing, and does not see its sibling."""
    account = await edge.open_account()
    pod, sibling = await create_pod(edge, account), await create_pod(edge, account)
    viewer = bearer(await member_key(edge, account, ("viewer", pod["id"])))
    assert (await edge.http.get(f"/v1/pods/{pod['id']}", headers=viewer)).status_code == 200
    assert (await edge.http.patch(f"/v1/pods/{pod['id']}", json={"name": "x"}, headers=viewer)).status_code == 403
    assert (await edge.http.get(f"/v1/pods/{sibling['id']}", headers=viewer)).json()["error"] == "POD_NOT_FOUND"
    admin = bearer(await member_key(edge, account, ("admin", pod["id"])))
    assert (await edge.http.patch(f"/v1/pods/{pod['id']}", json={"name": "x"}, headers=admin)).status_code == 200
    refused = await edge.http.patch(f"/v1/pods/{pod['id']}", json={"status": "suspended"}, headers=admin)
    assert refused.status_code == 403


async def test_a_member_of_several_pods_names_one(edge: Edge) -> None:
    """422 without pod_id, 404 for a third pod; the lists show both pods in the account's order."""
    account = await edge.open_account()
    one, two, third = [await create_pod(edge, account) for _ in range(3)]
    key = bearer(await member_key(edge, account, ("developer", one["id"]), ("developer", two["id"])))
    missing = await edge.http.post("/v1/inboxes", headers=key)
    assert (missing.status_code, missing.json()["details"][0]["field"]) == (422, "pod_id")
    foreign = await edge.http.post("/v1/inboxes", json={"pod_id": third["id"]}, headers=key)
    assert foreign.json()["error"] == "POD_NOT_FOUND"
    made = [await in_pod(edge, account, pod) for pod in (two, one, two, third, one)]
    mine = [inbox["id"] for inbox in made if inbox["pod_id"] != third["id"]]
    page = (await edge.http.get("/v1/inboxes?limit=3", headers=key)).json()["result"]
    rest = (await edge.http.get(f"/v1/inboxes?limit=3&cursor={page['next_cursor']}", headers=key)).json()["result"]
    assert [inbox["id"] for inbox in page["inboxes"] + rest["inboxes"]] == mine
    assert (page["total"], rest["has_more"]) == (4, False)
    by_offset = (await edge.http.get("/v1/inboxes?limit=2&offset=1", headers=key)).json()["result"]
    assert [inbox["id"] for inbox in by_offset["inboxes"]] == mine[1:3]
    for inbox in made:
        await edge.deliver(inbox["id"], inbox["id"])
    page = (await edge.http.get("/v1/threads?limit=3", headers=key)).json()["result"]
    rest = (await edge.http.get(f"/v1/threads?limit=3&cursor={page['next_cursor']}", headers=key)).json()["result"]
    assert [thread["inbox_id"] for thread in page["threads"] + rest["threads"]] == mine[::-1]


async def test_an_inbox_is_made_in_a_pod(edge: Edge) -> None:
    """By the account with pod_id, by the pod's key without; a foreign pod is a 404, a malformed id a 422."""
    account, other = await edge.open_account(), await edge.open_account()
    pod, sibling = await create_pod(edge, account), await create_pod(edge, account)
    first = await edge.create_inbox(account.account_api_key, pod_id=pod["id"])
    second = await edge.create_inbox(pod["pod_api_key"])
    third = await edge.create_inbox(pod["pod_api_key"], pod_id=pod["id"])
    assert {first["pod_id"], second["pod_id"], third["pod_id"]} == {pod["id"]}
    for key, pod_id in (
        (pod["pod_api_key"], sibling["id"]),
        (other.account_api_key, pod["id"]),
        (account.account_api_key, ABSENT),
    ):
        answer = await edge.http.post("/v1/inboxes", json={"pod_id": pod_id}, headers=bearer(key))
        assert (answer.status_code, answer.json()["error"]) == (404, "POD_NOT_FOUND")
    answer = await edge.http.post("/v1/inboxes", json={"pod_id": "pod_x"}, headers=bearer(account.account_api_key))
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, "pod_id")
    page = (await edge.http.get(f"/v1/pods/{pod['id']}/inboxes", headers=bearer(pod["pod_api_key"]))).json()["result"]
    assert [inbox["id"] for inbox in page["inboxes"]] == [first["id"], second["id"], third["id"]]
    assert page["total"] == 3
    assert await _count(edge, account, pod) == 3
    await edge.http.delete(f"/v1/inboxes/{second['id']}", headers=bearer(pod["pod_api_key"]))
    assert await _count(edge, account, pod) == 2


async def test_client_ids_of_inboxes_do_not_reach_across_pods(edge: Edge) -> None:
    """What a client_id made in another pod is not shown: 409."""
    account = await edge.open_account()
    pod, sibling = await create_pod(edge, account), await create_pod(edge, account)
    first = await edge.create_inbox(pod["pod_api_key"], client_id="x")
    again = await edge.http.post("/v1/inboxes", json={"client_id": "x"}, headers=bearer(pod["pod_api_key"]))
    assert (again.status_code, again.json()["result"]["id"]) == (200, first["id"])
    foreign = await edge.http.post("/v1/inboxes", json={"client_id": "x"}, headers=bearer(sibling["pod_api_key"]))
    assert (foreign.status_code, foreign.json()["error"]) == (409, "CLIENT_ID_CONFLICT")
    await patch_inbox(edge, account, first, pod_id=None)
    moved = await edge.http.post("/v1/inboxes", json={"client_id": "x"}, headers=bearer(pod["pod_api_key"]))
    assert (moved.status_code, moved.json()["error"]) == (409, "CLIENT_ID_CONFLICT")


async def test_limits_are_within_the_accounts(edge: Edge) -> None:
    """422 names the limit that is wider; a paid account takes what a free one may not."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    pod = await create_pod(edge, account)
    for limits, field in (
        ({"max_inboxes": 11}, "limits.max_inboxes"),
        ({"max_sends_per_day": 1}, "limits.max_sends_per_day"),
    ):
        for answer in (
            await edge.http.post("/v1/pods", json={"name": "x", "limits": limits}, headers=key),
            await edge.http.patch(f"/v1/pods/{pod['id']}", json={"limits": limits}, headers=key),
        ):
            assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, field)
    await make_paid(edge, account)
    wide = {"max_inboxes": 10**9, "max_sends_per_day": 1000}
    answer = await edge.http.patch(f"/v1/pods/{pod['id']}", json={"limits": wide}, headers=key)
    assert answer.json()["result"]["limits"] == wide
    kept = await edge.http.patch(f"/v1/pods/{pod['id']}", json={"limits": {"max_inboxes": None}}, headers=key)
    assert kept.json()["result"]["limits"] == wide | {"max_inboxes": None}


async def test_fifty_creates_at_once_fill_a_pod_exactly(edge: Edge) -> None:
    """A limit of seven grants seven; the rest are told what is used, and are neither to pay nor to wait."""
    account = await edge.open_account()
    await make_paid(edge, account)
    pod = await create_pod(edge, account, limits={"max_inboxes": 7})
    keys = [bearer(account.account_api_key), bearer(pod["pod_api_key"])]
    answers = await asyncio.gather(
        *(edge.http.post("/v1/inboxes", json={"pod_id": pod["id"]}, headers=keys[n % 2]) for n in range(50))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 7 + [403] * 43
    refused = next(answer.json() for answer in answers if answer.status_code == 403)
    assert refused["error"] == "POD_LIMIT_REACHED"
    assert refused["current_usage"] == {"current_inboxes": 7, "max_inboxes": 7}
    assert "upgrade_context" not in refused
    assert await _count(edge, account, pod) == 7
    url, key = f"/v1/pods/{pod['id']}", keys[0]
    lowered = await edge.http.patch(url, json={"limits": {"max_inboxes": 2}}, headers=key)
    assert lowered.json()["result"]["inbox_count"] == 7
    await edge.http.delete(f"/v1/inboxes/{_first(answers)['id']}", headers=key)
    full = await edge.http.post("/v1/inboxes", headers=keys[1])
    assert full.json()["current_usage"] == {"current_inboxes": 6, "max_inboxes": 2}
    await edge.http.patch(url, json={"limits": {"max_inboxes": None}}, headers=key)
    assert (await edge.http.post("/v1/inboxes", headers=keys[1])).status_code == 201
    assert (await _limits(edge, account))["current_inboxes"] == 8


async def test_a_pod_is_suspended_and_resumed(edge: Edge) -> None:
    """It makes no inboxes, and receives and is read as before; each suspension is told once."""
    account = await edge.open_account()
    pod = await create_pod(edge, account)
    inbox = await in_pod(edge, account, pod)
    url, key, own = f"/v1/pods/{pod['id']}", bearer(account.account_api_key), bearer(pod["pod_api_key"])
    for _ in range(2):
        suspended = await edge.http.patch(url, json={"status": "suspended"}, headers=key)
        assert suspended.json()["result"]["status"] == "suspended"
    for who in (key, own):
        refused = await edge.http.post("/v1/inboxes", json={"pod_id": pod["id"]}, headers=who)
        assert (refused.status_code, refused.json()["error"]) == (403, "POD_SUSPENDED")
    await edge.deliver(inbox["id"], "While suspended")
    page = (await edge.http.get(f"/v1/inboxes/{inbox['id']}/messages", headers=own)).json()["result"]
    assert [message["subject"] for message in page["messages"]] == ["While suspended"]
    await edge.http.patch(url, json={"status": "active"}, headers=key)
    assert (await edge.http.post("/v1/inboxes", headers=own)).status_code == 201
    assert await _events(edge, account, "pod.") == ["pod.created", "pod.suspended"]


async def test_a_pods_key_is_rotated(edge: Edge) -> None:
    """The key keeps its id; the old secret ends at once, or when the grace does."""
    account = await edge.open_account()
    pod = await create_pod(edge, account)
    url, key = f"/v1/pods/{pod['id']}/rotate-key", bearer(account.account_api_key)
    before = (await edge.http.get("/v1/whoami", headers=bearer(pod["pod_api_key"]))).json()["result"]
    rotated = (await edge.http.post(url, headers=key)).json()["result"]
    assert (rotated["pod_id"], rotated["key_id"]) == (pod["id"], before["key_id"])
    refused = await edge.http.get("/v1/whoami", headers=bearer(pod["pod_api_key"]))
    assert refused.json()["error"] == "API_KEY_REVOKED"
    await edge.http.post(url, json={"grace_seconds": 600}, headers=key)
    assert (await edge.http.get("/v1/whoami", headers=bearer(rotated["pod_api_key"]))).status_code == 200
    assert (await edge.http.post(url, headers=bearer(rotated["pod_api_key"]))).status_code == 403
    assert await _events(edge, account, "key.") == ["key.rotated"] * 2


async def test_a_narrower_key_makes_no_wider_pod_key(edge: Edge) -> None:
    """A key that may only write pods and inboxes makes a pod whose key may do no more."""
    account = await edge.open_account()
    async with edge.database.read() as db:
        await db.execute(
            "update keys set permissions = '{pods:read,pods:write,inboxes:write}' where account_id = $1",
            ids.read(ids.Kind.ACCOUNT, account.account_id),
        )
    edge.services.keys.forget()
    pod = await create_pod(edge, account)
    whoami = (await edge.http.get("/v1/whoami", headers=bearer(pod["pod_api_key"]))).json()["result"]
    assert set(whoami["permissions"]) == {"pods:read", "pods:write", "inboxes:write"}
    inbox = await in_pod(edge, account, pod)
    whoami = (await edge.http.get("/v1/whoami", headers=bearer(inbox["inbox_api_key"]))).json()["result"]
    assert whoami["permissions"] == ["inboxes:write"]


async def _bad(edge: Edge, method: str, url: str, body: object, account: Opened) -> httpx.Response:
    return await edge.http.request(method, url, json=body, headers=bearer(account.account_api_key))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a\n"}, "name"),
        ({"name": "a\u0000"}, "name"),
        ({"name": 1}, "name"),
        ({"name": None}, "name"),
        ({"name": "x", "description": "x" * 2001}, "description"),
        ({"name": "x", "description": "\u0000"}, "description"),
        ({"name": "x", "limits": {"max_inboxes": -1}}, "limits.max_inboxes"),
        ({"name": "x", "limits": {"max_inboxes": 2**53}}, "limits.max_inboxes"),
        ({"name": "x", "limits": {"max_inboxes": 1.5}}, "limits.max_inboxes"),
        ({"name": "x", "limits": {"max_inboxes": "1"}}, "limits.max_inboxes"),
        ({"name": "x", "limits": {"other": 1}}, "limits.other"),
        ({"name": "x", "metadata": {"a": "x" * 20_000}}, "metadata"),
        ({"name": "x", "cost_center": "x\u007f"}, "cost_center"),
        ({"name": "x", "client_id": ""}, "client_id"),
        ({"name": "x", "status": "active"}, "status"),
        ({"name": "x", "inbox_count": 1}, "inbox_count"),
    ],
)
async def test_bad_bodies_are_refused_by_field(edge: Edge, body: dict[str, Any], field: str) -> None:
    """422, never a server error."""
    account = await edge.open_account()
    answer = await _bad(edge, "POST", "/v1/pods", body, account)
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, field), answer.text


async def test_bad_queries_and_ids_are_refused(edge: Edge) -> None:
    """422 for a query, 404 for an id that never was one, 400 for a cursor."""
    account = await edge.open_account()
    pod = await create_pod(edge, account)
    url = f"/v1/pods/{pod['id']}"
    for method, path, status in (
        ("GET", "/v1/pods?status=deleted", 422),
        ("GET", "/v1/pods?q=", 422),
        ("GET", "/v1/pods?q=%00", 422),
        ("GET", "/v1/pods?offset=-1", 422),
        ("GET", "/v1/pods?limit=101", 422),
        ("GET", "/v1/pods?cursor=x", 400),
        ("GET", "/v1/pods?cursor=WyJ4Il0", 400),
        ("GET", "/v1/pods/pod_%00", 404),
        ("GET", "/v1/pods/x", 404),
        ("DELETE", f"{url}?inboxes=keep", 422),
        ("DELETE", f"{url}?inboxes=", 422),
        ("GET", f"{url}/inboxes?pod_id={pod['id']}", 422),
        ("GET", f"{url}/threads?cursor=WyJ4Il0", 400),
        ("GET", "/v1/inboxes?pod_id=x", 422),
    ):
        answer = await _bad(edge, method, path, None, account)
        assert answer.status_code == status, (path, answer.text)


def _first(answers: list[httpx.Response]) -> dict[str, Any]:
    made: dict[str, Any] = next(answer.json()["result"] for answer in answers if answer.status_code == 201)
    return made


async def _count(edge: Edge, account: Opened, pod: dict[str, Any]) -> int:
    answer = await edge.http.get(f"/v1/pods/{pod['id']}", headers=bearer(account.account_api_key))
    count: int = answer.json()["result"]["inbox_count"]
    return count


async def _limits(edge: Edge, account: Opened) -> dict[str, Any]:
    answer = await edge.http.get("/v1/account", headers=bearer(account.account_api_key))
    limits: dict[str, Any] = answer.json()["result"]["limits"]
    return limits


async def _events(edge: Edge, account: Opened, prefix: str) -> list[str]:
    async with edge.database.read() as db:
        rows = await db.fetch(
            "select event from events where account_id = $1 and starts_with(event, $2) order by sequence",
            ids.read(ids.Kind.ACCOUNT, account.account_id), prefix,
        )  # fmt: skip
    return [row["event"] for row in rows]
