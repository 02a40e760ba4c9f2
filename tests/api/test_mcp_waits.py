"""Who waits by `/mcp`, and leaves, or is left."""

import asyncio
from typing import Any

import httpx
import pytest

from daimon.api.services import Services

from .conftest import Edge, bearer, serving

ACCEPT = {"Accept": "application/json, text/event-stream"}
VERSION = "2026-07-28"
ALONE = {"MCP-Protocol-Version": VERSION, "Mcp-Method": "tools/call", "Mcp-Name": "wait_for_email"}
TOLD = {"io.modelcontextprotocol/protocolVersion": VERSION, "io.modelcontextprotocol/clientCapabilities": {}}


@pytest.mark.parametrize("progress", [{}, {"progressToken": 1}], ids=["in silence", "with progress"])
@pytest.mark.parametrize(("headers", "told"), [({}, {}), (ALONE, TOLD)], ids=["with an opening", "by itself"])
async def test_who_leaves_waits_no_longer(
    fresh_edge: Edge, progress: dict[str, Any], headers: dict[str, str], told: dict[str, Any]
) -> None:
    """A wait ends on the server when the connection does, long before its time is over."""
    account = await fresh_edge.open_account()
    arguments = {"inbox_id": str(account.id), "timeout": 120}
    params = {"name": "wait_for_email", "arguments": arguments, "_meta": progress | told}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    asked = {**ACCEPT, **headers, **bearer(account.account_api_key)}
    waiting = asyncio.create_task(fresh_edge.http.post("/mcp", json=call, headers=asked))
    async with asyncio.timeout(60):
        begun = asyncio.create_task(fresh_edge.bells.lent.wait())
        await asyncio.wait({waiting, begun}, return_when=asyncio.FIRST_COMPLETED)
        assert begun.done(), waiting.result().text
        assert not fresh_edge.bells.returned.is_set()
        waiting.cancel()
        await fresh_edge.bells.returned.wait()


@pytest.mark.parametrize("progress", [{}, {"progressToken": 1}], ids=["in silence", "with progress"])
async def test_a_server_that_stops_answers_who_waits(services: Services, progress: dict[str, Any]) -> None:
    """As over the API: what was begun is answered, and no call that did its work looks like one that failed."""
    async with httpx.AsyncClient(timeout=60) as http:
        async with serving(services) as edge:
            account = await edge.open_account()
            arguments = {"inbox_id": str(account.id), "timeout": 120}
            params = {"name": "wait_for_email", "arguments": arguments, "_meta": progress}
            call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
            headers = ACCEPT | bearer(account.account_api_key)
            url = f"http://127.0.0.1:{edge.port}/mcp"
            waiting = asyncio.create_task(http.post(url, json=call, headers=headers))
            begun = asyncio.create_task(edge.bells.lent.wait())
            await asyncio.wait({waiting, begun}, return_when=asyncio.FIRST_COMPLETED)
            assert begun.done(), waiting.result().text
        answer = await waiting
    assert answer.status_code == 200, answer.text
    assert "Nothing came in time" in answer.text
