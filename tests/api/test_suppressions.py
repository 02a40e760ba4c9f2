"""Suppressed addresses over HTTP, and as the sending road writes and reads them."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from daimon.db.scope import Scope
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.suppressions.models import Reason, Suppression
from daimon.suppressions.repository import SuppressionRepository, add_many, suppressed

from .conftest import Edge, Opened
from .podding import create_pod
from .test_rules import account_of, call
from .trails import trail_of

URL = "/v1/suppressions"


async def add(edge: Edge, key: str, address: str, **body: object) -> dict[str, Any]:
    status, result = await call(edge, key, "POST", URL, {"address": address} | body)
    assert status == 201, result
    suppression: dict[str, Any] = result
    return suppression


async def addresses(edge: Edge, key: str, query: str = "") -> list[str]:
    status, page = await call(edge, key, "GET", URL + query)
    assert status == 200, page
    return [each["address"] for each in page["suppressions"]]


def bounced(account: Opened, address: str, *, pod: UUID | None = None, ago: int = 0) -> Suppression:
    at = utc_now() - timedelta(seconds=ago)
    return Suppression(account_of(account), pod, address, Reason.BOUNCE, ids.new(), "550 5.1.1 no such user", at)


async def record(edge: Edge, *rows: Suppression) -> None:
    async with edge.services.jobs.transaction() as db:
        await add_many(db, rows)


async def test_an_address_is_suppressed_shown_and_let_go(edge: Edge) -> None:
    """In its stored form, whatever way it is written; the trail tells of both changes."""
    account = await edge.open_account()
    key = account.account_api_key
    made = await add(edge, key, "Ann@BÜCHER.example", detail="Asked by telephone")
    assert (made["address"], made["reason"], made["pod_id"]) == ("ann@xn--bcher-kva.example", "manual", None)
    again = await call(edge, key, "POST", URL, {"address": "ann@bücher.example", "reason": "complaint"})
    assert again == (200, made)
    for written in ("ann@xn--bcher-kva.example", "ANN%40b%C3%BCcher.example"):
        assert await call(edge, key, "GET", f"{URL}/{written}") == (200, made)
    assert await call(edge, key, "DELETE", f"{URL}/Ann@bücher.example") == (
        200, {"id": "ann@xn--bcher-kva.example", "deleted": True},
    )  # fmt: skip
    for method in ("GET", "DELETE"):
        assert await call(edge, key, method, f"{URL}/ann@bücher.example") == (404, "SUPPRESSION_NOT_FOUND")
    assert [entry["action"] for entry in (await trail_of(edge, account))[:2]] == [
        "delete_suppression", "add_suppression",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "address", ["a/b@example.com", '"a b"@example.com', "a%b@example.com", "a+b@example.com", "é@x.example"]
)
async def test_odd_addresses_stand_in_paths(edge: Edge, address: str) -> None:
    """Percent-encoded."""
    account = await edge.open_account()
    await add(edge, account.account_api_key, address)
    path = "".join(f"%{octet:02X}" for octet in address.encode())
    status, found = await call(edge, account.account_api_key, "GET", f"{URL}/{path}")
    assert (status, found["address"]) == (200, address)
    assert (await call(edge, account.account_api_key, "DELETE", f"{URL}/{path}"))[0] == 200


async def test_a_list_is_narrowed_and_goes_on(edge: Edge) -> None:
    """The newest first, by reason, address, its beginning and time."""
    account = await edge.open_account()
    key = account.account_api_key
    await record(edge, *(bounced(account, f"n{number}@example.com", ago=number * 60) for number in range(1, 6)))
    await add(edge, key, "ann@example.com")
    assert await addresses(edge, key) == ["ann@example.com", *(f"n{number}@example.com" for number in range(1, 6))]
    for query, expected in (
        ("?reason=manual", ["ann@example.com"]),
        ("?address=N2@example.com", ["n2@example.com"]),
        ("?q=AN", ["ann@example.com"]),
        ("?q=n&reason=complaint", []),
    ):
        assert await addresses(edge, key, query) == expected, query
    _, found = await call(edge, key, "GET", f"{URL}/n2@example.com")
    at = found["created_at"]
    assert await addresses(edge, key, f"?before={at}") == [f"n{number}@example.com" for number in (3, 4, 5)]
    seen, cursor = [], ""
    while cursor is not None:
        _, page = await call(edge, key, "GET", f"{URL}?limit=2{cursor and f'&cursor={cursor}'}")
        seen += [each["address"] for each in page["suppressions"]]
        cursor = page["next_cursor"]
    assert seen == await addresses(edge, key)


async def test_what_bounces_is_recorded_once(edge: Edge) -> None:
    """By many workers at once, in any order; the first reason stays."""
    account = await edge.open_account()
    rows = [bounced(account, f"a{number}@example.com") for number in range(50)]
    complaints = [
        Suppression(each.account_id, None, each.address, Reason.COMPLAINT, None, None, utc_now()) for each in rows
    ]
    await record(edge, *rows, *rows[:5])
    await asyncio.gather(record(edge, *reversed(complaints)), record(edge, *complaints))
    await record(edge)
    async with edge.services.db.read(account_of(account)) as db:
        found = await suppressed(db, account_of(account), [(None, "a7@example.com"), (None, "b@example.com")])
        kept = await SuppressionRepository(db, Scope(account_of(account))).get("a7@example.com", None)
    assert found == {(None, "a7@example.com")}
    assert (kept.reason, kept.message_id) == (Reason.BOUNCE, rows[7].message_id)


async def test_an_address_that_is_added_at_the_same_time_is_added_once(edge: Edge) -> None:
    """All get the same answer; one of them made it."""
    key = (await edge.open_account()).account_api_key
    body = {"address": "ann@example.com"}
    answers = await asyncio.gather(*(call(edge, key, "POST", URL, body) for _ in range(6)))
    assert sorted(status for status, _ in answers) == [200, 200, 200, 200, 200, 201]
    assert len({result["created_at"] for _, result in answers}) == 1


async def test_pods_know_nothing_of_each_other(edge: Edge) -> None:
    """What a pod's mail came back from is suppressed for that pod, and only it and the account see it."""
    account, other = await edge.open_account(), await edge.open_account()
    pod, sibling = await create_pod(edge, account), await create_pod(edge, account)
    await add(edge, pod["pod_api_key"], "ann@example.com")
    await add(edge, sibling["pod_api_key"], "bob@example.com")
    await add(edge, account.account_api_key, "carl@example.com")
    await add(edge, account.account_api_key, "bob@example.com", pod_id=pod["id"])
    assert await addresses(edge, pod["pod_api_key"]) == ["bob@example.com", "ann@example.com"]
    assert await addresses(edge, sibling["pod_api_key"]) == ["bob@example.com"]
    assert len(await addresses(edge, account.account_api_key)) == 4
    assert await addresses(edge, account.account_api_key, f"?pod_id={sibling['id']}") == ["bob@example.com"]
    assert await addresses(edge, other.account_api_key) == []
    for key, address in (
        (sibling["pod_api_key"], "ann@example.com"),
        (pod["pod_api_key"], "carl@example.com"),
        (other.account_api_key, "ann@example.com"),
        (account.account_api_key, "no address"),
    ):
        for method in ("GET", "DELETE"):
            assert await call(edge, key, method, f"{URL}/{address}") == (404, "SUPPRESSION_NOT_FOUND")
    body = {"address": "x@example.com", "pod_id": sibling["id"]}
    assert await call(edge, pod["pod_api_key"], "POST", URL, body) == (404, "POD_NOT_FOUND")
    pod_id = ids.read(ids.Kind.POD, pod["id"])
    async with edge.services.db.read(account_of(account)) as db:
        asked = ["ann@example.com", "bob@example.com", "carl@example.com"]
        for of, gone in ((pod_id, asked[:2]), (None, asked[2:])):
            found = await suppressed(db, account_of(account), [(of, address) for address in asked])
            assert sorted(found) == [(of, address) for address in gone]


