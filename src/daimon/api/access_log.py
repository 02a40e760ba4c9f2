"""One line of JSON a request, without bodies, query strings, addresses or keys.

Lines are gathered and written together: a write per request costs more than all the rest of the edge.
"""

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

import msgspec

if TYPE_CHECKING:
    from daimon.api.request import Request

FLUSH_SECONDS = 0.1
_FLUSH_BYTES = 64 << 10


class Line(msgspec.Struct):
    """What is kept of one request. `route` is the operation's path, never the one that was asked for."""

    timestamp: datetime
    level: str
    event: str
    request_id: str
    method: str
    route: str
    status: int
    ms: float
    account_id: str | None


class AccessLog:
    """Writes request lines to a stream, each at the latest a tenth of a second after its request."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lines = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._encode = msgspec.json.Encoder().encode

    def write(self, request: "Request", status: int, seconds: float) -> None:
        """Take the line of a request that was answered."""
        account_id = request.key.scope.account_id.hex if request.key else None
        now = datetime.now(UTC)
        line = Line(
            now,
            "info",
            "request",
            request.id,
            request.method,
            request.route,
            status,
            round(seconds * 1000, 1),
            account_id,
        )
        self._lines += self._encode(line) + b"\n"
        if len(self._lines) >= _FLUSH_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what was gathered. A stream that is full or closed costs lines, never a request."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._lines = self._lines, bytearray()
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(lines)
            self._stream.flush()
