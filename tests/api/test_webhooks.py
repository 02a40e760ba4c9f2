"""Webhooks over HTTP: made, changed, paused, rotated, tried, deleted; each within its key's reach."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from standardwebhooks.webhooks import Webhook as Verifier

from daimon.api.services import Services
from daimon.kit import ids
from daimon.kit.safe_http import SafeHttp
from daimon.webhooks import wake
from safe_http.endpoints import DnsServer

from .conftest import Edge, bearer, serving
from .podding import create_pod
from .trails import trail_of

URL = "http://127.0.0.1:4999/hook"
ABSENT = "wh_" + "0" * 32


async def make(edge: Edge, key: str, **body: object) -> dict[str, Any]:
    answer = await edge.http.post("/v1/webhooks", json={"url": URL} | body, headers=bearer(key))
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json()["result"]
    return result


async def call(edge: Edge, key: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Return the status, and the result or the error's code."""
    answer = await edge.http.request(method, path, json=body, headers=bearer(key))
    said = answer.json()
    return answer.status_code, said["result"] if answer.is_success else said["error"]


async def test_a_webhook_is_made_shown_changed_and_deleted(edge: Edge) -> None:
    """The secret is shown once. Every change is in the trail, without secret and without the URL's query."""
    account = await edge.open_account()
    key = account.account_api_key
    made = await make(edge, key, url=URL + "?token=hush", events=["pod.created", "message.received"], description="One")
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert made["events"] == ["message.received", "pod.created"]
    assert (made["status"], made["failure_count"], made["pod_id"], made["inbox_id"]) == ("active", 0, None, None)
    url = f"/v1/webhooks/{made['id']}"
    assert await call(edge, key, "GET", url) == (200, made)
    status, page = await call(edge, key, "GET", "/v1/webhooks")
    assert (status, page["webhooks"], page["total"], page["has_more"]) == (200, [made], 1, False)
    _, paused = await call(edge, key, "PATCH", url, {"status": "disabled", "events": []})
    assert (paused["status"], paused["disabled_reason"], paused["events"]) == ("disabled", "paused", [])
    _, active = await call(
        edge, key, "PATCH", url, {"status": "active", "url": "http://[::1]:4998/x", "description": None}
    )
    assert (active["status"], active["disabled_reason"], active["url"]) == ("active", None, "http://[::1]:4998/x")
    assert active["description"] is None
    assert (await call(edge, key, "DELETE", url)) == (200, {"id": made["id"], "deleted": True})
    assert await call(edge, key, "GET", url) == (404, "WEBHOOK_NOT_FOUND")
    assert await call(edge, key, "DELETE", url) == (404, "WEBHOOK_NOT_FOUND")
    trail = await trail_of(edge, account)
    assert [entry["action"] for entry in trail[:4]] == [
        "delete_webhook", "update_webhook", "update_webhook", "create_webhook",
    ]  # fmt: skip
    assert "hush" not in str(trail)
    assert secret not in str(trail)


async def test_a_create_sent_again_makes_one(edge: Edge) -> None:
    """By client_id without the secret, by Idempotency-Key as it was; another wish under the id is a conflict."""
    account = await edge.open_account()
    made = await make(edge, account.account_api_key, client_id="c")
    headers = bearer(account.account_api_key)
    again = await edge.http.post("/v1/webhooks", json={"url": URL, "client_id": "c"}, headers=headers)
    assert (again.status_code, again.json()["result"]["id"]) == (200, made["id"])
    assert "secret" not in again.json()["result"]
    other = await edge.http.post("/v1/webhooks", json={"url": URL + "2", "client_id": "c"}, headers=headers)
    assert (other.status_code, other.json()["error"]) == (409, "CLIENT_ID_CONFLICT")
    await call(edge, account.account_api_key, "DELETE", f"/v1/webhooks/{made['id']}")
    assert (await make(edge, account.account_api_key, client_id="c"))["id"] != made["id"]
    once = headers | {"Idempotency-Key": "k"}
    answers = [await edge.http.post("/v1/webhooks", json={"url": URL}, headers=once) for _ in range(2)]
    assert answers[0].json()["result"] == answers[1].json()["result"]


