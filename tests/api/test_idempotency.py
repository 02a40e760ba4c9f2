"""`Idempotency-Key`: a POST that is sent again is done once."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from daimon.api.answer import Answer
from daimon.api.operation import Operation, operation
from daimon.api.request import Request
from daimon.api.services import Services
from daimon.db.walls import NOBODY
from daimon.kit.errors import Unavailable

from .conftest import Edge, bearer, serving


def _once(value: str, key: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": value} | (bearer(key) if key else {})


async def test_a_create_without_a_key_is_replayed(fresh_edge: Edge) -> None:
    """The same status, body and secrets again, marked as replayed, and one account."""
    first = await fresh_edge.http.post("/v1/inboxes", json={"username": "once"}, headers=_once("a b"))
    again = await fresh_edge.http.post("/v1/inboxes", json={"username": "once"}, headers=_once("a b"))
    assert (again.status_code, again.content) == (201, first.content)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    async with fresh_edge.database.read() as db:
        assert await db.fetchval("select count(*) from accounts") == 1


async def test_the_stored_response_tells_no_secret(fresh_edge: Edge) -> None:
    """Neither the response nor the header's value lies readable in the table."""
    account = await fresh_edge.open_account()
    headers = _once("very-own-value", account.account_api_key)
    created = (await fresh_edge.http.post("/v1/inboxes", headers=headers)).json()["result"]
    async with fresh_edge.database.read() as db:
        row = b"".join(
            bytes(value) for value in await db.fetchrow("select key_hash, fingerprint, response from idempotency")
        )
    assert created["inbox_api_key"].encode() not in row
    assert b"very-own-value" not in row


async def test_another_request_with_the_value_is_refused(edge: Edge) -> None:
    """Another body or another path gets 422 on the field `Idempotency-Key`."""
    account = await edge.open_account()
    headers = _once("v", account.account_api_key)
    await edge.http.post("/v1/inboxes", headers=headers)
    for path, body in (("/v1/inboxes", {"username": "another"}), (f"/v1/inboxes/{account.id}/rotate-key", {})):
        other = await edge.http.post(path, json=body, headers=headers)
        assert (other.status_code, other.json()["details"][0]["field"]) == (422, "Idempotency-Key")


async def test_a_refused_request_may_be_mended(edge: Edge) -> None:
    """Errors are not stored: the same value works for the mended request."""
    account = await edge.open_account()
    headers = _once("v", account.account_api_key)
    assert (await edge.http.post("/v1/inboxes", json={"username": ".."}, headers=headers)).status_code == 422
    assert (await edge.http.post("/v1/inboxes", json={"username": "mended"}, headers=headers)).status_code == 201


async def test_a_value_belongs_to_one_key(edge: Edge) -> None:
    """Another key with the same value and the same request is never shown the first one's response."""
    one, two = await edge.open_account(), await edge.open_account()
    made = [
        (await edge.http.post("/v1/inboxes", headers=_once("v", key))).json()["result"]["id"]
        for key in (one.account_api_key, two.account_api_key)
    ]
    assert made[0] != made[1]


async def test_twenty_at_once_make_one(fresh_edge: Edge) -> None:
    """Whoever comes while the first is running is told 409, whoever comes after gets its answer."""
    account = await fresh_edge.open_account()
    headers = _once("v", account.account_api_key)
    answers = await asyncio.gather(*(fresh_edge.http.post("/v1/inboxes", headers=headers) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["result"]["id"] for answer in answers if answer.status_code == 201}) == 1
    assert {answer.json()["error"] for answer in answers if answer.status_code == 409} <= {"REQUEST_IN_PROGRESS"}
    async with fresh_edge.database.read() as db:
        assert await db.fetchval("select count(*) from inboxes") == 2


async def test_after_a_day_a_value_is_free(fresh_edge: Edge) -> None:
    """A response older than 24 hours is not replayed."""
    account = await fresh_edge.open_account()
    headers = _once("v", account.account_api_key)
    first = await fresh_edge.http.post("/v1/inboxes", headers=headers)
    async with fresh_edge.database.read() as db:
        await db.execute("update idempotency set created_at = created_at - $1::interval", timedelta(hours=24))
    second = await fresh_edge.http.post("/v1/inboxes", headers=headers)
    assert first.json()["result"]["id"] != second.json()["result"]["id"]


@pytest.mark.parametrize("value", ["", "x" * 256, "t\tb", "ä"])
async def test_a_value_of_no_use_is_a_422(edge: Edge, value: str) -> None:
    """1 to 255 printable ASCII characters."""
    answer = await edge.http.post("/v1/inboxes", headers={"Idempotency-Key": value.encode("latin1")})
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, "Idempotency-Key")


class _Made(msgspec.Struct):
    number: int


async def test_nothing_is_kept_of_a_request_that_failed_at_the_end(services: Services) -> None:
    """What a handler wrote before it raised is rolled back with the stored response."""
    registry: list[Operation] = []

    @operation("POST", "/v1/fail", tag="t", anonymous=True, registry=registry)
    async def fail(request: Request) -> Answer[_Made]:
        """Write, then fail."""
        await request.db.execute("insert into event_sequences values ($1, 1)", NOBODY)
        raise Unavailable(retry_after=1)

    async with serving(services, registry) as edge:
        assert (await edge.http.post("/v1/fail", headers=_once("v"))).status_code == 503
        async with edge.database.read() as db:
            assert await db.fetchval("select count(*) from event_sequences") == 0
            assert await db.fetchval("select count(*) from idempotency") == 0