async def test_an_account_lets_an_address_go_everywhere_or_in_one_pod(edge: Edge) -> None:
    """A pod's key in its pod."""
    account = await edge.open_account()
    pod, sibling = await create_pod(edge, account), await create_pod(edge, account)
    key = account.account_api_key
    for pod_id in (pod["id"], sibling["id"], None):
        await add(edge, key, "ann@example.com", pod_id=pod_id)
    _, found = await call(edge, key, "GET", f"{URL}/ann@example.com?pod_id={pod['id']}")
    assert found["pod_id"] == pod["id"]
    assert (await call(edge, sibling["pod_api_key"], "DELETE", f"{URL}/ann@example.com"))[0] == 200
    assert len(await addresses(edge, key)) == 2
    assert (await call(edge, key, "DELETE", f"{URL}/ann@example.com?pod_id={pod['id']}"))[0] == 200
    assert await addresses(edge, key) == ["ann@example.com"]
    await add(edge, key, "ann@example.com", pod_id=pod["id"])
    assert (await call(edge, key, "DELETE", f"{URL}/ann@example.com"))[0] == 200
    assert await addresses(edge, key) == []


async def test_a_deleted_pods_suppressions_are_the_accounts(edge: Edge) -> None:
    """As its inboxes may be: nobody writes to a dead address again because a pod is gone."""
    account = await edge.open_account()
    pod = await create_pod(edge, account)
    await add(edge, pod["pod_api_key"], "ann@example.com")
    await add(edge, pod["pod_api_key"], "bob@example.com")
    await add(edge, account.account_api_key, "bob@example.com", detail="Known")
    assert (await call(edge, account.account_api_key, "DELETE", f"/v1/pods/{pod['id']}"))[0] == 200
    _, page = await call(edge, account.account_api_key, "GET", URL)
    assert sorted((each["address"], each["pod_id"], each["detail"]) for each in page["suppressions"]) == [
        ("ann@example.com", None, None), ("bob@example.com", None, "Known"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body", [{"address": "example.com"}, {"address": "a@b", "reason": "x"}, {"address": "a@b\n"}, {}]
)
async def test_what_is_no_address_is_refused(edge: Edge, body: dict[str, object]) -> None:
    """With the field at fault."""
    account = await edge.open_account()
    assert await call(edge, account.account_api_key, "POST", URL, body) == (422, "VALIDATION_FAILED")
