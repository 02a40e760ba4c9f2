"""Sending an answer off (ASGI)."""

from daimon.api import cross_origin
from daimon.api.answer import Response
from daimon.api.request import Request
from daimon.api.streaming import send_stream
from daimon.kit.asgi import Message, Send, answer_early
from daimon.kit.errors import PayloadTooLarge


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
        await answer_early(start, response.body, request.receive, send)
        return
    await send(start)
    await send({"type": "http.response.body", "body": response.body})
