"""Whether a role answers yet: one request in its own protocol, asked once and not again while it waits for its turn."""

import contextlib
import select
import socket
from ipaddress import ip_address

from daimon.config import Settings

QUESTIONS = {  # by the setting of the port
    "http_port": (b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n", b" 200 "),
    "smtp_port": (b"", b"220"),
    "submission_port": (b"", b"220"),
}
_BEHIND_PROXIES = ("smtp_port", "submission_port")
# The PROXY protocol's LOCAL command: the health check of whoever stands before the server.
_BEHIND_A_PROXY = (b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", b"220")


class Probe:
    """A question to a role behind a listening socket."""

    def __init__(self, name: str, listener: socket.socket, settings: Settings) -> None:
        behind_a_proxy = name in _BEHIND_PROXIES and settings.smtp_proxy_protocol and _is_trusted(listener, settings)
        self._question, self._expected = _BEHIND_A_PROXY if behind_a_proxy else QUESTIONS[name]
        self._listener = listener
        self._connection: socket.socket | None = None

    def answered(self) -> bool:
        """Tell whether the answer is there, without waiting. A wrong answer or none at all is asked for again."""
        with contextlib.suppress(OSError):
            self._connection = self._connection or self._ask()
            if not select.select([self._connection], [], [], 0)[0]:
                return False
            first_line = self._connection.recv(512).partition(b"\r\n")[0]
            self.close()
            return self._expected in first_line
        self.close()
        return False

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self) -> socket.socket:
        connection = socket.socket(self._listener.family, socket.SOCK_STREAM)
        try:
            connection.connect(_reachable(self._listener))  # at once: the kernel accepts, whether or not the role does
            connection.sendall(self._question)
        except OSError:
            connection.close()
            raise
        return connection


def _is_trusted(listener: socket.socket, settings: Settings) -> bool:
    """Return whether a connection from here comes from a trusted proxy, of which a header is expected."""
    here = ip_address(_reachable(listener)[0])
    return any(here in network for network in settings.trusted_proxies)


def _reachable(listener: socket.socket) -> tuple[str, int]:
    """Return an address that leads to the socket; one bound to all addresses is reached over loopback."""
    host, port = listener.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104 -- compared, not bound
