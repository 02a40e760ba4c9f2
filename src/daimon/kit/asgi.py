"""ASGI 3: what a server and an application hand each other, and an answer that comes before the end of the request."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LINGER_BYTES = 64 << 20
_LINGER_SECONDS = 5.0


async def answer_early(start: Message, body: bytes, receive: Receive, send: Send) -> None:
    """Send an answer whose start says `Connection: close`, and then read and drop what is still coming, for a while.

    A client that sends first and listens later would otherwise see a reset connection instead of the answer.
    """
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await _linger(receive)
    await send({"type": "http.response.body", "body": b""})


async def _linger(receive: Receive) -> None:
    left = _LINGER_BYTES
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            while left > 0:
                message = await receive()
                if not message.get("more_body"):
                    return
                left -= len(message["body"])
    except TimeoutError:
        return
