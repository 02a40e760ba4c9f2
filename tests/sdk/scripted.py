"""A server on a real socket that answers by script, and keeps what it was asked."""

import json
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass
class Asked:
    """One request that came."""

    line: str
    headers: dict[str, str]
    body: bytes


def answer(status: int, body: Any = None, **headers: str) -> bytes:
    """Return the bytes of a response. `Retry_After` is the header Retry-After."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def result(**fields: Any) -> bytes:
    """Return the bytes of a success."""
    return answer(200, {"result": fields, "next_steps": []})


def failure(status: int, error: str, **fields: Any) -> bytes:
    """Return the bytes of an error."""
    retry = {"Retry_After": str(fields["retry_after"])} if "retry_after" in fields else {}
    return answer(
        status, {"error": error, "message": error, "next_steps": [], "request_id": "req_1", **fields}, **retry
    )


class ScriptedServer:
    """Answers one request a connection, in order; None closes the connection instead."""

    def __init__(self, script: Sequence[bytes | None]) -> None:
        self.asked: list[Asked] = []
        self._script = list(script)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "ScriptedServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # ends `accept`
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        for response in self._script:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.asked.append(_read(connection))
                if response is not None:
                    connection.sendall(response)


def _read(connection: socket.socket) -> Asked:
    stream = connection.makefile("rb")
    with stream:
        line = stream.readline().decode().strip()
        headers = {}
        while pair := stream.readline().decode().strip():
            name, _, value = pair.partition(":")
            headers[name.lower()] = value.strip()
        return Asked(line, headers, stream.read(int(headers.get("content-length", 0))))
