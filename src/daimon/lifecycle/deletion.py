"""Deleting an account, and taking that back. One row changes: a million inboxes follow it because they look there."""

from datetime import datetime

from daimon.accounts.models import Account
from daimon.accounts.repository import AccountRepository
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.kit import ids
from daimon.kit.clock import rfc3339
from daimon.lifecycle import people
from daimon.lifecycle.errors import TooLateToRestore


async def request(db: Connection, account: Account, *, now: datetime) -> Account:
    """Delete an account: its addresses refuse mail at once, its keys still read, and all is erased 30 days later.

    Asked for again, it changes nothing: the 30 days run from the first time. Raises AccountNotFound.
    """
    accounts = AccountRepository(db, Scope(account.account_id))
    present = await accounts.lock()
    if present.deleted_at is not None:
        return present
    await accounts.set_deleted(now)
    deleted = await accounts.get()
    assert deleted.erased_at
    shown_id = ids.show(ids.Kind.ACCOUNT, account.account_id)
    body = (
        f"The account {shown_id} was deleted at {rfc3339(now)}. Its addresses refuse mail from now on.\n\n"
        f"Everything in it is erased after {rfc3339(deleted.erased_at)}. Until then its keys still read, and "
        "POST /v1/account/restore with the key of an owner takes the deletion back.\n"
    )
    await people.tell(db, deleted, "Your account was deleted", body, now=now)
    return deleted


async def restore(db: Connection, account: Account, *, now: datetime) -> Account:
    """Take a deletion back: every inbox is again as it was. An account that is not deleted stays as it is.

    Raises TooLateToRestore, AccountNotFound.
    """
    accounts = AccountRepository(db, Scope(account.account_id))
    present = await accounts.lock()
    if present.erased_at is None:
        return present
    if present.erased_at <= now:
        raise TooLateToRestore("The 30 days are over: the account is being erased.")
    await accounts.set_deleted(None)
    restored = await accounts.get()
    body = f"The account {ids.show(ids.Kind.ACCOUNT, account.account_id)} was restored at {rfc3339(now)}.\n"
    await people.tell(db, restored, "Your account was restored", body, now=now)
    return restored
