"""The body of a request to `/mcp`, looked at before the MCP library is: it parses on the event loop whatever comes."""

import asyncio
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from daimon.kit.asgi import Receive

MOST_BYTES = 40 << 20  # the largest body of a send, in JSON
MOST_BYTES_WITHOUT_KEY = 1 << 20
MOST_VALUES = 250_000  # far more than a mail with its HTML has commas and brackets; to parse them takes 0.05 s
_MARKS = (b",", b"[", b"{")  # each value but the first has one of them before it
MOST_LEVELS = 64  # of nesting
SECONDS = 30.0

_PARSE_ERROR = -32700
_INVALID_REQUEST = -32600


class Unusable(Exception):
    """A body that is no message, or too much of one. It knows how that is answered."""

    def __init__(self, why: str, *, code: int = _INVALID_REQUEST, status: int = 400) -> None:
        super().__init__(why)
        self.status = status
        self.answer = msgspec.json.encode(
            {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": why}}  # no id: none was read
        )


class ClientGone(Exception):
    """Who asked went away before the request was complete."""


class _Envelope(msgspec.Struct):
    """A JSON-RPC 2.0 message, as far as any of them goes. What it holds is not parsed yet."""

    jsonrpc: Literal["2.0"]
    id: str | int | UnsetType | None = UNSET
    method: str | UnsetType = UNSET
    params: Raw | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET


class _Meta(msgspec.Struct):
    progress_token: Raw | UnsetType = msgspec.field(default=UNSET, name="progressToken")


class _Params(msgspec.Struct):
    meta: _Meta | UnsetType = msgspec.field(default=UNSET, name="_meta")


class _Asked(msgspec.Struct):
    params: _Params | UnsetType = UNSET


_read_asked = msgspec.json.Decoder(_Asked).decode
_read_envelope = msgspec.json.Decoder(_Envelope).decode
_read_all = msgspec.json.Decoder().decode


async def receive_message(receive: Receive, declared: bytes | None, most: int, *, seconds: float = SECONDS) -> bytes:
    """Return a body that the library may see; `declared` is its Content-Length. Raises Unusable, ClientGone."""
    if declared and int(declared) > most:
        raise _too_large(most)
    body, values = bytearray(), 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise ClientGone
                body += message["body"]
                values += sum(message["body"].count(mark) for mark in _MARKS)
                if len(body) > most:
                    raise _too_large(most)
                if values > MOST_VALUES:
                    raise Unusable(f"The message holds more than {MOST_VALUES:,} values.", status=413)
                if not message.get("more_body"):
                    break
    except TimeoutError:
        raise Unusable(f"The message was not complete after {seconds:g} seconds.", status=408) from None
    check(bytes(body))
    return bytes(body)


def check(body: bytes) -> None:
    """Raise Unusable for what is not one message of JSON-RPC 2.0, or nested too deep."""
    try:
        _read_envelope(body)
        deep = is_deep(_read_all(body))
    except msgspec.ValidationError as error:
        if body.lstrip()[:1] == b"[":
            raise Unusable("Batches are no part of this protocol: send each message by itself.") from None
        raise Unusable(f"This is no message of JSON-RPC 2.0: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unusable(f"This is no JSON: {error}", code=_PARSE_ERROR) from None
    except RecursionError:
        deep = True
    if deep:
        raise Unusable(f"The message is nested deeper than {MOST_LEVELS} levels.")


def wants_progress(body: bytes) -> bool:
    """Tell whether a message asks to be told of progress; one that is wrong does not, and is refused later."""
    try:
        params = _read_asked(body).params
    except msgspec.MsgspecError:
        return False
    meta = params.meta if isinstance(params, _Params) else UNSET
    return isinstance(meta, _Meta) and meta.progress_token is not UNSET


def is_deep(value: Any) -> bool:
    """Tell whether a value is nested deeper than MOST_LEVELS."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MOST_LEVELS):
        level = [
            below
            for each in level
            for below in (each.values() if isinstance(each, dict) else each)
            if isinstance(below, dict | list)
        ]
        if not level:
            return False
    return True


def _too_large(most: int) -> Unusable:
    return Unusable(f"The message is larger than {most:,} bytes.", status=413)
