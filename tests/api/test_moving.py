"""Moving inboxes between pods, and what becomes of them when their pod is deleted."""

import asyncio
from typing import Any

import httpx

from daimon.kit import ids

from .conftest import Edge, Opened, bearer
from .podding import create_pod, in_pod, make_paid, member_key, uuid_of


async def test_a_moved_inbox_keeps_all_and_changes_hands_at_once(edge: Edge) -> None:
    """Mail, thread ids, address and key stay; the new pod's key reaches it, the old one's does not."""
    account = await edge.open_account()
    old, new = await create_pod(edge, account), await create_pod(edge, account, subdomain="moved-to")
    inbox = await in_pod(edge, account, old)
    await edge.deliver(inbox["id"], "Before")
    own = bearer(inbox["inbox_api_key"])
    before = await _mail(edge, inbox, own)
    assert (await _mail(edge, inbox, bearer(old["pod_api_key"]))) == before
    moved = (await _move(edge, account, inbox, new)).json()["result"]
    assert (moved["pod_id"], moved["email"]) == (new["id"], inbox["email"])
    after = await _mail(edge, inbox, own)
    assert [(m["id"], m["thread_id"], m["pod_id"]) for m in after] == [
        (m["id"], m["thread_id"], new["id"]) for m in before
    ]
    assert await _mail(edge, inbox, bearer(new["pod_api_key"])) == after
    await _is_out_of_reach(edge, inbox, before[0], old["pod_api_key"])
    assert await _counts(edge, account, old, new) == [0, 1]
    whoami = (await edge.http.get("/v1/whoami", headers=own)).json()["result"]
    assert (whoami["pod_id"], whoami["inbox_id"]) == (new["id"], inbox["id"])
    out = (await _move(edge, account, inbox, None)).json()["result"]
    assert out["pod_id"] is None
    await _is_out_of_reach(edge, inbox, before[0], new["pod_api_key"])
    assert await _counts(edge, account, old, new) == [0, 0]
    assert (await _move(edge, account, inbox, new)).status_code == 200
    assert await _counts(edge, account, old, new) == [0, 1]


