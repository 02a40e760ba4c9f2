"""A model that looks at all it is told, so that no word of a stranger stands there as the server's own."""

import json
import re
from typing import Any

from mcp_clients import told
from stranger import LURES

from daimon.mcp.tools import CALL


def outside(result: Any) -> str:
    """Return what of a result does not stand in a fence, its metadata and structured content included."""
    dumped = result.model_dump(mode="json")
    for block in dumped.get("content") or dumped.get("contents"):
        if "text" in block:
            block["text"] = without_fences(block["text"])
        if block.get("type") == "resource":
            del block["resource"]["blob"]  # an attachment's octets, which are announced as such
    return json.dumps(dumped).lower()


def without_fences(text: str) -> str:
    """Cut out what stands between a pair of marks."""
    while opening := re.search(r"<<<([0-9a-f]{16}) untrusted", text):
        before, after = text[: opening.start()], text[opening.end() :]
        assert after.count(f"{opening[1]}>>>") == 1
        text = before + after.partition(f"{opening[1]}>>>")[2]
    return text


class Looking:
    """A model that calls what it can, and sees to it that nothing lures it."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.called: set[str] = set()
        self.fenced = ""

    async def call(self, tool: str, **arguments: Any) -> Any:
        """Call a tool."""
        self.called.add(tool)
        return self.seen(f"{tool} {arguments}", await self._session.call_tool(tool, arguments))

    async def perform(self, operation: str, **arguments: Any) -> Any:
        """Call an operation."""
        self.called.add(operation)
        return await self.call(CALL, operation=operation, arguments=arguments)

    async def read(self, uri: str) -> None:
        """Read a resource."""
        self.seen(uri, await self._session.read_resource(uri))

    def seen(self, what: str, result: Any) -> Any:
        """Look at a result."""
        said = outside(result)
        for lure in LURES:
            assert lure.lower() not in said, f"{what}: {said[max(0, said.index(lure.lower()) - 300) :][:600]}"
        self.fenced += result.model_dump_json()
        return told(result) if hasattr(result, "is_error") and result.content[0].text.startswith("{") else None
