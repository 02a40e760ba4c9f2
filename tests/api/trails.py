"""The audit trail of an account as a client reads it, and what its chain says."""

from typing import Any
from uuid import UUID

from daimon.audit.verification import verify

from .conftest import Edge, Opened, bearer


async def trail_of(edge: Edge, account: Opened, **query: object) -> list[dict[str, Any]]:
    """Return the first page of an account's trail, the newest first."""
    given = {name.rstrip("_"): str(value) for name, value in query.items()}
    answer = await edge.http.get("/v1/audit", params=given, headers=bearer(account.account_api_key))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["result"]["audit"]
    return found


async def whole_trail_of(edge: Edge, account: Opened, **query: object) -> tuple[list[dict[str, Any]], int]:
    """Return all that a filter finds, and on how many pages."""
    found: list[dict[str, Any]] = []
    given, pages = {name.rstrip("_"): str(value) for name, value in query.items()}, 0
    while True:
        answer = await edge.http.get("/v1/audit", params=given, headers=bearer(account.account_api_key))
        page, pages = answer.json()["result"], pages + 1
        found += page["audit"]
        assert page["has_more"] == (page["next_cursor"] is not None)
        if not page["has_more"]:
            return found, pages
        assert page["next_cursor"] in answer.json()["next_steps"][0]
        given["cursor"] = page["next_cursor"]


async def verdict_on(edge: Edge, account: Opened) -> tuple[int, object]:
    async with edge.database.read() as db:
        verdict = await verify(db, edge.services.trail.chain, uuid_of(account.account_id))
    return verdict.rows, verdict.fault


def uuid_of(shown: str) -> UUID:
    return UUID(hex=shown.rpartition("_")[2])


async def message_in(edge: Edge, account: Opened, subject: str = "Hello") -> dict[str, Any]:
    """Let a mail arrive, and return it as its inbox's own key sees it."""
    await edge.deliver(account.id, subject)
    url = f"/v1/inboxes/{account.id}/messages"
    answer = await edge.http.get(url, headers=bearer(account.inbox_api_key))
    found: dict[str, Any] = answer.json()["result"]["messages"][0]
    return found
