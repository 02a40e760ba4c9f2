"""Who waits by `/mcp`, and leaves."""

import asyncio
from typing import Any

import pytest

from .conftest import Edge, bearer

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
