"""Streamable HTTP at `/mcp`, without sessions: any process answers any request, with the key that comes with it.

Each call of a tool becomes a request to the same application, in the process, from the same client and with the same
key: limits, permissions, audit and faults are those of the API.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, MutableMapping
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

PATH = "/mcp"
MOST_BYTES = 40 << 20  # of a request: the largest body of a send, in JSON

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class WithMcp:
    """An ASGI application with `/mcp` beside it. What that needs is loaded when it is first asked for."""

    def __init__(self, app: App, *, public_url: str, stop: asyncio.Event) -> None:
        self._app = app
        self._origin = _origin(public_url)
        self._stop = stop
        self._opening: asyncio.Task[App] | None = None
        self._closing: asyncio.Task[None] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not self._is_from_here(headers):
            await _say(send, 403, b"This origin may not call /mcp.")
        elif scope["method"] != "POST":
            await _say(send, 405, b"There are no sessions: POST each message.", (b"allow", b"POST"))
        elif refusal := await self._refused(scope, headers):
            await refusal(send)
        else:
            await (await self._endpoint())(scope, receive, send)

    def _is_from_here(self, headers: dict[bytes, bytes]) -> bool:
        """Tell whether no page of another site sent it (the protocol's demand against DNS rebinding)."""
        origin = headers.get(b"origin")
        return origin is None or origin.decode("latin-1").lower() == self._origin

    async def _refused(self, scope: Message, headers: dict[bytes, bytes]) -> Callable[[Send], Awaitable[None]] | None:
        """Return how the API refuses the key that was sent, None if it does not; without a key little is shown."""
        if not headers.get(b"authorization") and not headers.get(b"x-api-key"):
            return None
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        asked = {**scope, "method": "GET", "path": "/v1/whoami", "raw_path": b"/v1/whoami", "query_string": b""}
        await self._app(asked, _nothing, keep)
        if sent[0]["status"] == 200:
            return None

        async def answer(send: Send) -> None:
            for message in sent:
                await send(message)

        return answer

    async def _endpoint(self) -> App:
        """Return the MCP server's own application, made when it is first needed."""
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        return await asyncio.shield(self._opening)

    async def _open(self) -> App:
        # To import it takes a second, which others shall not wait for.
        sessions: ModuleType = await asyncio.to_thread(importlib.import_module, "daimon.mcp.sessions")
        opened: asyncio.Future[App] = asyncio.get_running_loop().create_future()
        self._closing = asyncio.create_task(sessions.keep_open(self._app, opened, self._stop))
        return await opened


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _say(send: Send, status: int, text: bytes, *headers: tuple[bytes, bytes]) -> None:
    fields = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(text)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": text})
