"""Events over HTTP: parse, call, answer."""

from typing import Any, cast

from daimon.api import event_examples as examples
from daimon.api.answer import Answer
from daimon.api.event_schema import EventList, EventPage, EventView
from daimon.api.operation import operation
from daimon.api.request import Request
from daimon.audit.models import Change
from daimon.feed import cursor
from daimon.feed.errors import CursorExpired
from daimon.feed.models import Told, body_of
from daimon.feed.reach import Reach
from daimon.feed.repository import FeedRepository
from daimon.feed.whole import with_messages
from daimon.kit.errors import InvalidCursor
from daimon.kit.ids import Kind, show

_TAG = "events"


@operation("GET", "/v1/events", tag=_TAG, errors=(InvalidCursor, CursorExpired), example=examples.LIST_EVENTS)
async def list_events(request: Request, query: EventList) -> Answer[EventPage]:
    """List events, the oldest first: what happened, in the order in which it was committed.

    Events are numbered without gaps in their account and kept 30 days; a key sees those within its reach and
    permissions. Go on from any number with `after`: nothing is missed and nothing comes twice. A page may be empty and
    still have more behind it, where much was passed over that was not asked for.
    """
    scope = request.principal.scope
    reach = Reach.of(request.principal, query.to_domain())
    place = query.place
    after = await (cursor.first(request.db, scope) if place is None else cursor.read(request.db, scope, place))
    looked = await FeedRepository(request.db, scope).after(after, reach, query.limit)
    whole = query.include == "body"
    told = await with_messages(request.db, scope, looked.told, public_url=request.services.public_url, detail=whole)
    request.read = _read(request, told, whole=whole)
    steps = [f"Go on from here: GET /v1/events?after={looked.to}"]
    return Answer(EventPage([_view(each) for each in told], looked.to < looked.last, str(looked.to)), steps)


def _view(told: Told) -> EventView:
    shown = body_of(told)
    return EventView(
        cast("Any", shown.event),
        shown.event_id,
        shown.sequence,
        shown.timestamp,
        shown.account_id,
        shown.pod_id,
        shown.inbox_id,
        cast("Any", shown.data),  # JSON already
    )


def _read(request: Request, told: list[Told], *, whole: bool) -> Change | None:
    """Return for the audit trail which messages were shown, by the events that told of them."""
    shown = [each for each in told if each.event.startswith("message.")]
    if not shown:
        return None
    how: dict[str, Any] = {"operation": "list_events", "count": len(shown), "whole": whole}
    how |= {"first": shown[0].sequence, "last": shown[-1].sequence}
    scope = request.principal.scope
    inbox_ids = {each.inbox_id for each in shown}
    inbox_id = inbox_ids.pop() if len(inbox_ids) == 1 else None
    return Change(show(Kind.ACCOUNT, scope.account_id), after=how, pod_id=scope.pod_id, inbox_id=inbox_id)
