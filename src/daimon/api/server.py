"""uvicorn in an event loop of ours: on a socket that is given, until told to stop, with bounds that it lacks."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from daimon.api import render
from daimon.api.errors import HeadTooLarge, InvalidRequest
from daimon.api.request_id import new_request_id
from daimon.kit.errors import DaimonError

MAX_HEAD_BYTES = 64 << 10
HEAD_SECONDS = 30.0
LINGER_BYTES = 1 << 20
LINGER_SECONDS = 5.0
KEEP_ALIVE_SECONDS = 75
MAX_FRAME_BYTES = 64 << 10
PING_SECONDS = 20.0
DRAIN_SECONDS = 10


async def serve(app: Callable[..., Any], sock: socket.socket, stop: asyncio.Event) -> None:
    """Serve `app` on a listening socket until `stop` is set, then let running requests end within ten seconds."""
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="websockets-sansio",
        ws_max_size=MAX_FRAME_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,  # its windows would cost each of thousands of sockets more than all the rest
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # strangers' nonsense is not worth a line each
    await _Server(config, stop).serve(sockets=[sock])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stop: asyncio.Event) -> None:
        super().__init__(config)
        self._stop = stop

    async def main_loop(self) -> None:
        """Set the Date header each second, until told to stop."""
        while not self._stop.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._stop.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: the process that called us hears them, and sets `stop`."""
        yield


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose request head is bounded in size and time, and whose own refusals are the contract's errors."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_bytes = 0  # of a head that is not complete yet
        self._in_head = True
        self._head_timer: asyncio.TimerHandle | None = None
        self._refused = False
        self._dropped_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a head on a new connection."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, as long as the head stays within its bounds."""
        if self._refused:
            self._drop(data)
            return
        super().data_received(data)
        if not self._in_head or self._refused or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HeadTooLarge())
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End a head."""
        self._in_head = False
        self._head_bytes = 0
        self._stop_timer()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        self._refuse(InvalidRequest())

    def _refuse(self, error: DaimonError) -> None:
        """Answer where no request came to be, and close.

        What the client is still sending is read and dropped for a while: closing upon unread octets would reset
        the connection, and the answer with it.
        """
        request_id = new_request_id()
        response = render.error(error, request_id)
        head = f"HTTP/1.1 {response.status} \r\ncontent-type: application/json\r\nx-request-id: {request_id}\r\n"
        size = f"content-length: {len(response.body)}\r\nconnection: close\r\n\r\n"
        self.transport.write((head + size).encode() + response.body)
        self.transport.write_eof()
        self._refused = True
        self._stop_timer()
        self._head_timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _drop(self, data: bytes) -> None:
        self._dropped_bytes += len(data)
        if self._dropped_bytes > LINGER_BYTES:
            self.transport.abort()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
