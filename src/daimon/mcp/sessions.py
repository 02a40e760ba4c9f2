"""What `/mcp` needs of the MCP library: its transport, over the application in the same process."""

import asyncio
import json
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from daimon.kit.asgi import App, Message, Receive, Send
from daimon.mcp import operations, server
from daimon.mcp.body import MOST_BYTES
from daimon.mcp.calling import Call, Context
from daimon.mcp.inside import ask
from daimon.mcp.operations import Request, Response
from daimon.mcp.scope import GONE, STREAMS

_PASSED_ON = frozenset({b"authorization", b"x-api-key", b"x-forwarded-for", b"user-agent"})
_HERE = ("127.0.0.1", 0)


async def keep_open(app: App, opened: "asyncio.Future[App]", served: asyncio.Event) -> None:
    """Keep MCP over an application, which `opened` then holds, ready until all is `served`."""
    try:
        request = Request("GET", "/openapi.json")
        description = await ask(app, request, client=_HERE, headers=(), gone=asyncio.Event())
        made = server.make(operations.read(json.loads(description.body)), _caller(app))
        plain, streaming = (
            StreamableHTTPSessionManager(
                app=made, json_response=alone, stateless=True, max_request_body_size=MOST_BYTES
            )
            for alone in (True, False)
        )

        async def answer(scope: Message, receive: Receive, send: Send) -> None:
            manager = streaming if scope[STREAMS] else plain
            await manager.handle_request(scope, receive, send)

        async with plain.run(), streaming.run():
            opened.set_result(answer)
            await served.wait()
    except Exception as error:
        if opened.done():
            raise
        opened.set_exception(error)


def _caller(app: App) -> Call:
    async def call(context: Context, request: Request) -> Response:
        asked: Any = context.request
        # Each line of them: a proxy may say whom it speaks for in a line of its own, after one that the client sent.
        headers = [(name, value) for name, value in asked.scope["headers"] if name in _PASSED_ON]
        client = asked.scope.get("client") or _HERE
        return await ask(app, request, client=client, headers=headers, gone=asked.scope[GONE])

    return call
