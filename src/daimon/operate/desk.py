"""Where the operator's commands work: one transaction each, whose changes are in the accounts' audit trails."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from daimon.accounts.errors import AccountNotFound
from daimon.audit.models import OPERATOR, Change, Entry
from daimon.audit.service import Trail
from daimon.config import Settings
from daimon.db.engine import Connection
from daimon.events import rings
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.kit.errors import DaimonError
from daimon.kit.ids import Kind
from daimon.notices import sealing
from daimon.operate.audit import secret_of
from daimon.operate.database import opened
from daimon.operate.errors import NotDone

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desk:
    """A transaction of the operator's."""

    db: Connection
    trail: Trail
    now: datetime

    async def note(
        self,
        account_id: UUID,
        action: str,
        target: str,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a change into the account's audit trail. Call it last, as `audit.service` says."""
        change = Change(target, before, after)
        await self.trail.record(self.db, [Entry(account_id, OPERATOR, action, change, self.now)])


def look(settings: Settings, work: Callable[[Connection], Awaitable[T]], *, account: str | None = None) -> T:
    """Run what only reads, about an account if one is named. Raises NotDone with what the domain says."""

    async def run() -> T:
        async with _transaction(settings, account) as db:
            return await work(db)

    return asyncio.run(run())


def change(settings: Settings, work: Callable[[Desk], Awaitable[T]], *, account: str | None = None) -> T:
    """Run what changes something, in an account if one is named: all of it, or nothing. Raises NotDone like `look`."""

    secret = secret_of(settings)
    sealing.configure(secret)

    async def run() -> T:
        async with _transaction(settings, account) as db:
            return await work(Desk(db, Trail(secret), utc_now()))

    return asyncio.run(run())


def account_id_of(text: str) -> UUID:
    """Return the id of an account as clients see it. Raises NotDone for what never was one."""
    account_id = ids.read(Kind.ACCOUNT, text)
    if account_id is None:
        raise NotDone(f"no account {text}")
    return account_id


@asynccontextmanager
async def _transaction(settings: Settings, account: str | None) -> AsyncIterator[Connection]:
    try:
        async with opened(settings) as db:
            with rings.noticing() as told:
                async with db.transaction():
                    if await db.fetchval("select to_regclass('organisations')") is None:
                        raise NotDone(
                            "this database has no accounts yet: the next start of the server makes its tables"
                        )
                    yield db
            if told:
                await db.execute("select pg_notify($1, $2)", rings.CHANNEL, " ".join(told))
    except AccountNotFound:
        raise NotDone(f"no account {account}") from None
    except DaimonError as error:
        raise NotDone(error.message.rstrip(".")) from error
