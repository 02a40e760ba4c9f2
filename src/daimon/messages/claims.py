"""Working through an inbox: each message is leased to one caller, who acknowledges it, or it comes back.

Every function runs in the caller's transaction. Leases run by the database's clock, which all processes have in common:
if two machines disagreed about the time, two callers could hold one message. What was claimed too often is a dead
letter (`dead_letters`); taking that label away puts it back.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.patterns import contains
from daimon.db.scope import Scope
from daimon.db.where import Where
from daimon.inboxes.repository import InboxRepository
from daimon.kit import ids
from daimon.messages import dead_letters
from daimon.messages.dead_letters import MOST_CLAIMS, LastLeases
from daimon.messages.errors import NotHeld
from daimon.messages.models import Claimed, ClaimFilter, Message
from daimon.messages.repository import MessageRepository

# A lease that ends later than any may was given by a clock that has been put back since.
_FREE = """(m.leased_until is null or m.leased_until <= clock_timestamp()
    or m.leased_until > clock_timestamp() + interval '13 hours')"""


@dataclass(frozen=True, slots=True)
class _Lease:
    message_id: UUID
    claim_count: int
    until: datetime


class ClaimRepository:
    """The queue of one inbox, which the caller has found within his scope."""

    def __init__(self, db: Connection, scope: Scope, inbox_id: UUID) -> None:
        self._db = db
        self._account_id = scope.account_id
        self._inbox_id = inbox_id

    async def lease(self, lease_id: UUID, wanted: ClaimFilter, length: timedelta) -> _Lease | None:
        """Lease the oldest message that nobody holds; what others are just leasing is passed over."""
        where = Where(self._account_id, self._inbox_id, MOST_CLAIMS)
        where.add("$? = any(m.labels)", wanted.label).add("lower(m.from_address) = lower($?)", wanted.from_)
        where.add("m.subject ilike $?", contains(wanted.subject)).add("m.thread_id = $?", wanted.thread_id)
        where.add("m.has_code = $?", wanted.has_code)
        row = await self._db.fetchrow(
            f"""
            with next as (
                select m.id from messages m
                where m.account_id = $1 and m.inbox_id = $2
                    and m.handled_at is null and m.deleted_at is null and m.direction = 'inbound'
                    and {_FREE} and m.claim_count < $3{where}
                order by m.account_id, m.inbox_id, m.id limit 1 for no key update skip locked
            )
            update messages m set lease_id = {where.parameter(lease_id)},
                leased_until = clock_timestamp() + {where.parameter(length)}::interval, claim_count = m.claim_count + 1
            from next where m.account_id = $1 and m.id = next.id returning m.id, m.claim_count, m.leased_until
            """,
            *where.parameters,
        )
        return None if row is None else _Lease(row["id"], row["claim_count"], row["leased_until"])

    async def handle(self, message_id: UUID, lease_id: UUID, now: datetime) -> bool:
        """Take a message out of the queue; False if this lease is not the last one of it."""
        done = await self._db.fetchval(
            """
            update messages set handled_at = coalesce(handled_at, $5), leased_until = null
            where account_id = $1 and inbox_id = $2 and id = $3 and lease_id = $4 returning true
            """,
            self._account_id, self._inbox_id, message_id, lease_id, now,
        )  # fmt: skip
        return done is True

    async def give_back(self, message_id: UUID, lease_id: UUID) -> bool:
        """End a lease as if it had not been; False if it is not the last one, or the message is handled."""
        done = await self._db.fetchval(
            """
            update messages set lease_id = null, leased_until = null, claim_count = claim_count - 1
            where account_id = $1 and inbox_id = $2 and id = $3 and lease_id = $4 and handled_at is null returning true
            """,
            self._account_id, self._inbox_id, message_id, lease_id,
        )  # fmt: skip
        return done is True

    async def put_back(self, message_id: UUID) -> None:
        """Put a message into the queue as if it had never been claimed."""
        await self._db.execute(
            "update messages set handled_at = null, lease_id = null, leased_until = null, claim_count = 0"
            " where account_id = $1 and id = $2",
            self._account_id, message_id,
        )  # fmt: skip


async def claim(
    db: Connection, scope: Scope, inbox: UUID | str, wanted: ClaimFilter, *, lease: timedelta
) -> Claimed | None:
    """Lease the oldest unhandled message of an inbox, None if there is none. Raises InboxNotFound."""
    inbox_id = (await InboxRepository(db, scope).get(inbox)).id
    await dead_letters.bury(db, scope, inbox_id)
    lease_id = ids.new()
    leased = await ClaimRepository(db, scope, inbox_id).lease(lease_id, wanted, lease)
    if leased is None:
        return None
    if leased.claim_count == MOST_CLAIMS:
        await LastLeases(db, scope, inbox_id).add(leased.message_id, leased.until)
    message = await MessageRepository(db, scope, inbox_id).get(leased.message_id)
    return Claimed(message, lease_id, leased.claim_count, leased.until)


async def acknowledge(
    db: Connection, scope: Scope, inbox: UUID | str, message_id: UUID, lease_id: UUID, now: datetime
) -> Message:
    """End a lease: the message is handled. A lease that ran out does, too, as long as nobody else took the message.

    Raises InboxNotFound, MessageNotFound, NotHeld.
    """
    message = await MessageRepository(db, scope, inbox).get(message_id)
    if not await ClaimRepository(db, scope, message.inbox_id).handle(message_id, lease_id, now):
        raise NotHeld
    return message


async def release(db: Connection, scope: Scope, inbox: UUID | str, message_id: UUID, lease_id: UUID) -> Message:
    """Give a message back at once; the claim does not count. Raises InboxNotFound, MessageNotFound, NotHeld."""
    message = await MessageRepository(db, scope, inbox).get(message_id)
    if not await ClaimRepository(db, scope, message.inbox_id).give_back(message_id, lease_id):
        raise NotHeld
    return message
