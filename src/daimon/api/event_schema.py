"""Events as clients ask for them and read them."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from daimon.api.schema import Cursor, Page
from daimon.events.models import EventType
from daimon.feed.models import Wanted
from daimon.kit import ids
from daimon.kit.clock import Time
from daimon.kit.errors import Invalid
from daimon.kit.ids import Kind
from daimon.kit.written import Ours

Place = Annotated[
    str, Meta(max_length=64, description="The `sequence` of an event, or its `event_id`: only what came behind it.")
]
_MOST_NAMED = 50
Listed = Annotated[str, Meta(min_length=1, max_length=4000, description="One or more, separated by commas.")]


class EventList(Page, frozen=True):
    """Which events a list shows, the oldest first. `after` and `cursor` are two names of one thing."""

    after: Place | None = None
    event: Annotated[Listed, Meta(description="Types, separated by commas.")] | None = None
    inbox_id: Listed | None = None
    pod_id: Listed | None = None
    include: Annotated[Literal["body"], Meta(description="Show messages whole.")] | None = None

    def to_domain(self) -> Wanted:
        """Return what is wanted. Raises Invalid."""
        return wanted(self.event, self.inbox_id, self.pod_id)

    @property
    def place(self) -> str | None:
        """Return behind which event the list begins. Raises Invalid for two places."""
        if self.after is not None and self.cursor is not None:
            raise Invalid.field("cursor", "cannot be given together with `after`")
        return self.cursor if self.after is None else self.after


class EventView(msgspec.Struct):
    """An event. `sequence` is its number in the account; a key that does not see all of them sees gaps."""

    event: EventType
    event_id: Ours
    sequence: int
    timestamp: Time
    account_id: Ours
    pod_id: Ours | None
    inbox_id: Ours | None
    data: dict[str, Any]


class EventPage(msgspec.Struct):
    """A page of events. `next_cursor` is always there: ask again with it for what happens from now on."""

    events: list[EventView]
    has_more: bool
    next_cursor: Cursor


def wanted(events: str | None, inbox_ids: str | None, pod_ids: str | None) -> Wanted:
    """Return what is wanted by lists of names. Raises Invalid for a name that is none."""
    return Wanted(
        None if events is None else frozenset(_types(_names(events, "event"))),
        None if inbox_ids is None else frozenset(_ids(Kind.INBOX, _names(inbox_ids, "inbox_id"), "inbox_id")),
        None if pod_ids is None else frozenset(_ids(Kind.POD, _names(pod_ids, "pod_id"), "pod_id")),
    )


def wanted_of(
    events: Iterable[EventType] | None, inbox_ids: Iterable[UUID] | None, pod_ids: Iterable[UUID] | None
) -> Wanted:
    """Return what is wanted by lists, None for all."""
    return Wanted(
        None if events is None else frozenset(event.value for event in events),
        None if inbox_ids is None else frozenset(inbox_ids),
        None if pod_ids is None else frozenset(pod_ids),
    )


def _names(text: str, field: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if len(names) > _MOST_NAMED:
        raise Invalid.field(field, f"names more than {_MOST_NAMED}")
    return names


def _types(names: Iterable[str]) -> list[str]:
    known = [event.value for event in EventType]
    for name in names:
        if name not in known:
            raise Invalid.field("event", f"{name[:60]!r} is no event; there are {', '.join(known)}")
    return list(names)


def _ids(kind: Kind, names: Iterable[str], field: str) -> list[UUID]:
    found = [ids.read(kind, name) for name in names]
    if None in found:
        raise Invalid.field(field, f"must be ids that begin with `{kind.value}_`, separated by commas")
    return [each for each in found if each is not None]
