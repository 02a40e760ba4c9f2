"""Inboxes over HTTP, from the first curl line on."""

import asyncio
from dataclasses import replace

import httpx

from daimon.api.services import Services

from .conftest import Edge, bearer, serving


async def test_first_create_opens_an_account_as_the_first_page_shows_it(edge: Edge) -> None:
    """POST without a key answers 201 with both keys and the three steps of the seed."""
    answer = await edge.http.post("/v1/inboxes", json={"username": "platform-admin", "client_id": "bootstrap-001"})
    body = answer.json()
    assert answer.status_code == 201
    assert list(body) == ["result", "next_steps"]
    result = body["result"]
    assert result["email"] == "platform-admin@daimon.email"
    assert result["id"].startswith("inbox_")
    assert result["account_id"].startswith("acc_")
    assert result["tier"] == "free"
    assert result["inbox_api_key"].startswith("dm_free_")
    assert result["account_api_key"].startswith("dm_free_")
    assert result["created_at"].endswith("Z")
    assert body["next_steps"][:3] == [
        "Save account_api_key securely — it's only returned once",
        "Use account_api_key to create additional inboxes",
        "Use inbox_api_key to access this specific inbox",
    ]


async def test_create_without_a_body_makes_a_pleasant_name(edge: Edge) -> None:
    """Everything may be left out, the body too."""
    answer = await edge.http.post("/v1/inboxes")
    assert answer.status_code == 201
    assert "-" in answer.json()["result"]["username"]


async def test_further_inboxes_come_without_an_account_key(edge: Edge) -> None:
    """With the account key, a create answers with the inbox key alone."""
    account = await edge.open_account()
    inbox = await edge.create_inbox(account.account_api_key, username="research-agent", client_id="agent-001")
    assert inbox["account_id"] == account.account_id
    assert "inbox_api_key" in inbox
    assert "account_api_key" not in inbox


