"""What `/mcp` needs of the MCP library: its transport, over the application in the same process."""

import asyncio
import json
from typing import Any

import httpx2
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from daimon.kit.asgi import App
from daimon.mcp import operations, server
from daimon.mcp.body import MOST_BYTES
from daimon.mcp.operations import Request, Response
from daimon.mcp.server import Context

_PASSED_ON = ("authorization", "x-api-key", "x-forwarded-for", "user-agent")


async def keep_open(app: App, opened: "asyncio.Future[App]", stop: asyncio.Event) -> None:
    """Serve MCP over an application until `stop`."""
    try:
        description = await _ask(app, ("127.0.0.1", 0), Request("GET", "/openapi.json"), {})
        made = server.make(operations.read(json.loads(description.body)), _caller(app))
        manager = StreamableHTTPSessionManager(
            app=made, json_response=True, stateless=True, max_request_body_size=MOST_BYTES
        )
        async with manager.run():
            opened.set_result(manager.handle_request)
            await stop.wait()
    except Exception as error:
        if opened.done():
            raise
        opened.set_exception(error)


def _caller(app: App) -> server.Call:
    async def call(context: Context, request: Request) -> Response:
        asked: Any = context.request
        headers = {name: asked.headers[name] for name in _PASSED_ON if name in asked.headers}
        return await _ask(app, asked.scope.get("client") or ("127.0.0.1", 0), request, headers)

    return call


async def _ask(app: App, client: tuple[str, int], request: Request, headers: dict[str, str]) -> Response:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=client)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api", timeout=None) as http:
        answer = await http.request(
            request.method,
            request.path,
            params=list(request.query),
            content=request.body,
            headers={**headers, **request.headers},
        )
    return Response(answer.status_code, answer.headers.get("content-type", ""), answer.content)