async def _is_out_of_reach(edge: Edge, inbox: dict[str, Any], message: dict[str, Any], key: str) -> None:
    """Meet the inbox nowhere with a pod's key: its objects are 404, its lists do not hold it."""
    url, headers = f"/v1/inboxes/{inbox['id']}", bearer(key)
    thread = message["thread_id"]
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/rotate-key"),
        ("GET", "/messages"),
        ("GET", "/messages/wait?timeout=0"),
        ("GET", f"/messages/{message['id']}"),
        ("PATCH", f"/messages/{message['id']}"),
        ("DELETE", f"/messages/{message['id']}"),
        ("GET", f"/messages/{message['id']}/raw"),
        ("GET", f"/messages/{message['id']}/attachments/{message['attachments'][0]['id']}"),
        ("GET", "/threads"),
        ("GET", f"/threads/{thread}"),
        ("PATCH", f"/threads/{thread}"),
        ("DELETE", f"/threads/{thread}"),
    ):
        answer = await edge.http.request(method, url + path, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (404, "INBOX_NOT_FOUND"), path
    by_address = await edge.http.get(f"/v1/inboxes/{inbox['email']}", headers=headers)
    assert by_address.json()["error"] == "INBOX_NOT_FOUND"
    for path, name in (("/v1/inboxes", "inboxes"), ("/v1/threads", "threads")):
        assert (await edge.http.get(path, headers=headers)).json()["result"][name] == []


async def test_a_long_poll_ends_for_the_old_pod(edge: Edge) -> None:
    """Mail that comes after the move is a 404 to the pod's key that was waiting, and is shown to the inbox's own."""
    account = await edge.open_account()
    pod = await create_pod(edge, account)
    inbox = await in_pod(edge, account, pod)
    url = f"/v1/inboxes/{inbox['id']}/messages/wait?timeout=20"
    edge.bells.lent.clear()
    of_pod = asyncio.create_task(edge.http.get(url, headers=bearer(pod["pod_api_key"])))
    await edge.bells.lent.wait()
    edge.bells.lent.clear()
    of_inbox = asyncio.create_task(edge.http.get(url, headers=bearer(inbox["inbox_api_key"])))
    await edge.bells.lent.wait()
    await _move(edge, account, inbox, None)
    await edge.deliver(inbox["id"], "After")
    assert (await of_pod).json()["error"] == "INBOX_NOT_FOUND"
    assert (await of_inbox).json()["result"]["subject"] == "After"


async def test_only_the_account_moves(edge: Edge) -> None:
    """Pod keys, inbox keys and members of single pods are told so; what changes nothing is no move."""
    account = await edge.open_account()
    old, new = await create_pod(edge, account), await create_pod(edge, account)
    inbox = await in_pod(edge, account, old)
    member = await member_key(edge, account, ("admin", old["id"]), ("admin", new["id"]))
    for key in (old["pod_api_key"], inbox["inbox_api_key"], member):
        for pod_id in (new["id"], None):
            refused = await _move_with(edge, key, inbox, pod_id)
            assert (refused.status_code, refused.json()["error"]) == (403, "FORBIDDEN")
        assert (await _move_with(edge, key, inbox, old["id"])).status_code == 200
    assert (await _move_with(edge, new["pod_api_key"], inbox, new["id"])).json()["error"] == "INBOX_NOT_FOUND"
    assert await _counts(edge, account, old, new) == [1, 0]
    everywhere = await member_key(edge, account, ("developer", None))
    assert (await _move_with(edge, everywhere, inbox, new["id"])).status_code == 200


async def test_an_inbox_moves_to_no_foreign_and_no_full_pod(edge: Edge) -> None:
    """404 for a pod that is not there, 403 for one that is full; nothing has changed then."""
    account, other = await edge.open_account(), await edge.open_account()
    old = await create_pod(edge, account)
    full, foreign = await create_pod(edge, account, limits={"max_inboxes": 0}), await create_pod(edge, other)
    inbox = await in_pod(edge, account, old)
    for pod_id in (foreign["id"], "pod_" + "0" * 32):
        refused = await _move_with(edge, account.account_api_key, inbox, pod_id, display_name="changed")
        assert (refused.status_code, refused.json()["error"]) == (404, "POD_NOT_FOUND")
    refused = await _move(edge, account, inbox, full)
    assert (refused.status_code, refused.json()["error"]) == (403, "POD_LIMIT_REACHED")
    shown = await edge.http.get(f"/v1/inboxes/{inbox['id']}", headers=bearer(old["pod_api_key"]))
    assert (shown.json()["result"]["display_name"], shown.json()["result"]["pod_id"]) == (None, old["id"])
    assert await _counts(edge, account, old, full) == [1, 0]


async def test_fifty_moves_at_once_fill_a_pod_exactly(edge: Edge) -> None:
    """Of ten inboxes moved by five hands each, four find place; every counter is what is there."""
    account = await edge.open_account()
    await make_paid(edge, account)
    old, new = await create_pod(edge, account), await create_pod(edge, account, limits={"max_inboxes": 4})
    inboxes = [await in_pod(edge, account, old) for _ in range(10)]
    answers = await asyncio.gather(*(_move(edge, account, inbox, new) for inbox in inboxes * 5))
    assert {answer.status_code for answer in answers} == {200, 403}
    assert await _held(edge, account, old, new) == await _counts(edge, account, old, new) == [6, 4]


async def test_moves_to_and_fro_leave_exact_counters(edge: Edge) -> None:
    """Creates, moves both ways, deletes and mail at once: nothing waits for ever, and every count is right."""
    account = await edge.open_account()
    await make_paid(edge, account)
    pods = [await create_pod(edge, account) for _ in range(3)]
    inboxes = [await in_pod(edge, account, pods[n % 3]) for n in range(6)]
    headers = bearer(account.account_api_key)

    async def move(n: int) -> httpx.Response:
        return await _move(edge, account, inboxes[n % 6], (*pods, None)[n % 4])

    async def delete(n: int) -> httpx.Response:
        return await edge.http.delete(f"/v1/inboxes/{inboxes[n]['id']}", headers=headers)

    async def create(n: int) -> httpx.Response:
        return await edge.http.post("/v1/inboxes", json={"pod_id": pods[n % 3]["id"]}, headers=headers)

    mails = [edge.deliver(inboxes[n % 6]["id"], f"m{n}") for n in range(12)]
    calls = [*(move(n) for n in range(24)), delete(0), delete(1), *(create(n) for n in range(6))]
    answers, _ = await asyncio.gather(asyncio.gather(*calls), asyncio.gather(*mails))
    assert {answer.status_code for answer in answers} <= {200, 201, 404}
    assert await _held(edge, account, *pods) == await _counts(edge, account, *pods)
    limits = (await edge.http.get("/v1/account", headers=headers)).json()["result"]["limits"]
    assert limits["current_inboxes"] == 1 + 6 - 2 + 6
    for inbox in inboxes[2:]:
        shown = (await edge.http.get(f"/v1/inboxes/{inbox['id']}", headers=headers)).json()["result"]
        assert shown["message_count"] == 2


async def test_mail_is_metered_where_its_inbox_is_at_that_moment(edge: Edge) -> None:
    """While an inbox moves to and fro, each mail counts in one pod: in the one that its message was written with."""
    account = await edge.open_account()
    one, two = await create_pod(edge, account), await create_pod(edge, account)
    inbox = await in_pod(edge, account, one)
    await asyncio.gather(
        *(edge.deliver(inbox["id"], f"m{n}") for n in range(10)),
        *(_move(edge, account, inbox, (one, two)[n % 2]) for n in range(10)),
    )
    async with edge.database.read() as db:
        written = await db.fetch(
            "select pod_id, count(*) as mails from messages where account_id = $1 group by pod_id order by pod_id",
            uuid_of(account),
        )
        metered = await db.fetch(
            "select pod_id, sum(received)::bigint as mails from usage_pod_days where account_id = $1"
            " group by pod_id order by pod_id",
            uuid_of(account),
        )
    assert [tuple(row) for row in written] == [tuple(row) for row in metered]
    assert sum(row["mails"] for row in metered) == 10


async def test_a_pod_that_holds_inboxes_is_not_deleted_by_mistake(edge: Edge) -> None:
    """409 POD_NOT_EMPTY says how many; nothing has changed."""
    account = await edge.open_account()
    pod = await create_pod(edge, account, subdomain="not-empty")
    inbox = await in_pod(edge, account, pod)
    refused = await edge.http.delete(f"/v1/pods/{pod['id']}", headers=bearer(account.account_api_key))
    assert (refused.status_code, refused.json()["error"]) == (409, "POD_NOT_EMPTY")
    assert refused.json()["current_usage"] == {"current_inboxes": 1}
    shown = await edge.http.get(f"/v1/inboxes/{inbox['id']}", headers=bearer(pod["pod_api_key"]))
    assert shown.status_code == 200


async def test_deleting_a_pod_leaves_its_inboxes_to_the_account(edge: Edge) -> None:
    """With inboxes=move: mail, address and inbox keys stay, the pod's keys and roles end."""
    account = await edge.open_account()
    pod = await create_pod(edge, account, subdomain="to-account", client_id="x")
    inbox = await in_pod(edge, account, pod)
    await edge.deliver(inbox["id"], "Kept")
    member = await member_key(edge, account, ("developer", pod["id"]))
    headers = bearer(account.account_api_key)
    gone = await edge.http.delete(f"/v1/pods/{pod['id']}?inboxes=move", headers=headers)
    assert gone.json()["result"] == {"id": pod["id"], "deleted": True}
    assert (await edge.http.get(f"/v1/pods/{pod['id']}", headers=headers)).json()["error"] == "POD_NOT_FOUND"
    assert (await edge.http.get("/v1/pods", headers=headers)).json()["result"]["total"] == 0
    refused = await edge.http.get("/v1/whoami", headers=bearer(pod["pod_api_key"]))
    assert refused.json()["error"] == "API_KEY_REVOKED"
    assert (await edge.http.get(f"/v1/inboxes/{inbox['id']}", headers=bearer(member))).status_code in (403, 404)
    [message] = await _mail(edge, inbox, bearer(inbox["inbox_api_key"]))
    assert (message["subject"], message["pod_id"]) == ("Kept", None)
    shown = (await edge.http.get(f"/v1/inboxes/{inbox['id']}", headers=headers)).json()["result"]
    assert (shown["email"], shown["pod_id"]) == (inbox["email"], None)
    limits = (await edge.http.get("/v1/account", headers=headers)).json()["result"]["limits"]
    assert limits["current_inboxes"] == 2
    other = await edge.open_account()
    taken = await edge.http.post(
        "/v1/pods", json={"name": "x", "subdomain": "to-account"}, headers=bearer(other.account_api_key)
    )
    assert taken.json()["error"] == "SUBDOMAIN_TAKEN"
    await create_pod(edge, account, subdomain="to-account", client_id="x")


async def test_deleting_a_pod_with_its_inboxes_is_deleting_each(edge: Edge) -> None:
    """With inboxes=delete: keys, quota, client_id and name are free, the address is held, each is told of."""
    account, other = await edge.open_account(), await edge.open_account()
    pod = await create_pod(edge, account, subdomain="all-gone")
    inboxes = [await in_pod(edge, account, pod, username=f"agent-{n}", client_id=f"c{n}") for n in range(3)]
    headers = bearer(account.account_api_key)
    await edge.http.delete(f"/v1/inboxes/{inboxes[0]['id']}", headers=headers)
    gone = await edge.http.delete(f"/v1/pods/{pod['id']}?inboxes=delete", headers=headers)
    assert gone.status_code == 200, gone.text
    for inbox in inboxes:
        answer = await edge.http.get(f"/v1/inboxes/{inbox['id']}", headers=headers)
        assert answer.json()["error"] == "INBOX_NOT_FOUND"
        refused = await edge.http.get("/v1/whoami", headers=bearer(inbox["inbox_api_key"]))
        assert refused.json()["error"] == "API_KEY_REVOKED"
    limits = (await edge.http.get("/v1/account", headers=headers)).json()["result"]["limits"]
    assert limits["current_inboxes"] == 1
    async with edge.database.read() as db:
        events = await db.fetch(
            "select inbox_id, pod_id from events where account_id = $1 and event = 'inbox.deleted' order by sequence",
            uuid_of(account),
        )
        held = await db.fetch("select status, held_until from addresses where address like '%@all-gone.daimon.email'")
        leftover = await db.fetchval("select count(*) from quotas where account_id = $1 and pod_id = $2",
                                     uuid_of(account), ids.read(ids.Kind.POD, pod["id"]))  # fmt: skip
    assert sorted(ids.show(ids.Kind.INBOX, row["inbox_id"]) for row in events) == sorted(i["id"] for i in inboxes)
    assert {ids.show(ids.Kind.POD, row["pod_id"]) for row in events} == {pod["id"]}
    assert [row["status"] for row in held] == ["deleted"] * 3
    assert all(row["held_until"] for row in held)
    assert leftover == 0
    stolen = await edge.http.post(
        "/v1/pods", json={"name": "x", "subdomain": "all-gone"}, headers=bearer(other.account_api_key)
    )
    assert stolen.json()["error"] == "SUBDOMAIN_TAKEN"
    again = await create_pod(edge, account, subdomain="all-gone")
    back = await in_pod(edge, account, again, username="agent-1", client_id="c1")
    assert back["email"] == "agent-1@all-gone.daimon.email"


async def test_a_pod_is_deleted_while_inboxes_come_and_go(edge: Edge) -> None:
    """Whatever was put in before is moved or deleted with it, whatever comes later finds no pod."""
    account = await edge.open_account()
    await make_paid(edge, account)
    headers = bearer(account.account_api_key)
    for fate in ("move", "delete"):
        pod, other = await create_pod(edge, account), await create_pod(edge, account)
        inboxes = [await in_pod(edge, account, (pod, other)[n % 2]) for n in range(6)]
        calls = [
            *(edge.http.post("/v1/inboxes", json={"pod_id": pod["id"]}, headers=headers) for _ in range(6)),
            edge.http.delete(f"/v1/pods/{pod['id']}?inboxes={fate}", headers=headers),
            *(_move(edge, account, inbox, (other, pod)[n % 2]) for n, inbox in enumerate(inboxes)),
        ]
        answers, _ = await asyncio.gather(
            asyncio.gather(*calls), asyncio.gather(*(edge.deliver(inbox["id"]) for inbox in inboxes))
        )
        assert {answer.status_code for answer in answers} <= {200, 201, 404}, [a.text for a in answers]
        assert answers[6].status_code == 200
        async with edge.database.read() as db:
            left = await db.fetchval(
                "select count(*) from inboxes where account_id = $1 and pod_id = $2",
                uuid_of(account), ids.read(ids.Kind.POD, pod["id"]),
            )  # fmt: skip
            alive = await db.fetchval(
                "select count(*) from inboxes where account_id = $1 and status <> 'deleted'", uuid_of(account)
            )
        assert left == 0
        limits = (await edge.http.get("/v1/account", headers=headers)).json()["result"]["limits"]
        assert limits["current_inboxes"] == alive
        assert await _held(edge, account, other) == await _counts(edge, account, other)


async def _mail(edge: Edge, inbox: dict[str, Any], headers: dict[str, str]) -> list[dict[str, Any]]:
    answer = await edge.http.get(f"/v1/inboxes/{inbox['id']}/messages", headers=headers)
    messages: list[dict[str, Any]] = answer.json()["result"]["messages"]
    return messages


async def _move(edge: Edge, account: Opened, inbox: dict[str, Any], pod: dict[str, Any] | None) -> httpx.Response:
    return await _move_with(edge, account.account_api_key, inbox, pod and pod["id"])


async def _move_with(edge: Edge, key: str, inbox: dict[str, Any], pod_id: str | None, **body: object) -> httpx.Response:
    return await edge.http.patch(f"/v1/inboxes/{inbox['id']}", json={"pod_id": pod_id} | body, headers=bearer(key))


async def _counts(edge: Edge, account: Opened, *pods: dict[str, Any]) -> list[int]:
    answers = [await edge.http.get(f"/v1/pods/{pod['id']}", headers=bearer(account.account_api_key)) for pod in pods]
    return [answer.json()["result"]["inbox_count"] for answer in answers]


async def _held(edge: Edge, account: Opened, *pods: dict[str, Any]) -> list[int]:
    async with edge.database.read() as db:
        return [
            await db.fetchval(
                "select count(*) from inboxes where account_id = $1 and pod_id = $2 and status <> 'deleted'",
                uuid_of(account), ids.read(ids.Kind.POD, pod["id"]),
            )
            for pod in pods
        ]  # fmt: skip
