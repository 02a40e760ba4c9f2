"""Events as they are told (contract §4)."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from daimon.kit.clock import rfc3339
from daimon.kit.ids import Kind, show, show_or_none


@dataclass(frozen=True, slots=True)
class Told:
    """One event. `data` is a JSON object; in an event of a message the message is whole, or says what was cut."""

    account_id: UUID
    sequence: int
    id: UUID
    event: str
    pod_id: UUID | None
    inbox_id: UUID | None
    at: datetime
    data: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscriber asks for; None: everything. An event has to be wanted in each respect."""

    events: frozenset[str] | None = None
    inbox_ids: frozenset[UUID] | None = None
    pod_ids: frozenset[UUID] | None = None

    def has(self, told: Told) -> bool:
        """Tell whether an event is wanted."""
        return (
            (self.events is None or told.event in self.events)
            and (self.inbox_ids is None or told.inbox_id in self.inbox_ids)
            and (self.pod_ids is None or told.pod_id in self.pod_ids)
        )


class EventBody(msgspec.Struct, kw_only=True):
    """An event as clients read it, on every channel. `sequence` is its number in the account; there are no gaps."""

    event: str
    event_id: str
    sequence: int
    timestamp: str
    account_id: str
    pod_id: str | None
    inbox_id: str | None
    webhook_id: str | UnsetType = UNSET
    data: msgspec.Raw


_encode = msgspec.json.Encoder().encode


@lru_cache(maxsize=64)  # many who follow are told the same at the same moment
def body(told: Told) -> bytes:
    """Return the JSON of an event."""
    return _encode(body_of(told))


def encoded(told: Told, *, webhook_id: UUID) -> bytes:
    """Return the JSON of an event for a webhook, with the webhook's id."""
    return _encode(body_of(told, webhook_id=webhook_id))


def body_of(told: Told, *, webhook_id: UUID | None = None) -> EventBody:
    """Return an event as clients read it."""
    return EventBody(
        event=told.event,
        event_id=show(Kind.EVENT, told.id),
        sequence=told.sequence,
        timestamp=rfc3339(told.at),
        account_id=show(Kind.ACCOUNT, told.account_id),
        pod_id=show_or_none(Kind.POD, told.pod_id),
        inbox_id=show_or_none(Kind.INBOX, told.inbox_id),
        webhook_id=UNSET if webhook_id is None else show(Kind.WEBHOOK, webhook_id),
        data=msgspec.Raw(told.data),
    )
