"""Following events over a WebSocket (RFC 6455): `GET /v1/stream`.

The client says what it wants, as often as it likes; the server tells what happens. What the client says wrongly is
answered with an error and the socket stays open; once the key is no longer good, it is closed with 1008.
"""

import asyncio
from contextlib import aclosing
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daimon.api import following
from daimon.api.answer import Streamed
from daimon.api.auditing import record_read
from daimon.api.errors import InvalidJson, UpgradeRequired
from daimon.api.event_schema import wanted_of
from daimon.api.faults import invalid
from daimon.api.operation import Lend, operation
from daimon.api.request import Request
from daimon.api.schema import read_id
from daimon.events.models import EventType
from daimon.feed.errors import TooManyFollowers
from daimon.feed.models import Wanted, body
from daimon.kit.asgi import Receive, Send
from daimon.kit.errors import DaimonError
from daimon.kit.ids import Kind
from daimon.kit.log import Log

PATH = "/v1/stream"
SEND_SECONDS = 60.0  # for which a client may take nothing before it is given up
KEY_IS_GONE, TRY_AGAIN, TOO_SLOW = 1008, 1012, 1008  # RFC 6455 §7.4 and its registry

_log = Log("daimon.api")
_MOST_NAMED = 50


class Ping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="action", tag="ping"):
    """A question whether the server is there."""


class Subscribe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="action", tag="subscribe"):
    """What to be told of from now on, instead of what was asked for before."""

    after: Annotated[str, Meta(max_length=64)] | Annotated[int, Meta(ge=0, le=2**53 - 1)] | None = None
    events: Annotated[list[EventType], Meta(max_length=_MOST_NAMED)] | UnsetType | None = UNSET
    inbox_ids: Annotated[list[str], Meta(max_length=_MOST_NAMED)] | UnsetType | None = UNSET
    pod_ids: Annotated[list[str], Meta(max_length=_MOST_NAMED)] | UnsetType | None = UNSET

    def to_domain(self) -> Wanted:
        """Return what is wanted. Raises Invalid."""
        return wanted_of(
            self.events or None, _ids(Kind.INBOX, self.inbox_ids, "inbox_ids"), _ids(Kind.POD, self.pod_ids, "pod_ids")
        )


_read = msgspec.json.Decoder(Ping | Subscribe).decode
_encode = msgspec.json.Encoder().encode


@operation("GET", PATH, tag="events", lend=Lend.NOTHING, status=101, errors=(UpgradeRequired, TooManyFollowers))
async def open_stream(request: Request) -> Streamed:
    """Follow events over a WebSocket.

    Send `{"action": "subscribe", "after", "events", "inbox_ids", "pod_ids"}`, all but the first optional; `after` is
    the `sequence` or `event_id` that you saw last. The answer is `{"type": "subscribed", "sequence"}`, then each event
    as `{"type": "event", …}`. Subscribe again for something else. `{"action": "ping"}` is answered by
    `{"type": "pong"}`.
    """
    request.services.crowd.check(request.principal.scope.account_id)
    raise UpgradeRequired


async def converse(request: Request, receive: Receive, send: Send) -> None:
    """Talk with a client whose key was found good, until one of both ends it."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    with request.services.crowd.one(request.principal.scope.account_id):
        await _Conversation(request, receive, send).run()


class _Conversation:
    def __init__(self, request: Request, receive: Receive, send: Send) -> None:
        self._request = request
        self._receive = receive
        self._send = send
        self._telling: asyncio.Task[None] | None = None
        self._closed = False

    async def run(self) -> None:
        stopping = asyncio.create_task(self._close_at_the_end())
        try:
            while (message := await self._receive())["type"] == "websocket.receive":
                await self._answer(message)
        finally:
            self._closed = True
            stopping.cancel()
            await self._stop_telling()

    async def _answer(self, message: Any) -> None:
        try:
            said = _understood(message)
            if isinstance(said, Ping):
                await self._say({"type": "pong"})
            else:
                await self._subscribe(said)
        except DaimonError as error:
            await self._say(_failure(error))

    async def _subscribe(self, said: Subscribe) -> None:
        request, wanted = self._request, said.to_domain()
        after = await following.begin(request, None if said.after is None else str(said.after))
        await self._stop_telling()
        if following.reads(request):
            await record_read(request, following.read_of(request, open_stream.__name__, after=after))
        await self._say({"type": "subscribed", "sequence": after})
        self._telling = asyncio.create_task(self._tell(wanted, after))

    async def _tell(self, wanted: Wanted, after: int) -> None:
        try:
            followed = following.follow(self._request, wanted, after, operation=open_stream.__name__)
            async with aclosing(followed):
                async for passed in followed:
                    for told in passed.told:
                        await self._say_json(b'{"type":"event",' + body(told)[1:])
        except DaimonError as error:
            await self._say(_failure(error))
            await self._close(KEY_IS_GONE)
        except TimeoutError:
            _log.warning("socket.stalled", request_id=self._request.id)
            await self._close(TOO_SLOW)
        except OSError:
            pass  # the client is gone
        except Exception as error:
            _log.error("socket.broken", exc_info=error, request_id=self._request.id)
            await self._close(1011)

    async def _stop_telling(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
            self._telling = None

    async def _close_at_the_end(self) -> None:
        await self._request.services.stopping.wait()
        await self._close(TRY_AGAIN)

    async def _say(self, said: dict[str, Any]) -> None:
        await self._say_json(_encode(said))

    async def _say_json(self, said: bytes) -> None:
        if not self._closed:
            async with asyncio.timeout(SEND_SECONDS):
                await self._send({"type": "websocket.send", "text": said.decode()})

    async def _close(self, code: int) -> None:
        if not self._closed:
            self._closed = True
            await self._send({"type": "websocket.close", "code": code})


def _understood(message: Any) -> Ping | Subscribe:
    text = message.get("text")
    if text is None:
        raise _not_understood()
    try:
        said: Ping | Subscribe = _read(text)
    except msgspec.ValidationError as error:
        raise invalid(error) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise _not_understood() from None
    return said


def _not_understood() -> InvalidJson:
    return InvalidJson(
        "A message is JSON in a text frame.",
        next_steps=['Send {"action": "subscribe"} to hear of all that happens from now on, or {"action": "ping"}.'],
    )


def _failure(error: DaimonError) -> dict[str, Any]:
    return {"type": "error", "error": error.error, "message": error.message, "next_steps": error.steps}


def _ids(kind: Kind, names: list[str] | UnsetType | None, field: str) -> list[UUID] | None:
    if not names:
        return None
    return [found for name in names if (found := read_id(kind, name, field)) is not None]
