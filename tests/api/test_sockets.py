"""GET /v1/stream: events over a WebSocket."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from daimon.api.services import Services

from .conftest import Edge, bearer, serving
from .podding import create_pod, in_pod
from .test_events import listed

Said = dict[str, Any]


@asynccontextmanager
async def socket(edge: Edge, key: str, path: str = "/v1/stream") -> AsyncIterator[ClientConnection]:
    async with connect(
        f"ws://127.0.0.1:{edge.port}{path}", additional_headers=bearer(key), compression=None, proxy=None
    ) as opened:
        yield opened


async def ask(opened: ClientConnection, **said: object) -> Said:
    """Say something and return what is said next."""
    await opened.send(json.dumps(said))
    return await hear(opened)


async def hear(opened: ClientConnection) -> Said:
    async with asyncio.timeout(20):
        said: Said = json.loads(await opened.recv())
    return said


async def numbers(opened: ClientConnection, count: int) -> list[int]:
    return [(await hear(opened))["sequence"] for _ in range(count)]


async def test_a_subscriber_hears_what_happens(edge: Edge) -> None:
    """First from where on, then each event as it is elsewhere."""
    account = await edge.open_account()
    async with socket(edge, account.account_api_key) as opened:
        assert await ask(opened, action="ping") == {"type": "pong"}
        assert await ask(opened, action="subscribe") == {"type": "subscribed", "sequence": 1}
        await edge.deliver(account.id)
        told = await hear(opened)
        assert told.pop("type") == "event"
        assert told == (await listed(edge, account.account_api_key, "?after=1&include=body"))["events"][0]
        assert await ask(opened, action="ping") == {"type": "pong"}


async def test_a_new_subscription_replaces_the_old(edge: Edge) -> None:
    """From any number or id on, with other wishes."""
    account = await edge.open_account()
    for count in range(3):
        await edge.deliver(account.id, f"{count}")
    third = (await listed(edge, account.account_api_key))["events"][2]["event_id"]
    async with socket(edge, account.account_api_key) as opened:
        assert await ask(opened, action="subscribe", after=0, events=["inbox.created"]) == {
            "type": "subscribed", "sequence": 0,
        }  # fmt: skip
        assert await numbers(opened, 1) == [1]
        assert (await ask(opened, action="subscribe", after=third))["sequence"] == 3
        assert await numbers(opened, 1) == [4]
        assert (await ask(opened, action="subscribe", after="1", inbox_ids=[account.id]))["sequence"] == 1
        assert await numbers(opened, 3) == [2, 3, 4]


async def test_cut_anywhere_it_goes_on_without_loss(services: Services) -> None:
    """Sockets are cut at random while events happen, and opened again."""
    async with serving(services) as one:
        account = await one.open_account()
        rng, everything = random.Random(3), 50

        async def follow() -> list[int]:
            seen = [1]
            while seen[-1] <= everything:
                async with socket(one, account.inbox_api_key) as opened:
                    await ask(opened, action="subscribe", after=seen[-1])
                    seen += await numbers(opened, min(rng.randint(1, 9), everything + 1 - seen[-1]))
                    opened.transport.abort()
            return seen

        async def deliver() -> None:
            for count in range(everything):
                await one.deliver(account.id, f"{count}")

        *followed, _ = await asyncio.gather(*(follow() for _ in range(5)), deliver())
    assert followed == [list(range(1, everything + 2))] * 5


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        ("", "INVALID_JSON"),
        ("{", "INVALID_JSON"),
        ("[" * 50_000, "VALIDATION_FAILED"),
        (b'{"action": "ping"}', "INVALID_JSON"),
        ("null", "VALIDATION_FAILED"),
        ('{"action": "dance"}', "VALIDATION_FAILED"),
        ('{"action": "subscribe", "what": 1}', "VALIDATION_FAILED"),
        ('{"action": "subscribe", "after": -1}', "VALIDATION_FAILED"),
        ('{"action": "subscribe", "after": 1e308}', "VALIDATION_FAILED"),
        ('{"action": "subscribe", "events": ["no.event"]}', "VALIDATION_FAILED"),
        ('{"action": "subscribe", "inbox_ids": ["\\u0000"]}', "VALIDATION_FAILED"),
        ('{"action": "subscribe", "pod_ids": "pod_1"}', "VALIDATION_FAILED"),
        ('{"action": "subscribe", "after": "\\u0000"}', "INVALID_CURSOR"),
        ('{"action": "subscribe", "after": 99}', "INVALID_CURSOR"),
        ('{"action": "subscribe", "after": "\\ud800"}', "INVALID_JSON"),
    ],
)
async def test_what_is_said_wrongly_is_answered_and_forgotten(edge: Edge, frame: str | bytes, error: str) -> None:
    """With the error that HTTP would give; the socket stays open."""
    account = await edge.open_account()
    async with socket(edge, account.account_api_key) as opened:
        await opened.send(frame)
        said = await hear(opened)
        assert (said["type"], said["error"]) == ("error", error), said
        assert said["message"]
        assert await ask(opened, action="ping") == {"type": "pong"}


async def test_a_frame_that_is_too_large_ends_the_socket(edge: Edge) -> None:
    """With 1009; ten megabytes are not kept."""
    account = await edge.open_account()
    async with socket(edge, account.account_api_key) as opened:
        with contextlib.suppress(ConnectionClosed):
            await opened.send("x" * 10_000_000)
        with pytest.raises(ConnectionClosed) as closed:
            await hear(opened)
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009


@pytest.mark.parametrize(
    ("path", "key", "status", "error"),
    [
        ("/v1/stream", "dm_free_" + "x" * 49, 401, "INVALID_API_KEY"),
        ("/v1/stream?after=1", None, 422, "VALIDATION_FAILED"),
        ("/v1/events/stream", None, 404, "NOT_FOUND"),
        ("/nowhere", None, 404, "NOT_FOUND"),
    ],
)
async def test_a_socket_is_refused_like_any_request(
    edge: Edge, path: str, key: str | None, status: int, error: str
) -> None:
    """With the contract's body, and nothing is opened."""
    account = await edge.open_account()
    with pytest.raises(InvalidStatus) as refused:
        async with socket(edge, key or account.account_api_key, path):
            pass
    response = refused.value.response
    assert response.status_code == status
    assert response.body is not None
    assert json.loads(response.body)["error"] == error
    assert response.headers["x-request-id"].startswith("req_")


