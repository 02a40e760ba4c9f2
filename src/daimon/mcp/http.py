"""Streamable HTTP at `/mcp`, without sessions: any process answers any request, with the key that comes with it.

Each call of a tool becomes a request to the same application, in the process, from the same client and with the same
key: limits, permissions, audit and faults are those of the API.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from types import ModuleType
from urllib.parse import urlsplit

from daimon.kit.asgi import App, Message, Receive, Send, answer_early
from daimon.mcp.body import (
    MOST_BYTES,
    MOST_BYTES_WITHOUT_KEY,
    ClientGone,
    Unusable,
    receive_message,
    wants_progress,
)
from daimon.mcp.scope import GONE, STREAMS

PATH = "/mcp"
_TEXT = (b"content-type", b"text/plain")


class WithMcp:
    """An ASGI application with `/mcp` beside it. What that needs is loaded when it is first asked for."""

    def __init__(self, app: App, *, public_url: str) -> None:
        self._app = app
        self._origin = _origin(public_url)
        self._served = asyncio.Event()
        self._opening: asyncio.Task[App] | None = None
        self._closing: asyncio.Task[None] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not self._is_from_here(scope):
            await _say(send, 403, b"This origin may not call /mcp.", _TEXT)
        elif scope["method"] != "POST":
            await _say(send, 405, b"There are no sessions: POST each message.", _TEXT, (b"allow", b"POST"))
        elif refusal := await self._refused(scope, headers):
            await refusal(send)
        else:
            await self._hand_on(scope, headers, receive, send)

    async def _hand_on(self, scope: Message, headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        """Let the library answer, if it is one message of a size that it can take."""
        most = MOST_BYTES if _has_key(headers) else MOST_BYTES_WITHOUT_KEY
        try:
            body = await receive_message(receive, headers.get(b"content-length"), most)
        except ClientGone:
            return
        except Unusable as error:
            await _refuse(error, receive, send)
            return
        endpoint, gone = await self._endpoint(), asyncio.Event()
        leaving = asyncio.create_task(_tell_of_leaving(receive, gone))
        try:
            await endpoint({**scope, GONE: gone, STREAMS: wants_progress(body)}, _replaying(body, gone), send)
        finally:
            leaving.cancel()

    async def close(self) -> None:
        """End what serves `/mcp`, once no request is open: the library would break one off that has done its work."""
        self._served.set()
        if self._opening is not None:
            await asyncio.wait({self._opening})
        if self._closing is not None:
            await self._closing

    def _is_from_here(self, scope: Message) -> bool:
        """Tell whether no page of another site sent it (the protocol's demand against DNS rebinding)."""
        origins = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"origin"]
        return all(origin == self._origin for origin in origins)

    async def _refused(self, scope: Message, headers: dict[bytes, bytes]) -> Callable[[Send], Awaitable[None]] | None:
        """Return how the API refuses the key that was sent, None if it does not; without a key little is shown."""
        if not _has_key(headers):
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
        """Return the MCP server's own application, made when it is first needed, and again if that failed."""
        if self._opening is None or (self._opening.done() and self._opening.exception()):
            self._opening = asyncio.create_task(self._open())
        return await asyncio.shield(self._opening)

    async def _open(self) -> App:
        # To import it takes a second, which others shall not wait for.
        sessions: ModuleType = await asyncio.to_thread(importlib.import_module, "daimon.mcp.sessions")
        opened: asyncio.Future[App] = asyncio.get_running_loop().create_future()
        self._closing = asyncio.create_task(sessions.keep_open(self._app, opened, self._served))
        return await opened


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _has_key(headers: dict[bytes, bytes]) -> bool:
    return bool(headers.get(b"authorization") or headers.get(b"x-api-key"))


async def _tell_of_leaving(receive: Receive, gone: asyncio.Event) -> None:
    """Set `gone` when who asked closes the connection: that ends a wait, as it does over the API itself."""
    while (await receive())["type"] != "http.disconnect":
        pass
    gone.set()


def _replaying(body: bytes, gone: asyncio.Event) -> Receive:
    """Return the reading of a request that was read before."""
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if whole:
            return whole.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    return receive


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _refuse(error: Unusable, receive: Receive, send: Send) -> None:
    """Answer what is no message. Where more of it is to come, the connection goes on with no other request."""
    if error.status == 400:
        await _say(send, 400, error.answer, (b"content-type", b"application/json"))
        return
    fields = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(error.answer))]
    start = {"type": "http.response.start", "status": error.status, "headers": [*fields, (b"connection", b"close")]}
    await answer_early(start, error.answer, receive, send)


async def _say(send: Send, status: int, text: bytes, *headers: tuple[bytes, bytes]) -> None:
    fields = [(b"content-length", b"%d" % len(text)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": text})
