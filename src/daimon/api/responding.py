"""Sending an answer off (ASGI)."""

import asyncio

from daimon.api import cross_origin
from daimon.api.answer import Response
from daimon.api.request import Message, Receive, Request, Send
from daimon.api.streaming import send_stream
from daimon.kit.errors import PayloadTooLarge

# After a body was refused for its size, this much of it is still read and dropped: a client that sends first
# and listens later would otherwise see a reset connection instead of the 413.
_LINGER_BYTES = 64 << 20
_LINGER_SECONDS = 5.0


async def send_response(request: Request, response: Response, send: Send) -> None:
    """Send an answer, and what follows it if it is a stream."""
    headers = response.headers
    headers.append((b"x-request-id", request.id.encode()))
    headers += cross_origin.readable(request.raw_path, request.headers)
    start: Message = {"type": "http.response.start", "status": response.status, "headers": headers}
    if response.stream is not None:
        await send_stream(request, response.stream, start, send)
        return
    if response.status != 204:
        headers.append((b"content-length", b"%d" % len(response.body)))
    if response.status == PayloadTooLarge.status:
        headers.append((b"connection", b"close"))
        await send(start)
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        await _linger(request.receive)
        await send({"type": "http.response.body", "body": b""})
        return
    await send(start)
    await send({"type": "http.response.body", "body": response.body})


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
