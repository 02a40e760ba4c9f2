"""What SQL one request runs, recorded from the application itself, so that the yardstick cannot fall behind it."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from daimon.api.app import Api
from daimon.api.services import Services
from daimon.db.walls import NOBODY

_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SET DAIMON")


@dataclass
class Trace:
    """The statements of one request, in order; `renewed` are the values that must be fresh in each replay.

    `numbered` is the place of the statement that appends to the audit trail, under the number which the statement
    before it returned.
    """

    statements: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    writes: bool = False
    renewed: list[object] = field(default_factory=list)
    numbered: int = 0


async def record(services: Services, method: str, path: str, key: str, body: bytes = b"") -> Trace:
    """Run a request through the application and return the SQL that it ran, the key's look-up left out.

    The first request fills the cache of keys, so the second shows what a request costs.
    """
    trace = Trace(writes=method == "POST")
    await _request(services, method, path, key, body)

    def seen(query: Any) -> None:
        if not query.query.upper().startswith(_CONTROL):
            trace.statements.append((query.query, query.args))
            if "insert into audit_chains" in query.query:
                trace.numbered = len(trace.statements)

    async with services.db.read(NOBODY) as connection:  # there is only one
        connection.add_query_logger(seen)
        raw = getattr(connection, "_con", connection)
    await _request(services, method, path, key, body)
    raw.remove_query_logger(seen)
    return trace


async def _request(services: Services, method: str, path: str, key: str, body: bytes) -> None:
    headers = [(b"authorization", b"Bearer " + key.encode()), (b"content-type", b"application/json")]
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers, "client": ("127.0.0.1", 1), "http_version": "1.1", "scheme": "http",
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    application: Callable[..., Awaitable[None]] = Api(services)
    await application(scope, receive, send)
    if not 200 <= sent[0]["status"] < 300:
        raise RuntimeError(sent)


def ids_of(trace: Trace, *, keep: uuid.UUID) -> list[object]:
    """Return the values of a create that its replay must renew: every id but the account's, secrets, and names."""
    found: list[object] = []
    for _, arguments in trace.statements:
        for value in (v for a in arguments for v in (a if isinstance(a, list) else [a])):
            if _is_unique(value) and value != keep and value not in found:
                found.append(value)
    return found


def _is_unique(value: object) -> bool:
    is_address = isinstance(value, str) and "@" in value and not value.startswith("{")
    return is_address or isinstance(value, (uuid.UUID, bytes))
