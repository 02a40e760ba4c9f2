"""The yardstick of the API: an ASGI app that runs the same SQL with the same driver and does nothing else.

No routing, no keys, no validation, no errors: each path replays the statements that one request of daimon ran, as
they were recorded, with fresh values where a create needs them, and answers with the rows as JSON.

    python -m benchmarks.bare_app TRACES DATABASE_URL PORT
"""

import pickle
import secrets
import sys
import uuid
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import uvicorn
import uvloop

from benchmarks.recording import Trace

_HEAD = [(b"content-type", b"application/json")]


class BareApp:
    """Replays traces by path."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", traces: dict[str, Trace]) -> None:
        self._pool = pool
        self._traces = traces

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        trace = self._traces[scope["path"]]
        async with self._pool.acquire() as connection:
            rows = await (_in_transaction(connection, trace) if trace.writes else _run(connection, trace))
        body = msgspec.json.encode([dict(row) for row in rows], enc_hook=str)
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEAD, _length(body)]})
        await send({"type": "http.response.body", "body": body})


async def _in_transaction(connection: Any, trace: Trace) -> list[asyncpg.Record]:
    async with connection.transaction():
        return await _run(connection, trace)


async def _run(connection: Any, trace: Trace) -> list[asyncpg.Record]:
    fresh: dict[object, object] = {old: _like(old) for old in trace.renewed}
    rows: list[asyncpg.Record] = []
    for place, (sql, recorded) in enumerate(trace.statements):
        arguments = [_renewed(value, fresh) for value in recorded]
        if place and place == trace.numbered:
            arguments[1] = rows[0]["number"]
        rows = await connection.fetch(sql, *arguments)
    return rows


def _renewed(value: Any, fresh: dict[object, object]) -> Any:
    if not fresh:
        return value
    return [fresh.get(v, v) for v in value] if isinstance(value, list) else fresh.get(value, value)


def _like(old: object) -> object:
    match old:
        case uuid.UUID():
            return uuid.UUID(bytes=old.bytes[:6] + secrets.token_bytes(10))
        case bytes():
            return secrets.token_bytes(len(old))
        case _:
            return secrets.token_hex(10) + str(old)[20:]


async def _nothing_to_reset(_: object) -> None:
    """Save the round trip, as daimon does."""


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % len(body)


async def _serve(traces: dict[str, Trace], url: str, port: int) -> None:
    pool = await asyncpg.create_pool(url, min_size=1, max_size=16, reset=_nothing_to_reset)
    app = BareApp(pool, traces)
    config = uvicorn.Config(app, port=port, log_config=None, access_log=False, lifespan="off", ws="none")
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    uvloop.run(_serve(pickle.loads(Path(sys.argv[1]).read_bytes()), sys.argv[2], int(sys.argv[3])))
