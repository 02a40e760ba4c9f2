"""How a client meets a limit: the status that says what helps, the headers, and what to say to a person."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from daimon.accounts.models import Tier
from daimon.api.answer import Answer
from daimon.api.catalog import OPERATIONS
from daimon.api.operation import Operation, operation
from daimon.api.request import Request
from daimon.api.services import Services
from daimon.keys.models import KeyScope
from daimon.kit import ids
from daimon.kit.ids import Kind
from daimon.quotas import leases, rates, sends, service
from daimon.quotas.tiers import TIERS, TierLimits

from .conftest import Edge, bearer, serving

POD = ids.new()
TINY = TierLimits(900, 3, 2, 2, 1, True, 1)


class _Nothing(msgspec.Struct):
    """An empty result."""


Use = Callable[[Request, TierLimits], Awaitable[object]]
USES: dict[str, Use] = {
    "send": lambda r, limits: sends.spend(r.db, r.principal.account, limits, None, None, recipients=1, now=r.now),
    "pod-send": lambda r, limits: sends.spend(r.db, r.principal.account, limits, 1, POD, recipients=1, now=r.now),
    "burst": lambda r, limits: rates.spend(r.db, r.principal.account, limits, now=r.now),
    "lease": lambda r, limits: leases.take(r.db, r.principal.account, limits, now=r.now),
    "domain": lambda r, limits: service.spend_domain(r.db, r.principal.account, limits),
}


def _using(name: str, use: Use, registry: list[Operation]) -> None:
    @operation("POST", f"/v1/use/{name}", tag="t", reach=KeyScope.ACCOUNT, registry=registry)
    async def spend(request: Request) -> Answer[_Nothing]:
        """Use one of something that is limited, as the roads that will send and claim domains do."""
        await use(request, request.services.inbox_policy.tiers[request.principal.account.tier])
        return Answer(_Nothing(), [])


@pytest_asyncio.fixture(loop_scope="session")
async def limited(services: Services) -> AsyncIterator[Edge]:
    """The API with a road to each limit; the developer tier is tiny, the free one as it is."""
    registry: list[Operation] = []
    for name, use in USES.items():
        _using(name, use, registry)
    policy = replace(services.inbox_policy, tiers={**TIERS, Tier.DEVELOPER: TINY})
    async with serving(replace(services, inbox_policy=policy), [*OPERATIONS, *registry]) as edge:
        yield edge


async def _key_of(edge: Edge, tier: Tier) -> dict[str, str]:
    opened = await edge.open_account()
    async with edge.database.transaction() as db:
        await db.execute(
            "update accounts set tier = $2 where account_id = $1", ids.read(Kind.ACCOUNT, opened.account_id), tier
        )
    edge.services.keys.forget()
    return bearer(opened.account_api_key)


async def _refused(edge: Edge, name: str, tier: Tier) -> httpx.Response:
    """Use something until it is refused."""
    key = await _key_of(edge, tier)
    for _ in range(4):
        answer = await edge.http.post(f"/v1/use/{name}", headers=key)
        if answer.status_code != 200:
            return answer
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize(
    ("name", "error", "code", "policy", "usage"),
    [
        ("send", "SEND_LIMIT_EXCEEDED", "DAILY_SEND_QUOTA", '"daily-sends";q=2;w=86400',
         {"current_sends_today": 2, "max_sends_per_day": 2}),
        ("pod-send", "SEND_LIMIT_EXCEEDED", "POD_DAILY_SEND_QUOTA", '"pod-daily-sends";q=1;w=86400',
         {"current_sends_today": 1, "max_sends_per_day": 1}),
        ("burst", "RATE_LIMIT_EXCEEDED", "BURST_LIMIT", '"sends-burst";q=2;w=60',
         {"sends_last_minute": 2, "burst_per_minute": 2}),
        ("lease", "RATE_LIMIT_EXCEEDED", "CONCURRENCY_LIMIT", '"concurrent-sends";q=1;qu="concurrent-requests"',
         {"concurrent_sends": 1, "max_concurrent_sends": 1}),
    ],
)  # fmt: skip
async def test_waiting_helps(limited: Edge, name: str, error: str, code: str, policy: str, usage: Any) -> None:
    """429 says how long, twice and alike, and what is used; only the day's sends can be bought too."""
    answer = await _refused(limited, name, Tier.DEVELOPER)
    body = answer.json()
    assert (answer.status_code, body["error"], body["code"]) == (429, error, code)
    assert answer.headers["Retry-After"] == str(body["retry_after"])
    assert answer.headers["RateLimit-Policy"] == policy
    name_of_policy = policy.partition(";")[0]
    assert answer.headers["RateLimit"] == f"{name_of_policy};r=0;t={body['retry_after']}"
    assert body["current_usage"] == usage
    assert body["next_steps"]
    assert ("upgrade_context" in body) == (code == "DAILY_SEND_QUOTA")


@pytest.mark.parametrize(
    ("name", "tier", "error"),
    [
        ("send", Tier.FREE, "SEND_REQUIRES_PAID"),
        ("lease", Tier.FREE, "SEND_REQUIRES_PAID"),
        ("domain", Tier.FREE, "DOMAIN_REQUIRES_PAID"),
        ("domain", Tier.DEVELOPER, "DOMAIN_LIMIT_REACHED"),
    ],
)
async def test_money_helps(limited: Edge, name: str, tier: Tier, error: str) -> None:
    """402 says where to pay and what to say; it names no time to wait."""
    answer = await _refused(limited, name, tier)
    body = answer.json()
    assert (answer.status_code, body["error"]) == (402, error)
    assert "code" not in body
    assert "retry_after" not in body
    assert {"retry-after", "ratelimit"}.isdisjoint(answer.headers)
    assert body["current_usage"]
    context = body["upgrade_context"]
    assert context["operator_action_url"].startswith("http://daimon.test/")
    assert context["operator_action_url"] in context["agent_script"]
    assert context["operator_action_label"]


