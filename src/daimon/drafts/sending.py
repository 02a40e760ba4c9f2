"""Sending scheduled drafts: in the transaction that marks them sent, so that each is sent once, whatever is killed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from uuid import UUID

import msgspec

from daimon.accounts.errors import AccountDeleted, AccountSuspended, AccountUnderReview
from daimon.accounts.models import AccountStatus
from daimon.accounts.repository import AccountRepository
from daimon.db.engine import OUTAGES, Connection
from daimon.db.scope import Scope
from daimon.drafts.models import TRIED_FOR, DraftError
from daimon.drafts.repository import DraftRepository, Due, contents_of, set_sent, take_due
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.keys.models import KeyScope, Principal
from daimon.keys.permissions import ALL
from daimon.kit.errors import DaimonError, TooManyRequests, Unavailable
from daimon.kit.ids import Kind, show
from daimon.kit.log import Log
from daimon.outbound import submission
from daimon.outbound.planning import Ask
from daimon.outbound.road import Road
from daimon.quotas import drafts as quotas

REVIEW_WAIT = timedelta(minutes=5)
FAULT_WAIT = timedelta(seconds=5)
MOST_OCTETS = 16 << 20  # of drafts that are sent together

_log = Log(__name__)


async def send_due(db: Connection, *, after: UUID, road: Road, now: datetime) -> UUID | None:
    """Send drafts of one account whose moments came, or note why they cannot be; return whose they were.

    None if none is due. What passes is waited for, for 72 hours: limits that time lifts, a review, a fault of ours.
    Anything else makes a draft `failed`. Raises Unavailable and what the database raises when it is away: nothing is
    noted then.
    """
    due = await take_due(db, after=after, now=now)
    if not due:
        return None
    due = due[: _fitting(due)]
    await quotas.hold(db, due[0].account_id)
    try:
        async with db.transaction():
            await _send(db, due, road, now)
    except (Unavailable, *OUTAGES):
        raise
    except Exception as error:
        if len(due) == 1:
            await _note(db, due[0], error, now)
        else:
            for each in due:
                await _send_alone(db, each, road, now)
    return due[0].account_id


def _fitting(due: Sequence[Due]) -> int:
    """Return how many of the drafts fit into memory together, at least one."""
    return max(sum(total <= MOST_OCTETS for total in accumulate(each.octets for each in due)), 1)


async def _send_alone(db: Connection, due: Due, road: Road, now: datetime) -> None:
    try:
        async with db.transaction():
            await _send(db, [due], road, now)
    except (Unavailable, *OUTAGES):
        raise
    except Exception as error:
        await _note(db, due, error, now)


async def _note(db: Connection, due: Due, error: Exception, now: datetime) -> None:
    """Note why a draft was not sent; it is in the way of no other."""
    if isinstance(error, DaimonError):
        await _refused(db, due, DraftError(error.error, error.message), _wait(error), now)
        return
    _log.error("draft.failed", draft=due.id.hex, exc_info=error)
    fault = DraftError("INTERNAL", "Something went wrong here; it is tried again.")
    await _refused(db, due, fault, FAULT_WAIT, now)


async def _send(db: Connection, due: Sequence[Due], road: Road, now: datetime) -> None:
    """Send drafts of one account together; if one is refused none is sent."""
    scope = Scope(due[0].account_id)
    account = await AccountRepository(db, scope).get()
    if account.status is AccountStatus.SUSPENDED:
        raise AccountSuspended
    if account.deleted_at is not None:
        raise AccountDeleted
    who = Principal(due[0].id, KeyScope.ACCOUNT, ALL, scope, account)
    asks = [Ask(who, each.inbox_id, mail) for each, mail in zip(due, await contents_of(db, due), strict=True)]
    sent = await submission.submit_all(db, asks, road=road, now=now)
    await set_sent(db, scope.account_id, [(each.id, mail.id) for each, mail in zip(due, sent, strict=True)], now=now)


def _wait(error: DaimonError) -> timedelta | None:
    """Return after what time it may be no more in the way, None for never."""
    if isinstance(error, TooManyRequests):
        return timedelta(seconds=error.retry_after or 1)
    return REVIEW_WAIT if isinstance(error, AccountUnderReview) else None


async def _refused(db: Connection, due: Due, error: DraftError, wait: timedelta | None, now: datetime) -> None:
    drafts = DraftRepository(db, Scope(due.account_id, inbox_id=due.inbox_id))
    again = now + wait if wait and now < due.send_at + TRIED_FOR else None
    await drafts.set_refused(due.id, error, again=again, now=now)
    if again is None:
        pod_id = await db.fetchval(
            "select pod_id from inboxes where account_id = $1 and id = $2", due.account_id, due.inbox_id
        )
        data = {
            "draft": {"id": show(Kind.DRAFT, due.id), "inbox_id": show(Kind.INBOX, due.inbox_id)},
            "error": {"error": error.error, "message": error.message},
        }
        await events.record(db, [_event(due, pod_id, data, now)])


def _event(due: Due, pod_id: UUID | None, data: object, now: datetime) -> NewEvent:
    return NewEvent(
        account_id=due.account_id,
        event=EventType.MESSAGE_REJECTED,
        data=msgspec.json.encode(data).decode(),
        pod_id=pod_id,
        inbox_id=due.inbox_id,
        at=now,
    )
