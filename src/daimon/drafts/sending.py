"""Sending scheduled drafts: each in the transaction that marks it sent, so that it is sent once, whatever is killed."""

from datetime import datetime, timedelta

import msgspec

from daimon.accounts.repository import AccountRepository
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.drafts import service
from daimon.drafts.models import TRIED_FOR, DraftError
from daimon.drafts.repository import DraftRepository, Due, take_due
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.keys.models import KeyScope, Principal
from daimon.keys.permissions import ALL
from daimon.kit.errors import DaimonError, TooManyRequests
from daimon.kit.ids import Kind, show
from daimon.outbound.submission import Road


async def send_due(db: Connection, *, road: Road, now: datetime) -> bool:
    """Send the draft whose moment came first, or note why it cannot be; False if none is due.

    What waiting helps against is tried again for 72 hours; anything else makes the draft `failed`.
    """
    due = await take_due(db, now=now)
    if due is None:
        return False
    scope = Scope(due.account_id)
    who = Principal(due.id, KeyScope.ACCOUNT, ALL, scope, await AccountRepository(db, scope).get())
    try:
        async with db.transaction():
            await service.send(db, who, due.inbox_id, due.id, road=road, now=now)
    except DaimonError as error:
        await _refused(db, due, error, now)
    return True


async def _refused(db: Connection, due: Due, error: DaimonError, now: datetime) -> None:
    drafts = DraftRepository(db, Scope(due.account_id, inbox_id=due.inbox_id))
    draft = await drafts.get(due.id)
    told = DraftError(error.error, error.message)
    again = None
    if isinstance(error, TooManyRequests) and draft.send_at and now < draft.send_at + TRIED_FOR:
        again = now + timedelta(seconds=error.retry_after or 1)
    await drafts.set_refused(due.id, told, again=again, now=now)
    if again is None:
        data = {
            "draft": {"id": show(Kind.DRAFT, due.id), "inbox_id": show(Kind.INBOX, due.inbox_id)},
            "error": {"error": told.error, "message": told.message},
        }
        await events.record(db, [_event(due, data, now)])


def _event(due: Due, data: object, now: datetime) -> NewEvent:
    return NewEvent(
        account_id=due.account_id,
        event=EventType.MESSAGE_REJECTED,
        data=msgspec.json.encode(data).decode(),
        pod_id=None,
        inbox_id=due.inbox_id,
        at=now,
    )
