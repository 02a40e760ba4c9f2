"""Listening sockets, bound before anything is started.

A port that is taken costs nothing then, and connections wait while a role that died starts again.
"""

import errno
import socket

from daimon.config_values import in_url
from daimon.supervisor.errors import CannotStart

_BACKLOG = 1024


def listen(host: str, port: int, *, setting: str) -> socket.socket:
    """Return a socket that listens. Raises CannotStart, naming the setting to change."""
    place = f"{in_url(host)}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotStart(f"cannot listen on {place}: {error.strerror} (set {setting})") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotStart(f"cannot listen on {place}: {_reason(error)} (set {setting})") from error
    listener.setblocking(False)
    return listener


def port_of(listener: socket.socket) -> int:
    """Return the port that a socket got."""
    port: int = listener.getsockname()[1]
    return port


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program listens there"
    return error.strerror or str(error)