async def test_a_pods_webhooks_are_the_pods(edge: Edge) -> None:
    """Its key makes and sees its own; siblings, other accounts and ids never issued meet the same 404."""
    account, other = await edge.open_account(), await edge.open_account()
    pod, sibling = await create_pod(edge, account), await create_pod(edge, account)
    own = pod["pod_api_key"]
    made = await make(edge, own)
    assert made["pod_id"] == pod["id"]
    of_account = await make(edge, account.account_api_key)
    named = await make(edge, account.account_api_key, pod_id=pod["id"])
    _, seen = await call(edge, own, "GET", "/v1/webhooks")
    assert [each["id"] for each in seen["webhooks"]] == [made["id"], named["id"]]
    _, seen = await call(edge, account.account_api_key, "GET", f"/v1/webhooks?pod_id={pod['id']}")
    assert seen["total"] == 2
    for key, webhook in (
        (sibling["pod_api_key"], made["id"]),
        (own, of_account["id"]),
        (other.account_api_key, made["id"]),
        (own, ABSENT),
    ):
        for method, path, body in (
            ("GET", "", None),
            ("PATCH", "", {"url": "https://10.0.0.1/"}),
            ("DELETE", "", None),
            ("POST", "/test", {}),
            ("POST", "/rotate-secret", {}),
            ("GET", "/deliveries", None),
            ("POST", "/replay", {"after": 0}),
            ("POST", "/deliveries/dlv_" + "0" * 32 + "/retry", {}),
        ):
            answer = await call(edge, key, method, f"/v1/webhooks/{webhook}{path}", body)
            assert answer == (404, "WEBHOOK_NOT_FOUND"), (method, path)
    assert await call(edge, account.inbox_api_key, "GET", "/v1/webhooks") == (403, "FORBIDDEN")
    for body, missing in (
        ({"pod_id": sibling["id"]}, "POD_NOT_FOUND"),
        ({"inbox_id": account.id}, "INBOX_NOT_FOUND"),
    ):
        assert await call(edge, own, "POST", "/v1/webhooks", {"url": URL} | body) == (404, missing)
    inbox = await edge.create_inbox(account.account_api_key, pod_id=pod["id"])
    assert (await make(edge, own, inbox_id=inbox["id"]))["inbox_id"] == inbox["id"]
    wrong = {"url": URL, "inbox_id": account.id, "pod_id": pod["id"]}
    assert await call(edge, account.account_api_key, "POST", "/v1/webhooks", wrong) == (422, "VALIDATION_FAILED")


async def test_a_pods_webhooks_go_with_it(edge: Edge) -> None:
    """Their client_ids can be used again."""
    account = await edge.open_account()
    pod = await create_pod(edge, account)
    made = await make(edge, pod["pod_api_key"], client_id="c")
    kept = await make(edge, account.account_api_key)
    await call(edge, account.account_api_key, "DELETE", f"/v1/pods/{pod['id']}")
    _, seen = await call(edge, account.account_api_key, "GET", "/v1/webhooks")
    assert [each["id"] for each in seen["webhooks"]] == [kept["id"]]
    again = await make(edge, account.account_api_key, client_id="c")
    assert again["id"] != made["id"]


async def test_fifty_and_no_more(edge: Edge) -> None:
    """Of the account itself, and of each pod; exact however many ask at once."""
    account = await edge.open_account()
    key = account.account_api_key
    pod = await create_pod(edge, account)
    answers = await asyncio.gather(*(call(edge, key, "POST", "/v1/webhooks", {"url": URL}) for _ in range(60)))
    assert sorted(status for status, _ in answers) == [201] * 50 + [409] * 10
    assert {error for status, error in answers if status == 409} == {"STATE_CONFLICT"}
    await make(edge, pod["pod_api_key"])
    made = next(result for status, result in answers if status == 201)
    await call(edge, key, "DELETE", f"/v1/webhooks/{made['id']}")
    answers = await asyncio.gather(*(call(edge, key, "POST", "/v1/webhooks", {"url": URL}) for _ in range(5)))
    assert sorted(status for status, _ in answers) == [201] + [409] * 4


