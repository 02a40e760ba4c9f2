"""Following events for one client, whatever they travel on: what its key sees, from a number on."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from daimon.api.auditing import record_read
from daimon.api.auth import admitted_again
from daimon.api.request import Request
from daimon.audit.models import Change
from daimon.db.engine import OUTAGES
from daimon.feed import cursor
from daimon.feed.models import Told, Wanted
from daimon.feed.reach import Reach
from daimon.keys.permissions import Permission
from daimon.kit.errors import DaimonError, Unavailable
from daimon.kit.ids import Kind, show

HEARTBEAT_SECONDS = 15.0
_OUTAGE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Passed:
    """What happened since the last one, as far as it is seen, and up to which number. `moved`: anything happened."""

    told: list[Told]
    sequence: int
    moved: bool


async def begin(request: Request, place: str | None) -> int:
    """Return behind which number a client begins; without a place, with what happens from now on.

    Raises InvalidCursor, CursorExpired.
    """
    scope = request.principal.scope
    async with request.reading() as db:
        return await (cursor.last(db, scope) if place is None else cursor.read(db, scope, place))


def reads(request: Request) -> bool:
    """Tell whether the key may be shown messages."""
    return request.principal.allowed(Permission.MESSAGES_READ) is not None


async def follow(
    request: Request, wanted: Wanted, after: int, *, operation: str, seconds: float | None = None
) -> AsyncGenerator[Passed, None]:
    """Yield what happens, and now and then that nothing did, until the time is over or the server stops.

    The key is looked at again before anything is shown, so a stream shows nothing that the key has lost. Raises what
    the key is refused with once it is no longer good, and CursorExpired for who fell too far behind.
    """
    services, loop = request.services, asyncio.get_running_loop()
    until = None if seconds is None else loop.time() + seconds
    sent, reach, known = after, Reach.of(request.principal, wanted), request.principal
    with services.tails.subscribe(request.principal.scope.account_id, after) as subscriber:
        try:
            while not services.stopping.is_set():
                patience = HEARTBEAT_SECONDS if until is None else min(HEARTBEAT_SECONDS, until - loop.time())
                try:
                    told = await subscriber.next(reach, patience=max(patience, 0.0))
                    request.key = await admitted_again(request)
                except (Unavailable, *OUTAGES):
                    await asyncio.sleep(_OUTAGE_SECONDS)
                    told = []
                if request.key is not known:
                    reach, known = Reach.of(request.principal, wanted), request.principal
                moved, sent = subscriber.sequence != sent, subscriber.sequence
                if not moved and until is not None and loop.time() >= until:
                    return
                yield Passed([each for each in told if reach.sees(each, {})], sent, moved)
        finally:
            if sent != after and reads(request):
                with contextlib.suppress(DaimonError):
                    await record_read(request, read_of(request, operation, after=after, until=sent))


def read_of(request: Request, operation: str, **where: int) -> Change:
    """Return for the audit trail from which number on, and at the end to which, messages were shown."""
    scope = request.principal.scope
    how = {"operation": operation, **where}
    return Change(show(Kind.ACCOUNT, scope.account_id), after=how, pod_id=scope.pod_id, inbox_id=scope.inbox_id)
