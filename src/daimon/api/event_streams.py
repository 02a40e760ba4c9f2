"""Following events over HTTP: server-sent events (WHATWG HTML §9.2), resumable at any number."""

from collections.abc import AsyncGenerator
from typing import Annotated

import msgspec
from msgspec import Meta

from daimon.api import following
from daimon.api.answer import Streamed
from daimon.api.event_schema import Listed, Place, wanted
from daimon.api.operation import Lend, operation
from daimon.api.request import Request
from daimon.feed.errors import CursorExpired, TooManyFollowers
from daimon.feed.models import Told, Wanted, body
from daimon.kit.errors import DaimonError, InvalidCursor

RETRY_MILLISECONDS = 1000
_MOST_SECONDS = 86_400.0

_encode = msgspec.json.Encoder().encode


class EventStream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to follow, and from where on."""

    after: Place | None = None
    event: Annotated[Listed, Meta(description="Types, separated by commas.")] | None = None
    inbox_id: Listed | None = None
    pod_id: Listed | None = None
    timeout: (
        Annotated[float, Meta(ge=0, le=_MOST_SECONDS, description="Seconds; 0: until it has caught up.")] | None
    ) = None


@operation(
    "GET",
    "/v1/events/stream",
    tag="events",
    lend=Lend.NOTHING,
    errors=(InvalidCursor, CursorExpired, TooManyFollowers),
    content_type="text/event-stream",
)
async def stream_events(request: Request, query: EventStream) -> Streamed:
    """Follow events as they happen, as server-sent events.

    `id` is the event's `sequence`, `event` its type, `data` the event as JSON with the whole message in it. The first
    `id`, alone, says behind which number the stream begins. Reconnect with `Last-Event-ID` (browsers do by themselves)
    or `after`: nothing is missed and nothing comes twice. Without either, the stream begins with what happens from now
    on.
    """
    request.services.crowd.check(request.principal.scope.account_id)
    asked = wanted(query.event, query.inbox_id, query.pod_id)
    place = request.headers.get(b"last-event-id", b"").decode("latin-1") or query.after
    after = await following.begin(request, place)
    if following.reads(request):
        request.read = following.read_of(request, "stream_events", after=after)
    headers = [(b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
    return Streamed(_lines(request, asked, after, query.timeout), "text/event-stream", headers)


async def _lines(request: Request, asked: Wanted, after: int, seconds: float | None) -> AsyncGenerator[bytes, None]:
    followed = following.follow(request, asked, after, operation="stream_events", seconds=seconds)
    try:
        with request.services.crowd.one(request.principal.scope.account_id):
            # The place first: whoever is cut off before anything happened must not begin anew from a later one.
            yield b"retry: %d\nid: %d\n\n" % (RETRY_MILLISECONDS, after)
            async for passed in followed:
                if passed.moved:  # last, where to go on from, though there was nothing to see there
                    yield b"".join([*(_shown(told) for told in passed.told), b"id: %d\n\n" % passed.sequence])
                else:
                    yield b":\n\n"
    except DaimonError as error:  # the key is no longer good, or nothing is kept of where the client is
        yield b"event: error\ndata: %s\n\n" % _encode(
            {"error": error.error, "message": error.message, "next_steps": error.steps}
        )
    finally:
        await followed.aclose()


def _shown(told: Told) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (told.sequence, told.event.encode(), body(told))
