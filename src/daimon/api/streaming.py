"""Answers too large to be made before they are sent. One that breaks off in the middle must not look whole."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from daimon.api.request import Request
from daimon.kit.asgi import Message, Send
from daimon.kit.log import Log

SEND_SECONDS = 60.0  # for which a client may take nothing before it is given up

_log = Log("daimon.api")


async def send_stream(request: Request, chunks: AsyncGenerator[bytes, None], start: Message, send: Send) -> None:
    """Send an answer chunk by chunk, no faster than the client takes it, and stop making it when the client is gone.

    Returning before the last chunk makes the server close the connection without the end of the chunked coding
    (RFC 9112 §8): the client sees that something is missing.
    """
    async with aclosing(chunks):
        await send(start)
        if request.method == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        gone = asyncio.create_task(request.gone())
        try:
            async for chunk in chunks:
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if gone.done():
                    return
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            _log.warning("stream.stalled", request_id=request.id, route=request.route)
        except Exception as error:
            _log.error("stream.broken", exc_info=error, request_id=request.id, route=request.route)
        finally:
            gone.cancel()