async def test_the_script_for_the_days_sends_tells_when_it_goes_on(limited: Edge) -> None:
    """The person may pay or let it wait."""
    body = (await _refused(limited, "send", Tier.DEVELOPER)).json()
    script = body["upgrade_context"]["agent_script"]
    assert script.startswith("I cannot go on: the developer tier allows 2 sends a day, of which none is left. Please")
    assert script.endswith(" min.")
    assert body["next_steps"][0] == f"Wait {body['retry_after']} seconds: the day turns at midnight UTC."


async def test_the_account_shows_what_was_sent_today(limited: Edge) -> None:
    """Beside the inboxes; a use that was refused is not in it."""
    key = await _key_of(limited, Tier.DEVELOPER)
    for _ in range(3):
        await limited.http.post("/v1/use/send", headers=key)
    limits = (await limited.http.get("/v1/account", headers=key)).json()["result"]["limits"]
    assert (limits["current_sends_today"], limits["max_sends_per_day"]) == (2, 2)
    assert (limits["current_inboxes"], limits["max_inboxes"]) == (1, 3)


async def test_inboxes_are_warned_of_once(limited: Edge) -> None:
    """Of ten inboxes the eighth and the tenth; deleted and made again, again."""
    opened = await limited.open_account()
    key, account_id = bearer(opened.account_api_key), ids.read(Kind.ACCOUNT, opened.account_id)

    async def told() -> list[tuple[int, int]]:
        async with limited.database.read() as db:
            rows = await db.fetch(
                "select data from events where account_id = $1 and event = 'limit.warning' order by sequence",
                account_id,
            )
        each = [json.loads(row["data"])["limit"] for row in rows]
        assert {(one["quota"], one["limit"]) for one in each} <= {("inboxes", 10)}
        return [(one["percent"], one["used"]) for one in each]

    made = [await limited.create_inbox(opened.account_api_key) for _ in range(9)]
    assert await told() == [(80, 8), (100, 10)]
    assert (await limited.http.post("/v1/inboxes", headers=key)).status_code == 402
    await limited.http.delete(f"/v1/inboxes/{made[0]['id']}", headers=key)
    await limited.create_inbox(opened.account_api_key)
    assert await told() == [(80, 8), (100, 10), (100, 10)]


async def _warned(edge: Edge, account_id: str) -> list[tuple[str, int, int, str | None]]:
    """Return the warnings of an account: of what, how much of it, and of which pod."""
    async with edge.database.read() as db:
        rows = await db.fetch(
            "select data, pod_id from events where account_id = $1 and event = 'limit.warning' order by sequence",
            ids.read(Kind.ACCOUNT, account_id),
        )
    told = [(json.loads(row["data"])["limit"], row["pod_id"]) for row in rows]
    return [(one["quota"], one["percent"], one["used"], pod_id and ids.show(Kind.POD, pod_id)) for one, pod_id in told]


async def test_a_full_pod_is_warned_of(limited: Edge) -> None:
    """Of inboxes that are made in it and of those that are moved there, with the pod's id."""
    opened = await limited.open_account()
    key = bearer(opened.account_api_key)
    body = {"name": "Small", "limits": {"max_inboxes": 2}}
    pod = (await limited.http.post("/v1/pods", json=body, headers=key)).json()["result"]["id"]
    await limited.http.patch(f"/v1/inboxes/{opened.id}", json={"pod_id": pod}, headers=key)
    assert await _warned(limited, opened.account_id) == []
    await limited.create_inbox(opened.account_api_key, pod_id=pod)
    assert await _warned(limited, opened.account_id) == [("inboxes", 100, 2, pod)]
    other = await limited.create_inbox(opened.account_api_key)
    await limited.http.patch(f"/v1/inboxes/{opened.id}", json={"pod_id": None}, headers=key)
    answer = await limited.http.patch(f"/v1/inboxes/{other['id']}", json={"pod_id": pod}, headers=key)
    assert answer.status_code == 200
    assert await _warned(limited, opened.account_id) == [("inboxes", 100, 2, pod)] * 2


async def test_domains_are_warned_of(limited: Edge) -> None:
    """Of five that the tier allows the fourth and the fifth."""
    opened = await limited.open_account()
    async with limited.database.read() as db:
        await db.execute(
            "update accounts set tier = 'developer' where account_id = $1", ids.read(Kind.ACCOUNT, opened.account_id)
        )
    limited.services.keys.forget()
    key, most = bearer(opened.account_api_key), limited.services.domain_policy.tiers[Tier.DEVELOPER].max_custom_domains
    assert most
    for number in range(most):
        answer = await limited.http.post("/v1/domains", json={"domain": f"d{number}.example.org"}, headers=key)
        assert answer.status_code == 201, answer.text
    told = await _warned(limited, opened.account_id)
    assert [(quota, percent) for quota, percent, _, _ in told][-1] == ("domains", 100)
    assert told[-1][2] == most