async def test_a_list_has_pages(edge: Edge) -> None:
    """By cursor and by offset, the oldest first, by status."""
    account = await edge.open_account()
    key = account.account_api_key
    made = [(await make(edge, key))["id"] for _ in range(5)]
    await call(edge, key, "PATCH", f"/v1/webhooks/{made[2]}", {"status": "disabled"})
    seen, cursor = [], ""
    while True:
        _, page = await call(edge, key, "GET", f"/v1/webhooks?limit=2{cursor}")
        seen += [each["id"] for each in page["webhooks"]]
        assert page["total"] == 5
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == made
    _, page = await call(edge, key, "GET", "/v1/webhooks?offset=3")
    assert [each["id"] for each in page["webhooks"]] == made[3:]
    _, page = await call(edge, key, "GET", "/v1/webhooks?status=disabled")
    assert [each["id"] for each in page["webhooks"]] == [made[2]]


@pytest_asyncio.fixture(loop_scope="session")
async def outside(services: Services) -> AsyncIterator[tuple[Edge, DnsServer]]:
    """A server that lets nobody reach its own machine, and the names that it knows."""
    async with DnsServer() as dns:
        dns.script("good.example.com", ["93.184.215.14"])
        dns.script("bad.example.com", ["93.184.215.14", "10.0.0.1"])
        async with (
            SafeHttp(resolver=dns.address, timeout=2) as http,
            serving(replace(services, http=http)) as edge,
        ):
            yield edge, dns


async def test_a_url_is_checked(outside: tuple[Edge, DnsServer]) -> None:
    """Scheme, port, address and every address of the name, at create and at change; the field is named."""
    edge, _ = outside
    account = await edge.open_account()
    made = await make(edge, account.account_api_key, url="https://GOOD.example.com:443/a?b=c#d")
    assert made["url"] == "https://good.example.com/a?b=c"
    for url in (
        "http://good.example.com/",
        "https://bad.example.com/",
        "https://nobody.example.com/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://user:password@good.example.com/",
        "https://good.example.com:25/",
        "ftp://good.example.com/",
        "good.example.com",
        "https://",
        "https://good.example.com/\u0000",
    ):
        for method, path in (("POST", "/v1/webhooks"), ("PATCH", f"/v1/webhooks/{made['id']}")):
            answer = await edge.http.request(method, path, json={"url": url}, headers=bearer(account.account_api_key))
            said = answer.json()
            assert (answer.status_code, said["error"]) == (422, "VALIDATION_FAILED"), (url, said)
            assert said["details"][0]["field"] == "url"


async def test_a_create_sent_again_needs_no_dns(outside: tuple[Edge, DnsServer]) -> None:
    """The name is gone by now; the webhook is there all the same."""
    edge, dns = outside
    account = await edge.open_account()
    body = {"url": "https://good.example.com/x", "client_id": "c"}
    headers = bearer(account.account_api_key) | {"Idempotency-Key": "k"}
    first = await edge.http.post("/v1/webhooks", json=body, headers=headers)
    del dns.names["good.example.com"]
    second = await edge.http.post("/v1/webhooks", json=body, headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    third = await edge.http.post("/v1/webhooks", json=body, headers=bearer(account.account_api_key))
    assert (third.status_code, third.json()["result"]["id"]) == (200, first.json()["result"]["id"])
    fresh = await edge.http.post(
        "/v1/webhooks", json=body | {"client_id": "d"}, headers=headers | {"Idempotency-Key": "l"}
    )
    assert fresh.status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": ""},
        {"url": "https://x.example.com/" + "a" * 2048},
        {"url": URL, "events": ["no.such"]},
        {"url": URL, "events": "message.received"},
        {"url": URL, "pod_id": "inbox_" + "0" * 32},
        {"url": URL, "description": "two\nlines"},
        {"url": URL, "secret": "whsec_mine"},
        {"url": 7},
    ],
)
async def test_what_is_wrong_is_said(edge: Edge, body: object) -> None:
    """422 for each."""
    account = await edge.open_account()
    assert await call(edge, account.account_api_key, "POST", "/v1/webhooks", body) == (422, "VALIDATION_FAILED")


