"""Places in the account's sequence, seen from one inbox."""

from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.events.models import EventType
from daimon.feed.whole import message_in

_BEFORE_ALL = UUID(int=0)


async def last_message(db: Connection, scope: Scope, inbox_id: UUID, sequence: int) -> UUID:
    """Return an id such that the inbox's messages told behind a number are those with a larger id.

    In one inbox the order of the events is the order of the ids, as messages are written with the inbox locked. Where
    no event up to the number is kept, it lies just before the first message that was told after it, or at the last.
    """
    told = (scope.account_id, inbox_id, EventType.MESSAGE_RECEIVED, sequence)
    of_inbox = "select data from events where account_id = $1 and inbox_id = $2 and event = $3 and sequence"
    if data := await db.fetchval(f"{of_inbox} <= $4 order by sequence desc limit 1", *told):
        return message_in(data) or _BEFORE_ALL
    if data := await db.fetchval(f"{of_inbox} > $4 order by sequence limit 1", *told):
        following = message_in(data)
        return UUID(int=following.int - 1) if following else _BEFORE_ALL
    newest: UUID | None = await db.fetchval(
        "select id from messages where account_id = $1 and inbox_id = $2 and deleted_at is null"
        " order by id desc limit 1",
        scope.account_id, inbox_id,
    )  # fmt: skip
    return newest or _BEFORE_ALL
