"""The rules of drafts. Every function runs in the caller's transaction; the draft is locked before its inbox."""

import hashlib
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET

from daimon.accounts import client_ids
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.drafts.errors import DraftSent, TooManyDrafts
from daimon.drafts.models import FURTHEST, Draft, DraftChange, DraftQuery, DraftStatus, NewDraft
from daimon.drafts.repository import DraftRepository, set_sent, summary_of
from daimon.inboxes import service as inboxes
from daimon.keys.models import Principal
from daimon.kit import ids
from daimon.kit.errors import Invalid
from daimon.kit.paging import Page
from daimon.outbound import planning, submission
from daimon.outbound.models import Submitted
from daimon.outbound.road import Road
from daimon.quotas import drafts as quotas

_KIND = "draft"


async def create(
    db: Connection, scope: Scope, inbox: UUID | str, wish: NewDraft, *, now: datetime
) -> tuple[Draft, bool]:
    """Create a draft; return it, and whether it is new.

    Raises InboxNotFound, Invalid, ClientIdConflict, TooManyDrafts.
    """
    drafts, inbox_id = await _of(db, scope, inbox)
    draft_id = ids.new()
    if wish.client_id:
        fingerprint = hashlib.sha256(msgspec.msgpack.encode((inbox_id, wish.mail, wish.send_at))).digest()
        earlier = await client_ids.claim(
            db, scope, kind=_KIND, client_id=wish.client_id, fingerprint=fingerprint, object_id=draft_id
        )
        if earlier:
            return await drafts.get(earlier), False
    draft = Draft(
        id=draft_id,
        account_id=scope.account_id,
        inbox_id=inbox_id,
        status=DraftStatus.SCHEDULED if wish.send_at else DraftStatus.DRAFT,
        send_at=_checked(wish.send_at, now),
        summary=summary_of(wish.mail),
        content=wish.mail,
        message_id=None,
        error=None,
        client_id=wish.client_id,
        created_at=now,
        updated_at=now,
    )
    if draft.status is DraftStatus.SCHEDULED:
        planning.recipients_of(wish.mail)
    await drafts.add(draft)
    await _check_room(db, scope)
    return draft, True


async def get(db: Connection, scope: Scope, inbox: UUID | str, draft_id: UUID) -> Draft:
    """Return a draft whole. Raises InboxNotFound, DraftNotFound."""
    drafts, _ = await _of(db, scope, inbox)
    return await drafts.get(draft_id)


async def page(db: Connection, scope: Scope, inbox: UUID | str, query: DraftQuery) -> Page[Draft]:
    """Return a page of an inbox's drafts, the newest first. Raises InboxNotFound."""
    drafts, _ = await _of(db, scope, inbox)
    return await drafts.page(query)


async def change(
    db: Connection, scope: Scope, inbox: UUID | str, draft_id: UUID, wish: DraftChange, *, now: datetime
) -> tuple[Draft, Draft]:
    """Change a draft, schedule it or take that back; return it as it was and as it is.

    Raises InboxNotFound, DraftNotFound, DraftSent, Invalid, TooManyDrafts.
    """
    drafts, _ = await _of(db, scope, inbox)
    before = await _unsent(drafts, draft_id)
    assert before.content is not None
    mail = msgspec.structs.replace(before.content, **wish.fields)
    if wish.send_at is not UNSET:
        send_at = _checked(wish.send_at, now)
    else:  # one that failed waits for a new moment
        send_at = before.send_at if before.status is DraftStatus.SCHEDULED else None
    after = msgspec.structs.replace(
        before,
        content=mail,
        summary=summary_of(mail),
        send_at=send_at,
        status=DraftStatus.SCHEDULED if send_at else DraftStatus.DRAFT,
        error=None,
        updated_at=now,
    )
    if send_at:
        planning.recipients_of(mail)
    await drafts.change(after)
    await _check_room(db, scope)
    return before, after


async def delete(db: Connection, scope: Scope, inbox: UUID | str, draft_id: UUID) -> Draft:
    """Delete a draft, a scheduled one too, and return it as it was. Raises InboxNotFound, DraftNotFound, DraftSent."""
    drafts, _ = await _of(db, scope, inbox)
    draft = await _unsent(drafts, draft_id)
    await drafts.delete(draft.id)
    if draft.client_id:
        await client_ids.release(db, scope, kind=_KIND, client_id=draft.client_id)
    return draft


async def send(
    db: Connection, who: Principal, inbox: UUID | str, draft_id: UUID, *, road: Road, now: datetime
) -> Submitted:
    """Send a draft now. Raises InboxNotFound, DraftNotFound, DraftSent, and what a submission raises."""
    drafts, inbox_id = await _of(db, who.scope, inbox)
    draft = await _unsent(drafts, draft_id)
    assert draft.content is not None
    await quotas.hold(db, who.scope.account_id)
    submitted = await submission.submit(db, who, inbox_id, draft.content, road=road, now=now)
    await set_sent(db, who.scope.account_id, [(draft.id, submitted.id)], now=now)
    return submitted


async def _of(db: Connection, scope: Scope, inbox: UUID | str) -> tuple[DraftRepository, UUID]:
    found = await inboxes.get(db, scope, inbox)
    return DraftRepository(db, Scope(scope.account_id, inbox_id=found.id)), found.id


async def _check_room(db: Connection, scope: Scope) -> None:
    if not await quotas.has_room(db, scope.account_id):
        raise TooManyDrafts(f"The account's drafts hold {quotas.MOST_OCTETS >> 30} GiB, which is the limit.")


async def _unsent(drafts: DraftRepository, draft_id: UUID) -> Draft:
    draft = await drafts.get(draft_id, lock=True)
    if draft.status is DraftStatus.SENT:
        sent = {"message_id": ids.show(ids.Kind.MESSAGE, draft.message_id)} if draft.message_id else {}
        raise DraftSent().about(**sent)
    return draft


def _checked(send_at: datetime | None, now: datetime) -> datetime | None:
    if send_at is not None and not now < send_at <= now + FURTHEST:
        raise Invalid.field("send_at", f"must be in the future, and within {FURTHEST.days} days")
    return send_at
