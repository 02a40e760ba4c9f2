"""Places in the sequence as clients write them: the number of an event, or its id. What comes behind it is read."""

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.events.numbering import sequence_of
from daimon.feed.errors import CursorExpired
from daimon.feed.repository import FeedRepository
from daimon.kit import ids
from daimon.kit.errors import InvalidCursor

_DIGITS = 15


async def read(db: Connection, scope: Scope, text: str) -> int:
    """Return the number of a place.

    Raises InvalidCursor for what is no place in this account's sequence, CursorExpired for one that is not kept.
    """
    repository, event_id = FeedRepository(db, scope), ids.read(ids.Kind.EVENT, text)
    if event_id is None and not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise InvalidCursor("This is neither the number of an event nor its id.", next_steps=_STEPS)
    sequence = int(text) if event_id is None else sequence_of(event_id)
    oldest, last = await repository.bounds()
    if sequence > last:
        raise InvalidCursor(f"No event has this number yet; the last one is {last}.", next_steps=_STEPS)
    if event_id is not None and not (0 < sequence < oldest or await repository.is_there(event_id, sequence)):
        raise InvalidCursor("There is no such event in this account.", next_steps=_STEPS)
    if sequence < oldest - 1:
        raise CursorExpired.at(oldest)
    return sequence


async def last(db: Connection, scope: Scope) -> int:
    """Return the number of the account's last event, 0 before the first."""
    return (await FeedRepository(db, scope).bounds())[1]


async def first(db: Connection, scope: Scope) -> int:
    """Return the place before the oldest event that is there."""
    return (await FeedRepository(db, scope).bounds())[0] - 1


_STEPS = ("GET /v1/events shows events with their `sequence` and `event_id`; pass one of these.",)
