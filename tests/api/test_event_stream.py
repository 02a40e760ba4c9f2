"""GET /v1/events/stream: what happens, as it happens, and nothing of it twice or not at all."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from daimon.api import following as follower
from daimon.feed import tail

from .conftest import Edge, Services, bearer, serving
from .podding import create_pod, in_pod, patch_inbox
from .test_events import listed

Event = dict[str, Any]


@asynccontextmanager
async def following(edge: Edge, key: str, query: str = "", **headers: str) -> AsyncIterator[AsyncIterator[Event]]:
    """Open a stream; yields its events, with `id` and `type` as they came."""
    url = f"/v1/events/stream{query}"
    async with edge.http.stream("GET", url, headers=bearer(key) | headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"] == "text/event-stream"
        yield _events(answer)


async def _events(answer: httpx.Response) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif fields:
            data = json.loads(fields["data"]) if "data" in fields else None
            yield {"id": fields.get("id"), "type": fields.get("event"), "data": data, "retry": fields.get("retry")}
            fields = {}


async def take(stream: AsyncIterator[Event], count: int) -> list[Event]:
    """Return the next events that tell of something."""
    found: list[Event] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            event = await anext(stream)
            if event["data"] is not None:
                found.append(event)
    return found


async def test_what_happens_is_told_at_once(edge: Edge) -> None:
    """With its number, its type, and the whole message; the same that a list shows."""
    account = await edge.open_account()
    async with following(edge, account.account_api_key) as stream:
        assert (await anext(stream))["retry"] == "1000"
        await edge.deliver(account.id, "Hello")
        [event] = await take(stream, 1)
    assert (event["id"], event["type"]) == ("2", "message.received")
    assert event["data"] == (await listed(edge, account.account_api_key, "?after=1&include=body"))["events"][0]
    assert "123456" in event["data"]["data"]["message"]["body_text"]


async def test_a_mail_too_large_for_an_event_is_told_with_the_beginning_of_its_text(edge: Edge) -> None:
    """However large it is: 600 KB of HTML, of which 100 KB are text. Without looking whole."""
    account = await edge.open_account()
    html = "<p>Wörter <b>und</b> mehr</p><!-- %s -->\n" % ("x" * 80)
    head = "From: a@example.com\r\nSubject: Large\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    await edge.deliver(account.id, octets=(head + html * 6000).encode())
    async with following(edge, account.account_api_key, "?after=1") as stream:
        [event] = await take(stream, 1)
    told = event["data"]["data"]["message"]
    assert told["truncated"]
    assert (len(told["body_text"]), told["body_text"][:16]) == (24_576, "Wörter und mehr\n")
    assert not {"body_html", "headers"} & set(told)
    key = bearer(account.account_api_key)
    whole = (await edge.http.get(urlsplit(told["url"]).path, headers=key)).json()["result"]
    assert whole["body_text"].startswith(told["body_text"])
    assert len(whole["body_html"]) > 600_000


@pytest.mark.parametrize("by_header", [True, False])
async def test_a_stream_goes_on_where_it_ended(edge: Edge, *, by_header: bool) -> None:
    """By Last-Event-ID, which counts more, or by `after`."""
    account = await edge.open_account()
    for count in range(5):
        await edge.deliver(account.id, f"{count}")
    query, headers = ("?after=1", {"Last-Event-ID": "3"}) if by_header else ("?after=3", {})
    async with following(edge, account.account_api_key, query, **headers) as stream:
        assert [event["id"] for event in await take(stream, 3)] == ["4", "5", "6"]
        await edge.deliver(account.id, "Later")
        assert [event["id"] for event in await take(stream, 1)] == ["7"]


async def test_who_is_cut_off_before_anything_happened_misses_nothing(edge: Edge) -> None:
    """A stream from now on says where that is, so there is a place to go on from."""
    account = await edge.open_account()
    async with following(edge, account.account_api_key) as stream:
        place = (await anext(stream))["id"]
    await edge.deliver(account.id, "Meanwhile")
    async with following(edge, account.account_api_key, **{"Last-Event-ID": place}) as stream:
        assert [event["id"] for event in await take(stream, 1)] == ["2"]


async def test_reconnecting_at_random_loses_and_doubles_nothing(services: Services) -> None:
    """Over two servers, with connections cut anywhere while events happen."""
    async with serving(services) as one:
        account = await one.open_account()
        rng = random.Random(7)
        everything = 60

        async def follow() -> list[int]:
            seen = [1]
            while seen[-1] <= everything:
                async with following(one, account.inbox_api_key, **{"Last-Event-ID": str(seen[-1])}) as stream:
                    events = await take(stream, min(rng.randint(1, 9), everything + 1 - seen[-1]))
                    seen += [int(event["id"]) for event in events]
            return seen

        async def deliver() -> None:
            for count in range(everything):
                await one.deliver(account.id, f"{count}")

        *followed, _ = await asyncio.gather(*(follow() for _ in range(5)), deliver())
    assert followed == [list(range(1, everything + 2))] * 5


async def test_a_lost_ring_delays_and_loses_nothing(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that hears of nothing looks for itself."""
    account = await edge.open_account()
    monkeypatch.setattr(edge.services.tails, "ring", lambda _: None)
    monkeypatch.setattr(tail, "LOOK_SECONDS", 0.05)
    async with following(edge, account.account_api_key) as stream:
        await anext(stream)
        await edge.deliver(account.id)
        assert [event["id"] for event in await take(stream, 1)] == ["2"]


