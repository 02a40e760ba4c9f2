"""Opening and reading accounts."""

from datetime import datetime

from daimon.accounts.models import Account, AccountStatus, Tier
from daimon.accounts.repository import AccountRepository
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.db.walls import enter
from daimon.kit import ids


async def open_account(db: Connection, *, now: datetime) -> Account:
    """Open a free account; it comes into being with its first inbox."""
    account = Account(ids.new(), Tier.FREE, AccountStatus.ACTIVE, None, now)
    await enter(db, account.account_id)
    await AccountRepository(db, Scope(account.account_id)).add(account)
    return account


async def get(db: Connection, scope: Scope) -> Account:
    """Return the account of a scope."""
    return await AccountRepository(db, scope).get()