async def test_client_id_makes_one_inbox(edge: Edge) -> None:
    """The same body answers 200 without secrets, another body 409."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    first = await edge.http.post("/v1/inboxes", json={"username": "agent-a", "client_id": "a"}, headers=key)
    again = await edge.http.post("/v1/inboxes", json={"client_id": "a", "username": "agent-a"}, headers=key)
    other = await edge.http.post("/v1/inboxes", json={"client_id": "a", "username": "agent-b"}, headers=key)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again.json()["result"]["id"] == first.json()["result"]["id"]
    assert "inbox_api_key" not in again.json()["result"]
    assert other.json()["error"] == "CLIENT_ID_CONFLICT"


async def test_list_has_the_shape_of_the_first_page(edge: Edge) -> None:
    """A list names its total, limit and offset, and a cursor leads through all pages."""
    account = await edge.open_account(username="number-0")
    for number in range(1, 4):
        await edge.create_inbox(account.account_api_key, username=f"number-{number}")
    key = bearer(account.account_api_key)
    page = (await edge.http.get("/v1/inboxes", headers=key)).json()["result"]
    assert (page["total"], page["limit"], page["offset"]) == (4, 50, 0)
    assert [inbox["username"] for inbox in page["inboxes"]] == [f"number-{n}" for n in range(4)]
    page = (await edge.http.get("/v1/inboxes?limit=2&offset=1", headers=key)).json()["result"]
    assert ([inbox["username"] for inbox in page["inboxes"]], page["total"]) == (["number-1", "number-2"], 4)
    seen, cursor = [], None
    while cursor is not None or not seen:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = (await edge.http.get("/v1/inboxes", params=query, headers=key)).json()["result"]
        seen += [inbox["username"] for inbox in page["inboxes"]]
        cursor = page["next_cursor"]
    assert seen == [f"number-{n}" for n in range(4)]


async def test_an_inbox_is_found_by_id_and_by_address(edge: Edge) -> None:
    """The address may be percent-encoded and in any case."""
    account = await edge.open_account(username="found-me")
    for name in (account.id, account.email, "FOUND-ME%40daimon.email"):
        answer = await edge.http.get(f"/v1/inboxes/{name}", headers=bearer(account.inbox_api_key))
        assert answer.json()["result"]["id"] == account.id


async def test_patch_changes_only_what_it_names(edge: Edge) -> None:
    """PATCH leaves other fields alone, and null empties a display name."""
    account = await edge.open_account(display_name="Old", metadata={"a": 1})
    url, key = f"/v1/inboxes/{account.id}", bearer(account.inbox_api_key)
    renamed = (await edge.http.patch(url, json={"display_name": "New"}, headers=key)).json()["result"]
    assert (renamed["display_name"], renamed["metadata"], renamed["status"]) == ("New", {"a": 1}, "active")
    emptied = (await edge.http.patch(url, json={"display_name": None}, headers=key)).json()["result"]
    assert emptied["display_name"] is None


async def test_delete_frees_the_name_for_the_account_and_ends_the_inbox_key(edge: Edge) -> None:
    """After DELETE the inbox is a 404 for the account, and its key is refused."""
    account = await edge.open_account(username="come-back")
    key = bearer(account.account_api_key)
    gone = await edge.http.delete(f"/v1/inboxes/{account.id}", headers=bearer(account.inbox_api_key))
    assert gone.json()["result"] == {"id": account.id, "deleted": True}
    assert (await edge.http.get(f"/v1/inboxes/{account.id}", headers=key)).json()["error"] == "INBOX_NOT_FOUND"
    refused = await edge.http.get("/v1/whoami", headers=bearer(account.inbox_api_key))
    assert refused.json()["error"] == "API_KEY_REVOKED"
    again = await edge.create_inbox(account.account_api_key, username="come-back")
    assert again["id"] != account.id


async def test_rotation_ends_the_old_secret_at_once(edge: Edge) -> None:
    """The key keeps its id; without a grace the old secret is refused right away."""
    account = await edge.open_account()
    old = bearer(account.inbox_api_key)
    before = (await edge.http.get("/v1/whoami", headers=old)).json()["result"]
    rotated = (await edge.http.post(f"/v1/inboxes/{account.id}/rotate-key", headers=old)).json()["result"]
    after = (await edge.http.get("/v1/whoami", headers=bearer(rotated["inbox_api_key"]))).json()["result"]
    assert before["key_id"] == rotated["key_id"] == after["key_id"]
    assert (await edge.http.get("/v1/whoami", headers=old)).json()["error"] == "API_KEY_REVOKED"


async def test_rotation_with_a_grace_keeps_both_secrets(edge: Edge) -> None:
    """Within `grace_seconds` the old secret works on."""
    account = await edge.open_account()
    old, url = bearer(account.inbox_api_key), f"/v1/inboxes/{account.id}/rotate-key"
    await edge.http.post(url, json={"grace_seconds": 600}, headers=old)
    assert (await edge.http.get("/v1/whoami", headers=old)).status_code == 200


async def test_a_taken_username_suggests_three_free_ones(edge: Edge) -> None:
    """409 USERNAME_TAKEN carries three names in `details`, and each of them is free."""
    await edge.open_account(username="popular")
    taken = await edge.http.post("/v1/inboxes", json={"username": "Popular"})
    assert (taken.status_code, taken.json()["error"]) == (409, "USERNAME_TAKEN")
    names = [detail["message"] for detail in taken.json()["details"]]
    assert len(names) == 3
    for name in names:
        assert (await edge.http.post("/v1/inboxes", json={"username": name})).status_code == 201


async def test_account_shows_limits_and_use(edge: Edge) -> None:
    """The six fields of the seed come first, in its order."""
    account = await edge.open_account()
    answer = (await edge.http.get("/v1/account", headers=bearer(account.account_api_key))).json()["result"]
    assert list(answer["limits"].items())[:6] == [
        ("max_inboxes", 10),
        ("current_inboxes", 1),
        ("max_sends_per_day", 0),
        ("current_sends_today", 0),
        ("webhooks_enabled", True),
        ("custom_domains_enabled", False),
    ]


async def test_fifty_creates_at_once_stop_exactly_at_the_limit(edge: Edge) -> None:
    """Nine of ten inboxes are there: of fifty creates in parallel one succeeds, the rest say how to go on."""
    account = await edge.open_account()
    for _ in range(8):
        await edge.create_inbox(account.account_api_key)
    key = bearer(account.account_api_key)
    answers = await asyncio.gather(*(edge.http.post("/v1/inboxes", headers=key) for _ in range(50)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] + [402] * 49
    refused = next(answer.json() for answer in answers if answer.status_code == 402)
    assert refused["error"] == "INBOX_LIMIT_REACHED"
    assert set(refused["upgrade_context"]) == {"operator_action_url", "operator_action_label", "agent_script"}


async def test_free_creates_of_one_address_are_limited(services: Services) -> None:
    """Of fifty keyless creates in parallel from one address ten succeed; the rest are told how long to wait."""
    policy = replace(services.inbox_policy, free_creates_per_hour=10)
    async with serving(replace(services, inbox_policy=policy)) as edge:
        answers: list[httpx.Response] = await asyncio.gather(*(edge.http.post("/v1/inboxes") for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [429] * 40
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["code"] == "INBOX_CREATE_RATE_LIMIT"
    wait = int(refused.headers["Retry-After"])
    assert 0 < wait <= 3600
    assert refused.headers["RateLimit"] == f'"free-creates";r=0;t={wait}'
    granted = [answer for answer in answers if answer.status_code == 201]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"free-creates";q=10;w=3600'}
    left = sorted(int(answer.headers["RateLimit"].split(";")[1].removeprefix("r=")) for answer in granted)
    assert left == list(range(10))
