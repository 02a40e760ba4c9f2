"""Accounts as the operator of the server sees and changes them: all of them, whoever they belong to."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from daimon.accounts.models import Account, AccountStatus, Tier
from daimon.accounts.repository import AccountRepository, account_of
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.db.where import Where
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.kit import ids
from daimon.kit.errors import StateConflict
from daimon.kit.ids import Kind

_RANKS = tuple(Tier)  # the lowest first


@dataclass(frozen=True, slots=True)
class Listed:
    """An account, and the name of the organisation that it is in."""

    account: Account
    organisation: str | None


async def page(
    db: Connection, *, limit: int, after: UUID | None = None, status: AccountStatus | None = None
) -> list[Listed]:
    """Return accounts, the newest first; `after` is the last one that was seen."""
    where = Where().add("a.account_id < $?", after).add("a.status = $?", status)
    rows = await db.fetch(
        f"""
        select a.*, o.name as organisation from accounts a left join organisations o on o.id = a.organisation_id
        where true{where} order by a.account_id desc limit {where.parameter(limit)}
        """,
        *where.parameters,
    )
    return [Listed(account_of(row), row["organisation"]) for row in rows]


async def open_with(db: Connection, tier: Tier, *, now: datetime) -> Account:
    """Open an account of a tier, with nothing in it."""
    account = Account(ids.new(), tier, AccountStatus.ACTIVE, None, now)
    await AccountRepository(db, Scope(account.account_id)).add(account)
    return account


async def set_tier(db: Connection, account_id: UUID, tier: Tier, *, now: datetime) -> tuple[Account, Account]:
    """Change an account's tier, record it, and return the account as it was and as it is.

    A lower tier deletes nothing: what is beyond its limits stays. Raises AccountNotFound, StateConflict.
    """
    before = await AccountRepository(db, Scope(account_id)).lock()
    if before.tier is tier:
        raise StateConflict(f"{ids.show(Kind.ACCOUNT, account_id)} is {tier} already")
    await db.execute("update accounts set tier = $2 where account_id = $1", account_id, tier)
    raised = _RANKS.index(tier) > _RANKS.index(before.tier)
    kind = EventType.ACCOUNT_UPGRADED if raised else EventType.ACCOUNT_DOWNGRADED
    await events.record(db, [_event(account_id, kind, now, tier=tier, previous_tier=before.tier)])
    return before, await AccountRepository(db, Scope(account_id)).get()


async def set_status(
    db: Connection,
    account_id: UUID,
    status: AccountStatus,
    reason: str | None,
    *,
    now: datetime,
    unless: AccountStatus | None = None,
) -> tuple[Account, Account]:
    """Change an account's status with the reason, record a stop, and return the account as it was and as it is.

    Raises AccountNotFound, and StateConflict if its status is that already, or is `unless`.
    """
    before = await AccountRepository(db, Scope(account_id)).lock()
    if before.status in (status, unless):
        raise StateConflict(f"{ids.show(Kind.ACCOUNT, account_id)} is {status.replace('_', ' ')} already")
    await db.execute(
        "update accounts set status = $2, status_reason = $3 where account_id = $1", account_id, status, reason
    )
    if kind := _STOPS.get(status):
        await events.record(db, [_event(account_id, kind, now, status=status, reason=reason)])
    return before, await AccountRepository(db, Scope(account_id)).get()


_STOPS = {
    AccountStatus.SUSPENDED: EventType.ACCOUNT_SUSPENDED,
    AccountStatus.UNDER_REVIEW: EventType.ACCOUNT_UNDER_REVIEW,
}


def _event(account_id: UUID, kind: EventType, now: datetime, **told: str | None) -> NewEvent:
    data = msgspec.json.encode({"account": {"id": ids.show(Kind.ACCOUNT, account_id), **told}}).decode()
    return NewEvent(account_id, kind, data, None, None, now)