async def test_who_fell_behind_the_tail_reads_on_from_the_database(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """What memory does not hold any more is not lost."""
    account = await edge.open_account()
    monkeypatch.setattr(tail, "MOST_EVENTS", 3)
    async with following(edge, account.account_api_key, "?after=0") as late:
        assert (await anext(late))["retry"]
        async with following(edge, account.account_api_key) as quick:
            await anext(quick)
            for count in range(12):
                await edge.deliver(account.id, f"{count}")
            assert [event["id"] for event in await take(quick, 12)] == [str(n) for n in range(2, 14)]
        assert [event["id"] for event in await take(late, 13)] == [str(n) for n in range(1, 14)]


async def test_many_who_follow_cost_one_reading(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event is read once in a process, whoever follows."""
    account = await edge.open_account()
    loads = 0
    loaded = tail._Tail._append

    def counting(self: Any, told: Any) -> None:
        nonlocal loads
        loads += len(told)
        loaded(self, told)

    monkeypatch.setattr(tail._Tail, "_append", counting)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=edge.http.base_url, limits=limits, timeout=30) as http:
        monkeypatch.setattr(edge, "http", http)

        async def follow() -> str:
            async with following(edge, account.account_api_key) as stream:
                await anext(stream)
                ready.release()
                return str((await take(stream, 1))[0]["id"])

        ready = asyncio.Semaphore(0)
        followers = [asyncio.create_task(follow()) for _ in range(40)]
        for _ in followers:
            await ready.acquire()
        await edge.deliver(account.id)
        assert await asyncio.gather(*followers) == ["2"] * 40
    assert loads <= 2  # the tail may be made anew between the first who leave and the last who come


async def test_a_revoked_key_ends_its_stream(edge: Edge) -> None:
    """With an error that says why; nothing that happened after is shown."""
    account = await edge.open_account()
    made = await edge.http.post("/v1/keys", json={"scope": "account", "permissions": ["messages:read"]},
                                headers=bearer(account.account_api_key))  # fmt: skip
    key = made.json()["result"]
    async with following(edge, key["api_key"]) as stream:
        await anext(stream)
        gone = await edge.http.delete(f"/v1/keys/{key['id']}", headers=bearer(account.account_api_key))
        assert gone.status_code == 200
        await edge.deliver(account.id)
        [event] = await take(stream, 1)
        assert (event["type"], event["data"]["error"]) == ("error", "API_KEY_REVOKED")
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_a_pods_stream_loses_the_inbox_that_moves(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened before, and is read after, went with it; where to go on from is said all the same."""
    account = await edge.open_account()
    old, new = await create_pod(edge, account), await create_pod(edge, account)
    inbox = await in_pod(edge, account, old)
    await edge.deliver(inbox["id"], "Before")
    await patch_inbox(edge, account, inbox, pod_id=new["id"])
    last = (await listed(edge, account.account_api_key))["next_cursor"]
    async with following(edge, old["pod_api_key"], "?after=0&timeout=0") as stream:
        events = [event async for event in stream]
    assert "Before" not in json.dumps(events)
    assert events[-1]["id"] == last
    async with following(edge, new["pod_api_key"]) as stream:
        await anext(stream)
        await edge.deliver(inbox["id"], "After")
        assert (await take(stream, 1))[0]["data"]["data"]["message"]["subject"] == "After"


async def test_a_quiet_stream_is_kept_open(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """By comments, so that nobody on the way takes it for dead."""
    monkeypatch.setattr(follower, "HEARTBEAT_SECONDS", 0.02)
    account = await edge.open_account()
    url = "/v1/events/stream"
    async with edge.http.stream("GET", url, headers=bearer(account.account_api_key)) as answer:
        beats = 0
        async for line in answer.aiter_lines():
            beats += line == ":"
            if beats == 3:
                break
    async with following(edge, account.account_api_key) as stream:
        await anext(stream)
        await edge.deliver(account.id)
        assert [event["id"] for event in await take(stream, 1)] == ["2"]


@pytest.mark.parametrize(
    ("query", "status", "error"),
    [
        ("?after=99", 400, "INVALID_CURSOR"),
        ("?event=nothing.happened", 422, "VALIDATION_FAILED"),
        ("?inbox_id=pod_1", 422, "VALIDATION_FAILED"),
        ("?timeout=-1", 422, "VALIDATION_FAILED"),
        ("?timeout=1e308", 422, "VALIDATION_FAILED"),
        ("?what=1", 422, "VALIDATION_FAILED"),
    ],
)
async def test_a_bad_request_gets_an_answer_and_no_stream(edge: Edge, query: str, status: int, error: str) -> None:
    """As any other request does."""
    account = await edge.open_account()
    answer = await edge.http.get(f"/v1/events/stream{query}", headers=bearer(account.account_api_key))
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_a_server_that_stops_ends_its_streams(services: Services) -> None:
    """At once, and whole: the client comes again elsewhere with the last id it saw."""
    async with serving(services) as edge:
        account = await edge.open_account()
        async with following(edge, account.account_api_key) as stream:
            await anext(stream)
            services.stopping.set()
            async with asyncio.timeout(8):
                assert [event async for event in stream if event["data"]] == []


async def test_who_streamed_mail_by_a_wider_key_is_in_the_trail(edge: Edge) -> None:
    """From which number on when it begins, and to which when it ends; an inbox's own key leaves no row."""
    account = await edge.open_account()
    await edge.deliver(account.id)
    for key in (account.inbox_api_key, account.account_api_key):
        async with following(edge, key, "?after=0&timeout=0") as stream:
            assert [event["id"] async for event in stream if event["data"]] == ["1", "2"]
    trail = await edge.http.get("/v1/audit?action=read_message", headers=bearer(account.account_api_key))
    rows = [row["after"] for row in trail.json()["result"]["audit"] if row["after"]["operation"] == "stream_events"]
    assert rows == [{"operation": "stream_events", "after": 0, "until": 2}, {"operation": "stream_events", "after": 0}]
