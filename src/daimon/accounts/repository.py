"""Rows of `accounts`. This is the root of all scopes, so it alone is asked by account_id."""

from datetime import datetime

from daimon.accounts.errors import AccountNotFound
from daimon.accounts.models import Account, AccountStatus, Tier
from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope


class AccountRepository:
    """The account of one scope."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def add(self, account: Account) -> None:
        """Insert a new account."""
        await self._db.execute(
            "insert into accounts (account_id, tier, status, operator_email, created_at) values ($1, $2, $3, $4, $5)",
            self._account_id, account.tier, account.status, account.operator_email, account.created_at,
        )  # fmt: skip

    async def get(self) -> Account:
        """Return the account. Raises AccountNotFound."""
        row = await self._db.fetchrow("select * from accounts where account_id = $1", self._account_id)
        if row is None:
            raise AccountNotFound
        return account_of(row)

    async def lock(self) -> Account:
        """Return the account and keep it as it is until the transaction ends. Raises AccountNotFound."""
        row = await self._db.fetchrow(
            "select * from accounts where account_id = $1 for no key update", self._account_id
        )
        if row is None:
            raise AccountNotFound
        return account_of(row)

    async def set_operator_email(self, email: str | None) -> None:
        """Write the operator's address, which nobody has verified yet."""
        await self._db.execute(
            "update accounts set operator_email = $2, operator_email_verified_at = null where account_id = $1",
            self._account_id, email,
        )  # fmt: skip
        await self._db.execute("delete from operator_emails where account_id = $1", self._account_id)

    async def set_verified(self, email: str, *, now: datetime) -> None:
        """Note that the operator's address was verified: from now on it may recover the account."""
        await self._db.execute(
            "update accounts set operator_email_verified_at = $2 where account_id = $1", self._account_id, now
        )
        await self._db.execute(
            "insert into operator_emails (email, account_id) values ($2, $1) on conflict do nothing",
            self._account_id, email.lower(),
        )  # fmt: skip

    async def set_deleted(self, at: datetime | None) -> None:
        """Note when the account's deletion was asked for, None to take it back.

        This one row is all that changes: addresses, keys and inboxes stay as they were and look here.
        """
        await self._db.execute("update accounts set deleted_at = $2 where account_id = $1", self._account_id, at)


def account_of(row: Record) -> Account:
    """Return the account in a row of `accounts`."""
    return Account(
        account_id=row["account_id"],
        tier=Tier(row["tier"]),
        status=AccountStatus(row["status"]),
        operator_email=row["operator_email"],
        created_at=row["created_at"],
        operator_email_verified_at=row["operator_email_verified_at"],
        status_reason=row["status_reason"],
        deleted_at=row["deleted_at"],
    )
