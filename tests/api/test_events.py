"""GET /v1/events: one sequence, seen as far as a key reaches."""

import asyncio
from typing import Any

import pytest

from daimon.events import retention
from daimon.kit import ids
from daimon.kit.clock import utc_now

from .conftest import Edge, Opened, bearer
from .podding import create_pod, in_pod, patch_inbox

Events = list[dict[str, Any]]


async def listed(edge: Edge, key: str, query: str = "") -> dict[str, Any]:
    answer = await edge.http.get(f"/v1/events{query}", headers=bearer(key))
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()["result"]
    return result


async def all_of(edge: Edge, key: str, after: str = "0", **filters: str) -> Events:
    """Walk the pages from a place to the end."""
    seen: Events = []
    extra = "".join(f"&{name}={value}" for name, value in filters.items())
    while True:
        page = await listed(edge, key, f"?limit=7&after={after}{extra}")
        seen += page["events"]
        if not page["has_more"]:
            return seen
        after = page["next_cursor"]


def numbers(events: Events) -> list[int]:
    return [event["sequence"] for event in events]


async def test_events_are_listed_in_their_order(edge: Edge) -> None:
    """Numbered from 1 without a gap, each with what it tells of."""
    account = await edge.open_account()
    await edge.deliver(account.id, "First")
    await edge.deliver(account.id, "Second")
    page = await listed(edge, account.account_api_key)
    assert numbers(page["events"]) == [1, 2, 3]
    assert [event["event"] for event in page["events"]] == ["inbox.created", "message.received", "message.received"]
    assert (page["has_more"], page["next_cursor"]) == (False, "3")
    told = page["events"][1]
    assert (told["account_id"], told["pod_id"], told["inbox_id"]) == (account.account_id, None, account.id)
    assert told["event_id"].startswith("evt_")
    message = told["data"]["message"]
    url = f"/v1/inboxes/{account.id}/messages/{message['id']}"
    whole = (await edge.http.get(url, headers=bearer(account.inbox_api_key))).json()["result"]
    assert message == {name: value for name, value in whole.items() if name in message}
    assert "body_html" not in message
    [shown] = (await listed(edge, account.account_api_key, "?after=1&limit=1&include=body"))["events"]
    assert shown["data"]["message"] == whole


async def test_a_list_goes_on_from_a_number_or_an_id(edge: Edge) -> None:
    """Both name the same place; pages meet without a gap and without a repeat."""
    account = await edge.open_account()
    for count in range(20):
        await edge.deliver(account.id, f"{count}")
    everything = await all_of(edge, account.account_api_key)
    assert numbers(everything) == list(range(1, 22))
    for event in everything[::5]:
        rest = numbers(everything)[event["sequence"] :]
        assert numbers(await all_of(edge, account.account_api_key, event["event_id"])) == rest
        assert numbers(await all_of(edge, account.account_api_key, str(event["sequence"]))) == rest
    assert await all_of(edge, account.account_api_key, event="inbox.created") == everything[:1]


@pytest.mark.parametrize("place", ["22", "x", "-1", "1.5", "9" * 30, "²", "evt_" + "0" * 32, "msg_" + "0" * 32])
async def test_what_is_no_place_is_refused(edge: Edge, place: str) -> None:
    """A number that no event has yet, and what was never an event's id."""
    account = await edge.open_account()
    answer = await edge.http.get(f"/v1/events?after={place}", headers=bearer(account.account_api_key))
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_CURSOR"), answer.text
    assert answer.json()["next_steps"]


async def test_another_accounts_event_is_no_place(edge: Edge) -> None:
    """It says no more than an id that never was."""
    mine, other = await edge.open_account(), await edge.open_account()
    foreign = (await listed(edge, other.account_api_key))["events"][0]["event_id"]
    never = foreign[:10] + "0000000000" + foreign[20:]
    answers = [
        (await edge.http.get(f"/v1/events?after={place}", headers=bearer(mine.account_api_key))).json()
        for place in (foreign, never)
    ]
    assert [each["error"] for each in answers] == ["INVALID_CURSOR"] * 2
    assert answers[0]["message"] == answers[1]["message"]


