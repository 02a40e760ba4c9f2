"""Ids of events: a UUIDv7 whose last 48 bits are the event's number in its account's sequence.

So whoever knows an id knows where to go on, and no index on ids is needed to find that place.
"""

from uuid import UUID

_BITS = 48

NUMBERED = "(left({id}::uuid::text, 24) || lpad(to_hex({sequence}), 12, '0'))::uuid"  # in SQL


def sequence_of(event_id: UUID) -> int:
    """Return the number that an event's id ends in."""
    return event_id.int & (1 << _BITS) - 1
