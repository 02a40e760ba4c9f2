"""Sending scheduled drafts: each in the transaction that marks it sent, so that it is sent once, whatever is killed."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from daimon.accounts.errors import AccountDeleted, AccountSuspended, AccountUnderReview
from daimon.accounts.models import AccountStatus
from daimon.accounts.repository import AccountRepository
from daimon.db.engine import OUTAGES, Connection
from daimon.db.scope import Scope
from daimon.drafts import service
from daimon.drafts.models import TRIED_FOR, DraftError
from daimon.drafts.repository import DraftRepository, Due, take_due
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.keys.models import KeyScope, Principal
from daimon.keys.permissions import ALL
from daimon.kit.errors import DaimonError, TooManyRequests, Unavailable
from daimon.kit.ids import Kind, show
from daimon.kit.log import Log
from daimon.outbound.road import Road

REVIEW_WAIT = timedelta(minutes=5)
FAULT_WAIT = timedelta(seconds=5)

_log = Log(__name__)


async def send_due(db: Connection, *, road: Road, now: datetime) -> bool:
    """Send the draft whose moment came first, or note why it cannot be; False if none is due.

    What passes is waited for, for 72 hours: limits that time lifts, a review, a fault of ours. Anything else makes the
    draft `failed`. Raises Unavailable and what the database raises when it is away: nothing is noted then.
    """
    due = await take_due(db, now=now)
    if due is None:
        return False
    try:
        async with db.transaction():
            await _send(db, due, road, now)
    except (Unavailable, *OUTAGES):
        raise
    except DaimonError as error:
        await _refused(db, due, DraftError(error.error, error.message), _wait(error), now)
    except Exception as error:  # one draft shall not stop all others
        _log.error("draft.failed", draft=due.id.hex, exc_info=error)
        fault = DraftError("INTERNAL", "Something went wrong here; it is tried again.")
        await _refused(db, due, fault, FAULT_WAIT, now)
    return True


async def _send(db: Connection, due: Due, road: Road, now: datetime) -> None:
    scope = Scope(due.account_id)
    account = await AccountRepository(db, scope).get()
    if account.status is AccountStatus.SUSPENDED:
        raise AccountSuspended
    if account.deleted_at is not None:
        raise AccountDeleted
    who = Principal(due.id, KeyScope.ACCOUNT, ALL, scope, account)
    await service.send(db, who, due.inbox_id, due.id, road=road, now=now)


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