async def test_without_an_upgrade_it_says_what_to_do(edge: Edge) -> None:
    """426, to whoever may; 401 to whoever may not."""
    account = await edge.open_account()
    answer = await edge.http.get("/v1/stream", headers=bearer(account.account_api_key))
    assert (answer.status_code, answer.json()["error"]) == (426, "UPGRADE_REQUIRED")
    assert (await edge.http.get("/v1/stream")).status_code == 401


async def test_a_revoked_key_closes_its_socket(edge: Edge) -> None:
    """With an error that says why, and 1008; nothing that happened after is told."""
    account = await edge.open_account()
    made = await edge.http.post(
        "/v1/keys",
        json={"scope": "account", "permissions": ["messages:read"]},
        headers=bearer(account.account_api_key),
    )
    key = made.json()["result"]
    async with socket(edge, key["api_key"]) as opened:
        await ask(opened, action="subscribe")
        await edge.http.delete(f"/v1/keys/{key['id']}", headers=bearer(account.account_api_key))
        await edge.deliver(account.id)
        said = await hear(opened)
        assert (said["type"], said["error"]) == ("error", "API_KEY_REVOKED")
        with pytest.raises(ConnectionClosed) as closed:
            await hear(opened)
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 1008


async def test_a_socket_hears_what_its_key_reaches(edge: Edge) -> None:
    """A pod's key of its pod alone, even when it asks for another's inbox."""
    account = await edge.open_account()
    mine, other = await create_pod(edge, account), await create_pod(edge, account)
    inbox, foreign = await in_pod(edge, account, mine), await in_pod(edge, account, other)
    async with socket(edge, mine["pod_api_key"]) as opened, socket(edge, mine["pod_api_key"]) as asking:
        await ask(opened, action="subscribe")
        await ask(asking, action="subscribe", inbox_ids=[foreign["id"], inbox["id"]])
        await edge.deliver(foreign["id"])
        await edge.deliver(inbox["id"])
        assert [(await hear(each))["inbox_id"] for each in (opened, asking)] == [inbox["id"]] * 2


async def test_a_server_that_stops_closes_its_sockets(services: Services) -> None:
    """With 1012: come again, elsewhere or later."""
    async with serving(services) as edge:
        account = await edge.open_account()
        async with socket(edge, account.account_api_key) as opened:
            await ask(opened, action="subscribe")
            services.stopping.set()
            with pytest.raises(ConnectionClosed) as closed:
                await hear(opened)
            assert closed.value.rcvd
            assert closed.value.rcvd.code == 1012


async def test_who_hears_mail_by_a_wider_key_is_in_the_trail(edge: Edge) -> None:
    """When it begins, and when it ends."""
    account = await edge.open_account()
    await edge.deliver(account.id)
    async with socket(edge, account.account_api_key) as opened:
        await ask(opened, action="subscribe", after=0)
        assert await numbers(opened, 2) == [1, 2]
        await ask(opened, action="subscribe", after=2)
    trail = await edge.http.get("/v1/audit?action=read_message", headers=bearer(account.account_api_key))
    rows = [row["after"] for row in trail.json()["result"]["audit"] if row["after"]["operation"] == "open_stream"]
    assert rows[::-1] == [
        {"operation": "open_stream", "after": 0},
        {"operation": "open_stream", "after": 0, "until": 2},
        {"operation": "open_stream", "after": 2},
    ]
