"""The API, as the handlers of MCP call it: with the key of whoever asks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from daimon.mcp import answers
from daimon.mcp.operations import BadArgument, Operation, Request, Response, Who
from daimon.mcp.steps import Steps

Context = ServerRequestContext[Any, Any]
Call = Callable[[Context, Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Api:
    """What can be called, the way to call it, and how what it says comes next is told."""

    operations: Mapping[str, Operation]
    call: Call
    steps: Steps

    async def who(self, context: Context) -> Who | None:
        """Return whose key it is; None without one. The API has refused a wrong one by then."""
        answer = await self.call(context, Request("GET", "/v1/whoami"))
        if answer.status != 200:
            return None
        result = answer.json["result"]
        return Who(result["scope"], frozenset(result["permissions"]), result["inbox_id"])

    async def read(self, context: Context, name: str, arguments: Mapping[str, Any]) -> Response:
        """Return what an operation answers. Raises MCPError with its error, for what is no call of a tool."""
        operation = self.operations[name]
        try:
            request = operation.request(arguments)
        except BadArgument as error:
            raise MCPError(types.INVALID_PARAMS, str(error)) from error
        answer = await self.call(context, request)
        if answer.status != 200:
            raise MCPError(types.INVALID_PARAMS, "\n".join(answers.failure(operation, answer, self.steps.for_tools)))
        return answer
