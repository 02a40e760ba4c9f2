"""Whether a role answers yet: one request in its own protocol."""

import socket

HTTP = (b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n", b" 200 ")
SMTP = (b"", b"220")


def answers(listener: socket.socket, question: bytes, expected: bytes, *, seconds: float) -> bool:
    """Ask a listening socket and tell whether the first line is as expected."""
    try:
        with socket.socket(listener.family, socket.SOCK_STREAM) as client:
            client.settimeout(seconds)
            client.connect(_reachable(listener))
            client.sendall(question)
            return expected in client.recv(512).partition(b"\r\n")[0]
    except OSError:
        return False


def _reachable(listener: socket.socket) -> tuple[str, int]:
    """Return an address that leads to the socket; one bound to all addresses is reached over loopback."""
    host, port = listener.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104 -- compared, not bound
