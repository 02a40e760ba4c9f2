"""The body: read no further than the limit, then decoded into the Struct that the operation declares."""

import asyncio
import json
from collections.abc import Iterator

import msgspec

from daimon.api.errors import ClientGone, InvalidJson, RequestTimeout
from daimon.api.faults import WHOLE, invalid
from daimon.kit.asgi import Message, Receive
from daimon.kit.errors import Invalid, PayloadTooLarge, UnsupportedMediaType

MAX_BODY_BYTES = 1 << 20
BODY_SECONDS = 30.0
_MAX_SHOWN = 100


class BodyReader:
    """Decodes bodies into one Struct. A Struct whose fields may all be left out may be left out itself."""

    def __init__(self, struct: type[msgspec.Struct], max_bytes: int = MAX_BODY_BYTES) -> None:
        self.struct = struct
        self.max_bytes = max_bytes
        self.optional = not any(field.required for field in msgspec.structs.fields(struct))
        self._decode = msgspec.json.Decoder(struct).decode

    def read(self, raw: bytes, content_type: bytes | None) -> msgspec.Struct:
        """Return what a body says. Raises InvalidJson, UnsupportedMediaType, Invalid."""
        if not raw and self.optional:
            return self.struct()
        if content_type != b"application/json":
            _refuse_other_than_json(content_type)
        try:
            decoded = self._decode(raw)
        except msgspec.ValidationError as error:
            raise invalid(error) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            _refuse_text_faults(raw)
            raise InvalidJson from None
        if b"\\u0000" in raw:
            _refuse_text_faults(raw)
        return decoded


async def receive_body(receive: Receive, declared: bytes | None, max_bytes: int) -> bytes:
    """Return the request's body. `declared` is its Content-Length.

    Raises PayloadTooLarge as soon as that is certain, RequestTimeout, and ClientGone.
    """
    if declared and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message["body"]
        _check_size(body, max_bytes)
        return body
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _receive_rest(receive, message, max_bytes)
    except TimeoutError:
        raise RequestTimeout from None


async def _receive_rest(receive: Receive, message: Message, max_bytes: int) -> bytes:
    body = bytearray()
    while True:
        if message["type"] != "http.request":
            raise ClientGone
        body += message["body"]
        _check_size(body, max_bytes)
        if not message.get("more_body"):
            return bytes(body)
        message = await receive()


def _check_size(body: bytes | bytearray, max_bytes: int) -> None:
    if len(body) > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than {max_bytes} bytes, which is what this endpoint takes.")


def _refuse_other_than_json(content_type: bytes | None) -> None:
    essence = (content_type or b"").partition(b";")[0].strip().lower()
    if essence != b"application/json":
        raise UnsupportedMediaType


def _refuse_text_faults(raw: bytes) -> None:
    """Raise Invalid for the first text that PostgreSQL and UTF-8 cannot hold: one with NUL or a lone surrogate.

    The standard library's reader takes both, so it can tell where they are; it only sees bodies already suspect.
    """
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return
    for path, text in _texts(value):
        if "\x00" in text:
            raise Invalid.field(_shown(path), "holds a NUL character")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise Invalid.field(_shown(path), "holds half of a surrogate pair")


def _texts(value: object) -> Iterator[tuple[str, str]]:
    """Yield every text in a JSON value with its path, keys included, without recursion."""
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, list):
            waiting += [(f"{path}[{index}]"[: 2 * _MAX_SHOWN], item) for index, item in enumerate(value)]
        elif isinstance(value, dict):
            for key, item in value.items():
                below = f"{path}.{key}"[: 2 * _MAX_SHOWN].lstrip(".")
                yield below, key
                waiting.append((below, item))


def _shown(path: str) -> str:
    return path.encode("utf-8", "replace").decode().replace("\x00", "?")[:_MAX_SHOWN] or WHOLE