async def test_a_tier_without_webhooks(services: Services) -> None:
    """402, with the way out."""
    policy = services.inbox_policy
    tiers = {tier: msgspec.structs.replace(limits, webhooks_enabled=False) for tier, limits in policy.tiers.items()}
    async with serving(replace(services, inbox_policy=replace(policy, tiers=tiers))) as edge:
        account = await edge.open_account()
        answer = await edge.http.post("/v1/webhooks", json={"url": URL}, headers=bearer(account.account_api_key))
        assert (answer.status_code, answer.json()["error"]) == (402, "WEBHOOK_REQUIRES_PAID")
        assert answer.json()["upgrade_context"]


async def test_a_test_is_sent_now(edge: Edge) -> None:
    """Signed like any other, with the old secret too after a rotation; what came back is shown; nothing is stored."""
    account = await edge.open_account()
    heard: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request)
        await request.read()
        return web.Response(text="y" * 5000)

    app = web.Application()
    app.router.add_post("/hook", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made = await make(edge, account.account_api_key, url=f"http://127.0.0.1:{runner.addresses[0][1]}/hook")
    url = f"/v1/webhooks/{made['id']}"
    _, rotated = await call(edge, account.account_api_key, "POST", f"{url}/rotate-secret")
    assert rotated["webhook_id"] == made["id"]
    status, tested = await call(edge, account.account_api_key, "POST", f"{url}/test")
    await runner.cleanup()
    assert (status, tested["delivered"], tested["attempt"]["response_status"]) == (200, True, 200)
    assert tested["attempt"]["response_body"] == "y" * 2048
    [request] = heard
    body = (await request.read()).decode()
    for secret in (made["secret"], rotated["secret"]):
        event = Verifier(secret).verify(body, {name.lower(): value for name, value in request.headers.items()})
        assert (event["event"], event["event_id"], event["sequence"]) == ("webhook.test", tested["event_id"], None)
    assert "x-daimon-sequence" not in request.headers
    _, failed = await call(edge, account.account_api_key, "POST", f"{url}/test")
    assert (failed["delivered"], failed["attempt"]["response_status"]) == (False, None)
    assert failed["attempt"]["error"]
    _, shown = await call(edge, account.account_api_key, "GET", url)
    assert shown["failure_count"] == 0
    _, log = await call(edge, account.account_api_key, "GET", f"{url}/deliveries")
    assert log["deliveries"] == []
    await call(edge, account.account_api_key, "PATCH", url, {"status": "disabled"})
    assert await call(edge, account.account_api_key, "POST", f"{url}/test") == (409, "STATE_CONFLICT")


async def test_a_change_wakes_whoever_sends(edge: Edge) -> None:
    """After the commit; and the row says so too, should the ring be lost."""
    account = await edge.open_account()
    made = await make(edge, account.account_api_key)
    rung: asyncio.Queue[str] = asyncio.Queue()
    async with edge.database.read() as db:
        await db.add_listener(wake.CHANNEL, lambda *said: rung.put_nowait(said[-1]))
        await call(edge, account.account_api_key, "PATCH", f"/v1/webhooks/{made['id']}", {"description": "x"})
        webhook, account_id = ids.read(ids.Kind.WEBHOOK, made["id"]), ids.read(ids.Kind.ACCOUNT, account.account_id)
        assert wake.read(await rung.get()) == [(account_id, webhook)]
        assert await db.fetchval("select wake_at is not null from webhooks where id = $1", webhook)
        await db.reset()
