"""A call of the application in the same process, as if it came over HTTP from the client that called `/mcp`."""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlencode

from daimon.kit.asgi import App, Message
from daimon.mcp.operations import Request, Response

Headers = Sequence[tuple[bytes, bytes]]

_running: set[asyncio.Task[Response]] = set()  # a task that nobody holds may be collected


async def ask(
    app: App, request: Request, *, client: tuple[str, int], headers: Headers, gone: asyncio.Event
) -> Response:
    """Return what the application answers. When `gone` is set, it learns that its client has left.

    To cancel this does the same, and no more: what is being written is written to its end, as over HTTP.
    """
    asked = asyncio.create_task(_ask(app, request, client, headers, gone))
    _running.add(asked)
    asked.add_done_callback(_running.discard)
    try:
        return await asyncio.shield(asked)
    except asyncio.CancelledError:
        gone.set()
        raise


async def _ask(app: App, request: Request, client: tuple[str, int], headers: Headers, gone: asyncio.Event) -> Response:
    sent: list[Message] = []
    body: list[Message] = [{"type": "http.request", "body": request.body, "more_body": False}]

    async def receive() -> Message:
        if body:
            return body.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(_scope(request, client, headers), receive, send)
    if not sent:
        return Response(503, "text/plain", b"")  # it left before there was an answer
    fields = dict(sent[0]["headers"])
    octets = b"".join(message.get("body", b"") for message in sent[1:])
    return Response(sent[0]["status"], fields.get(b"content-type", b"").decode("latin-1"), octets)


def _scope(request: Request, client: tuple[str, int], headers: Headers) -> Message:
    told = {**request.headers, "host": "localhost", "content-length": str(len(request.body))}
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(request.path),
        "raw_path": request.path.encode(),
        "query_string": urlencode(request.query).encode(),
        "root_path": "",
        "headers": [*headers, *((name.encode(), value.encode()) for name, value in told.items())],
        "client": client,
        "server": ("localhost", 80),
    }
    return scope
