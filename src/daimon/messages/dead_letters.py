"""Messages that were claimed as often as may be and never acknowledged: they are labelled, and leave the queue.

`last_leases` names the messages that are in their last lease. The next claim in the inbox looks there, and the janitor
does, since nobody may ever claim again where every agent died. Leases are judged by the database's clock alone.
"""

from datetime import datetime
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.inboxes.errors import InboxNotFound
from daimon.inboxes.repository import InboxRepository
from daimon.messages.repository import MessageRepository

DEAD_LETTER = "dead-letter"
MOST_CLAIMS = 5
_BURIED_BY_A_CLAIM, _BURIED_BY_A_SWEEP = 10, 100  # at one time, for which the inbox is locked


class LastLeases:
    """The last leases in one inbox, which the caller has found within his scope."""

    def __init__(self, db: Connection, scope: Scope, inbox_id: UUID) -> None:
        self._db = db
        self._account_id = scope.account_id
        self._inbox_id = inbox_id

    async def add(self, message_id: UUID, until: datetime) -> None:
        """Note that a message is in its last lease."""
        await self._db.execute(
            """
            insert into last_leases (account_id, inbox_id, message_id, leased_until) values ($1, $2, $3, $4)
            on conflict (account_id, message_id) do update set leased_until = excluded.leased_until
            """,
            self._account_id, self._inbox_id, message_id, until,
        )  # fmt: skip

    async def over(self, limit: int) -> list[UUID]:
        """Return messages whose last lease ran out, unless they were acknowledged or released: see `is_dead`."""
        rows = await self._db.fetch(
            """
            select message_id from last_leases
            where account_id = $1 and inbox_id = $2 and leased_until <= clock_timestamp()
            order by account_id, inbox_id, leased_until limit $3
            """,
            self._account_id, self._inbox_id, limit,
        )  # fmt: skip
        return [row["message_id"] for row in rows]

    async def is_dead(self, message_id: UUID) -> bool:
        """Tell whether a message still waits though its last lease ran out."""
        found = await self._db.fetchval(
            """
            select true from messages where account_id = $1 and id = $2 and handled_at is null and deleted_at is null
                and claim_count >= $3 and leased_until <= clock_timestamp()
            """,
            self._account_id, message_id, MOST_CLAIMS,
        )  # fmt: skip
        return found is True

    async def bury(self, message_id: UUID) -> None:
        """Take a message out of the queue without its having been handled."""
        await self._db.execute(
            "update messages set handled_at = clock_timestamp(), lease_id = null, leased_until = null"
            " where account_id = $1 and id = $2",
            self._account_id, message_id,
        )  # fmt: skip

    async def forget(self, message_ids: list[UUID]) -> None:
        """Look at these no more, unless they were leased for the last time once more."""
        await self._db.execute(
            "delete from last_leases where account_id = $1 and message_id = any($2)"
            " and leased_until <= clock_timestamp()",
            self._account_id, message_ids,
        )  # fmt: skip


async def bury(db: Connection, scope: Scope, inbox_id: UUID, *, limit: int = _BURIED_BY_A_CLAIM) -> None:
    """Bury dead letters of an inbox, `limit` at most."""
    leases = LastLeases(db, scope, inbox_id)
    over = await leases.over(limit)
    if not over:
        return
    try:
        await InboxRepository(db, scope).lock(inbox_id)  # before any message: who changes one locks its inbox first
        for message_id in over:
            await _bury_if_dead(leases, MessageRepository(db, scope, inbox_id), message_id)
    except InboxNotFound:
        pass  # it was deleted, and its queue with it
    await leases.forget(over)


async def sweep(db: Connection, *, limit: int, **_: object) -> int:
    """Bury dead letters of the inbox where a last lease ran out first; return `limit` if there may be more anywhere."""
    row = await db.fetchrow(
        "select account_id, inbox_id from last_leases where leased_until <= clock_timestamp()"
        " order by leased_until limit 1"
    )
    if row is None:
        return 0
    await bury(db, Scope(row["account_id"]), row["inbox_id"], limit=_BURIED_BY_A_SWEEP)
    return limit


async def _bury_if_dead(leases: LastLeases, messages: MessageRepository, message_id: UUID) -> None:
    if not await leases.is_dead(message_id):
        return
    message = await messages.get(message_id)
    labels = [*message.labels, *([] if DEAD_LETTER in message.labels else [DEAD_LETTER])]
    await messages.set_state(message, labels, read=message.read, deleted=False)
    await leases.bury(message_id)