async def test_what_is_not_kept_any_more_is_said(edge: Edge) -> None:
    """Never the next event as if nothing were missing; of what is kept, none is missing."""
    account = await edge.open_account()
    for count in range(4):
        await edge.deliver(account.id, f"{count}")
    events = await all_of(edge, account.account_api_key)

    async def let_age(sequence: int) -> int:
        """Let an event and all before it be old; return how many are forgotten."""
        async with edge.database.transaction() as db:
            await db.execute(
                "update events set created_at = created_at - interval '31 days'"
                " where account_id = $1 and sequence <= $2",
                ids.read(ids.Kind.ACCOUNT, account.account_id), sequence,
            )  # fmt: skip
            return await retention.forget(db, now=utc_now(), limit=100)

    assert await let_age(3) == 3
    assert numbers((await listed(edge, account.account_api_key))["events"]) == [4, 5]
    assert numbers((await listed(edge, account.account_api_key, "?after=3"))["events"]) == [4, 5]
    for place in ("0", "2", events[1]["event_id"]):
        answer = await edge.http.get(f"/v1/events?after={place}", headers=bearer(account.account_api_key))
        assert (answer.status_code, answer.json()["error"]) == (410, "CURSOR_EXPIRED"), answer.text
        assert "oldest available is 4" in answer.json()["message"]
    assert await let_age(5) == 2
    answer = await edge.http.get("/v1/events?after=4", headers=bearer(account.account_api_key))
    assert answer.status_code == 410
    assert (await listed(edge, account.account_api_key, "?after=5"))["events"] == []
    assert (await listed(edge, account.account_api_key))["events"] == []


async def test_a_key_sees_what_it_reaches(edge: Edge) -> None:
    """An inbox key its inbox, a pod key its pod's, and neither what is the account's."""
    account = await edge.open_account()
    pod_a, pod_b = await create_pod(edge, account), await create_pod(edge, account)
    inbox_a, inbox_b = await in_pod(edge, account, pod_a), await in_pod(edge, account, pod_b)
    for inbox in (account.id, inbox_a["id"], inbox_b["id"]):
        await edge.deliver(inbox)
    everything = await all_of(edge, account.account_api_key)
    assert numbers(everything) == list(range(1, len(everything) + 1))

    def of(**where: str) -> Events:
        return [event for event in everything if where.items() <= event.items()]

    assert await all_of(edge, pod_a["pod_api_key"]) == of(pod_id=pod_a["id"])
    assert await all_of(edge, inbox_b["inbox_api_key"]) == of(inbox_id=inbox_b["id"])
    assert await all_of(edge, account.account_api_key, pod_id=pod_b["id"]) == of(pod_id=pod_b["id"])
    assert await all_of(edge, pod_a["pod_api_key"], inbox_id=inbox_b["id"]) == []
    assert await all_of(edge, account.inbox_api_key) == of(inbox_id=account.id)


async def test_an_inbox_that_moves_takes_its_past_along(edge: Edge) -> None:
    """The old pod's key sees nothing of it any more; the new one's what happens from then on."""
    account = await edge.open_account()
    old, new = await create_pod(edge, account), await create_pod(edge, account)
    inbox = await in_pod(edge, account, old)
    await edge.deliver(inbox["id"], "Before")
    assert [e["event"] for e in await all_of(edge, old["pod_api_key"])][-1] == "message.received"
    await patch_inbox(edge, account, inbox, pod_id=new["id"])
    await edge.deliver(inbox["id"], "After")
    assert {e["inbox_id"] for e in await all_of(edge, old["pod_api_key"])} == {None}
    [told] = [e for e in await all_of(edge, new["pod_api_key"]) if e["inbox_id"]]
    assert told["data"]["message"]["subject"] == "After"


async def test_a_key_sees_what_it_may(edge: Edge) -> None:
    """Without messages:read, no event of a message."""
    account = await edge.open_account()
    await edge.deliver(account.id)
    body = {"scope": "account", "permissions": ["inboxes:read"]}
    made = await edge.http.post("/v1/keys", json=body, headers=bearer(account.account_api_key))
    assert made.status_code == 201, made.text
    assert {e["event"] for e in await all_of(edge, made.json()["result"]["api_key"])} == {"inbox.created"}


async def test_no_reader_overtakes_a_writer(edge: Edge) -> None:
    """While many transactions commit and some fail, whoever goes on from his last number misses nothing."""
    account = await edge.open_account()
    key = account.account_api_key
    done = asyncio.Event()
    await _pay(edge, account)

    async def write(count: int) -> None:
        for number in range(6):
            body = {"username": f"agent-{count}-{number}" if number % 3 else "agent-taken"}
            answer = await edge.http.post("/v1/inboxes", json=body, headers=bearer(key))
            assert answer.status_code in (201, 409), answer.text

    async def read() -> list[int]:
        seen: list[int] = []
        while True:
            last_look = done.is_set()
            page = await listed(edge, key, f"?after={seen[-1] if seen else 0}")
            seen += numbers(page["events"])
            if last_look and not page["has_more"]:
                return seen

    readers = [asyncio.create_task(read()) for _ in range(3)]
    await asyncio.gather(*(write(count) for count in range(8)))
    done.set()
    for seen in await asyncio.gather(*readers):
        assert seen == list(range(1, len(seen) + 1))
        assert len(seen) == 1 + 8 * 4 + 1


async def _pay(edge: Edge, account: Opened) -> None:
    async with edge.database.read() as db:
        await db.execute(
            "update accounts set tier = 'enterprise' where account_id = $1",
            ids.read(ids.Kind.ACCOUNT, account.account_id),
        )
    edge.services.keys.forget()
