"""Following events over HTTP: server-sent events (WHATWG HTML §9.2), resumable at any number."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated

import msgspec
from msgspec import Meta

from daimon.api.answer import Streamed
from daimon.api.auditing import record_read
from daimon.api.auth import admitted_again
from daimon.api.event_schema import Listed, Place, wanted
from daimon.api.operation import Lend, operation
from daimon.api.request import Request
from daimon.audit.models import Change
from daimon.db.engine import OUTAGES
from daimon.feed import cursor
from daimon.feed.errors import CursorExpired
from daimon.feed.models import Told, Wanted, body
from daimon.feed.reach import Reach
from daimon.keys.permissions import Permission
from daimon.kit.errors import DaimonError, InvalidCursor, Unavailable
from daimon.kit.ids import Kind, show

HEARTBEAT_SECONDS = 15.0
RETRY_MILLISECONDS = 1000
_OUTAGE_SECONDS = 0.5
_MOST_SECONDS = 86_400.0

_error = msgspec.json.Encoder().encode


class EventStream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to follow, and from where on."""

    after: Place | None = None
    event: Annotated[Listed, Meta(description="Types, separated by commas.")] | None = None
    inbox_id: Listed | None = None
    pod_id: Listed | None = None
    timeout: (
        Annotated[
            float, Meta(ge=0, le=_MOST_SECONDS, description="Seconds; 0: until it has caught up. Left out: no end.")
        ]
        | None
    ) = None


@operation(
    "GET",
    "/v1/events/stream",
    tag="events",
    lend=Lend.NOTHING,
    errors=(InvalidCursor, CursorExpired),
    content_type="text/event-stream",
)
async def stream_events(request: Request, query: EventStream) -> Streamed:
    """Follow events as they happen, as server-sent events.

    `id` is the event's `sequence`, `event` its type, `data` the event as JSON with the whole message in it. Reconnect
    with `Last-Event-ID` (browsers do by themselves) or `after`: nothing is missed and nothing comes twice. Without
    either, the stream begins with what happens from now on.
    """
    asked = wanted(query.event, query.inbox_id, query.pod_id)
    place = request.headers.get(b"last-event-id", b"").decode("latin-1") or query.after
    scope = request.principal.scope
    async with request.reading() as db:
        after = await (cursor.last(db, scope) if place is None else cursor.read(db, scope, place))
    reads = request.principal.allowed(Permission.MESSAGES_READ) is not None
    if reads:
        request.read = _read(request, after=after)
    headers = [(b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
    return Streamed(_follow(request, asked, after, query.timeout, reads=reads), "text/event-stream", headers)


async def _follow(
    request: Request, asked: Wanted, after: int, seconds: float | None, *, reads: bool
) -> AsyncGenerator[bytes, None]:
    """Yield what happens, until the time is over, the key is no longer good, or the server stops."""
    services, loop = request.services, asyncio.get_running_loop()
    until = None if seconds is None else loop.time() + seconds
    sent = after
    yield b"retry: %d\n\n" % RETRY_MILLISECONDS
    with services.tails.subscribe(request.principal.scope.account_id, after) as subscriber:
        try:
            while not services.stopping.is_set():
                patience = HEARTBEAT_SECONDS if until is None else min(HEARTBEAT_SECONDS, until - loop.time())
                passed = subscriber.sequence
                told = await subscriber.next(Reach.of(request.principal, asked), patience=max(patience, 0.0))
                request.key = await admitted_again(request)
                told = _still_seen(told, Reach.of(request.principal, asked))
                if subscriber.sequence != passed:
                    sent = subscriber.sequence
                    # Last, where to go on from, though there was nothing to see there.
                    yield b"".join([*(_shown(each) for each in told), b"id: %d\n\n" % sent])
                elif until is not None and loop.time() >= until:
                    return
                else:
                    yield b":\n\n"
        except (Unavailable, *OUTAGES):
            await asyncio.sleep(_OUTAGE_SECONDS)  # the client comes again, with the last id it saw
        except DaimonError as error:  # the key is no longer good, or nothing is kept of where it is
            yield _failed(error)
        finally:
            if reads and sent != after:
                with contextlib.suppress(DaimonError):
                    await record_read(request, _read(request, after=after, until=sent))


def _still_seen(told: list[Told], reach: Reach) -> list[Told]:
    """Return what the key sees now: it may have lost something while it waited."""
    return [each for each in told if reach.sees(each, {})]


def _shown(told: Told) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (told.sequence, told.event.encode(), body(told))


def _failed(error: DaimonError) -> bytes:
    return b"event: error\ndata: %s\n\n" % _error(
        {"error": error.error, "message": error.message, "next_steps": error.steps}
    )


def _read(request: Request, **where: int) -> Change:
    """Return for the audit trail from which number on, and at the end to which, messages were shown."""
    scope = request.principal.scope
    how = {"operation": "stream_events", **where}
    return Change(show(Kind.ACCOUNT, scope.account_id), after=how, pod_id=scope.pod_id, inbox_id=scope.inbox_id)
