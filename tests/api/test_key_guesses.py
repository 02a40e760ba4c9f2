"""Keys that leaked, and keys that are guessed."""

from dataclasses import replace
from typing import Any

import pytest

from daimon.api.client_address import read_address
from daimon.api.services import Services
from daimon.keys import secret
from daimon.keys.errors import AuthenticationFailures
from daimon.keys.failures import MAX_NETWORKS, AuthFailures
from daimon.notices import sealing

from .conftest import Edge, bearer, serving
from .teamwork import Team
from .test_key_life import error_of, execute, told_of, uuid_of


async def test_a_leaked_key_ends_and_its_owner_is_told(edge: Edge) -> None:
    """A real secret, a false one, a text and one already ended get the same answer; only the first changes anything."""
    team = await Team.opened(edge)
    await execute(
        edge,
        "update accounts set operator_email = 'ops@example.com', operator_email_verified_at = now()"
        " where account_id = $1",
        team.account.account_id,
    )
    made = await team.result("POST", "/v1/keys", {"scope": "account", "client_id": "leaky"})
    answers = [
        await edge.http.post("/v1/keys/leaked", json={"key": key})
        for key in (made["api_key"], made["api_key"], secret.make(paid=False), "no key at all", "\u00e4")
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (202, b'{"result":{"received":true},"next_steps":[]}')
    }
    assert {frozenset(answer.headers) for answer in answers} == {frozenset(answers[0].headers)}
    assert await error_of(edge, made["api_key"]) == "API_KEY_REVOKED"
    assert await told_of(edge, team.account, "key.revoked") == [made["id"]]
    async with edge.database.read() as db:
        notices = await db.fetch(
            "select recipient, subject, body from notices where account_id = $1", uuid_of(team.account)
        )
        trail = await db.fetch(
            "select actor from audit where account_id = $1 and action = 'report_leaked_key'", uuid_of(team.account)
        )
    [notice] = notices
    body = sealing.open_body(notice["body"])
    assert notice["recipient"] == "ops@example.com"
    assert body is not None
    assert made["id"] in body
    assert made["api_key"] not in notice["subject"] + body
    assert [row["actor"] for row in trail] == ["anonymous"]
    assert await error_of(edge, team.account.account_api_key) is None


async def test_a_leaked_secret_in_its_grace_ends_alone(edge: Edge) -> None:
    """The key has another secret by now, which works on."""
    team = await Team.opened(edge)
    made = await team.result("POST", "/v1/keys", {"scope": "account"})
    rotated = await team.result("POST", f"/v1/keys/{made['id']}/rotate", {"grace_seconds": 600})
    assert (await edge.http.post("/v1/keys/leaked", json={"key": made["api_key"]})).status_code == 202
    assert [await error_of(edge, key["api_key"]) for key in (made, rotated)] == ["API_KEY_REVOKED", None]
    assert await told_of(edge, team.account, "key.revoked") == []


@pytest.mark.parametrize("body", [{}, {"key": ""}, {"key": "x" * 201}, {"key": 1}, {"key": "a\x00"}, {"keys": "x"}])
async def test_a_leak_report_is_bounded(edge: Edge, body: dict[str, object]) -> None:
    """422 for what no key could be."""
    answer = await edge.http.post("/v1/keys/leaked", json=body)
    assert (answer.status_code, answer.json()["error"]) == (422, "VALIDATION_FAILED")


async def test_guesses_are_limited_and_known_keys_work_on(services: Services) -> None:
    """429 AUTH_FAILURES before any look-up; a key that was good from there before is not cut off."""
    async with serving(replace(services, auth_failures=AuthFailures(3))) as edge:
        account = await edge.open_account()
        assert await error_of(edge, account.account_api_key) is None
        for _ in range(3):
            assert await error_of(edge, secret.make(paid=False)) == "INVALID_API_KEY"
        for key in (secret.make(paid=False), "nonsense", account.inbox_api_key):
            answer = await edge.http.get("/v1/whoami", headers=bearer(key))
            failure = answer.json()
            assert (answer.status_code, failure["error"]) == (429, "RATE_LIMIT_EXCEEDED")
            assert failure["code"] == "AUTH_FAILURES"
            assert 0 < failure["retry_after"] == int(answer.headers["retry-after"]) <= 60
            assert answer.headers["ratelimit-policy"] == '"auth-failures";q=3;w=60'
            assert answer.headers["ratelimit"].startswith('"auth-failures";r=0;t=')
        edge.services.keys.forget()
        assert await error_of(edge, account.account_api_key) is None
        assert (await edge.http.post("/v1/keys/leaked", json={"key": "x"})).status_code == 429
        assert (await edge.http.post("/v1/inboxes")).status_code == 201


def test_failures_are_counted_by_network_in_bounded_memory() -> None:
    """An IPv4 address, an IPv6 /64; a window ends; the network that failed the longest ago is forgotten first."""
    seconds = [0.0]
    failures = AuthFailures(2, clock=lambda: seconds[0])
    for client in ("2001:db8::1", "2001:db8::2", "192.0.2.1"):
        failures.count(_address(client))
    failures.check(_address("192.0.2.1"))
    failures.check(_address("2001:db8:0:1::1"))
    with pytest.raises(AuthenticationFailures) as refused:
        failures.check(_address("2001:db8::3"))
    assert refused.value.retry_after == 60
    assert failures.refuses_any
    seconds[0] = 60.0
    failures.check(_address("2001:db8::3"))
    assert not failures.refuses_any
    for number in range(MAX_NETWORKS + 10):
        failures.count(_address(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"))
    assert len(failures._windows) == MAX_NETWORKS


def _address(text: str) -> Any:
    address = read_address(text)
    assert address
    return address
