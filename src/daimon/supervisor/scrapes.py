"""`GET /metrics`, answered by a thread beside the supervisor's loop: one request a time, bounded in size and time."""

import contextlib
import socket
import threading
import time
import traceback
from collections.abc import Callable

from daimon.kit.exposition import CONTENT_TYPE

_PATIENCE = 2.0  # for a whole request: nobody can keep others waiting for longer
_HEAD_BYTES = 8 << 10
_PAUSE = 0.5  # where there are no file descriptors to accept with


def serve(listener: socket.socket, text: Callable[[], str]) -> None:
    """Answer on a listening socket until it is closed, in a thread that ends with the process."""
    listener.setblocking(True)
    threading.Thread(target=_serve, args=(listener, text), name="metrics", daemon=True).start()


def _serve(listener: socket.socket, text: Callable[[], str]) -> None:
    while listener.fileno() >= 0:
        try:
            connection, _ = listener.accept()
        except OSError:
            time.sleep(_PAUSE)
            continue
        try:
            with connection, contextlib.suppress(OSError):
                connection.sendall(_answer(_read_head(connection), text))
        except Exception:  # a bug; this scrape is lost, the next shall have its chance
            traceback.print_exc()


def _read_head(connection: socket.socket) -> bytes:
    """Return the head of a request. Raises OSError if it does not come whole and in time."""
    deadline = time.monotonic() + _PATIENCE
    head = b""
    while b"\r\n\r\n" not in head:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        octets = connection.recv(_HEAD_BYTES)
        head += octets
        if not octets or len(head) > _HEAD_BYTES:
            raise ConnectionAbortedError
    connection.settimeout(_PATIENCE)
    return head


def _answer(head: bytes, text: Callable[[], str]) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.split(b" ")[0].partition(b"?")[0]
    if path != b"/metrics":
        return _response("404 Not Found", "The metrics are at /metrics.\n")
    if method not in (b"GET", b"HEAD"):
        return _response("405 Method Not Allowed", "Only GET is answered.\n", "allow: GET, HEAD\r\n")
    response = _response("200 OK", text(), f"content-type: {CONTENT_TYPE}\r\n")
    return response if method == b"GET" else response.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def _response(status: str, body: str, fields: str = "content-type: text/plain; charset=utf-8\r\n") -> bytes:
    octets = body.encode()
    head = f"HTTP/1.1 {status}\r\n{fields}content-length: {len(octets)}\r\nconnection: close\r\n\r\n"
    return head.encode() + octets
