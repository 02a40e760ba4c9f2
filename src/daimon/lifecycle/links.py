"""Single-use links that reach a person by mail. Only a SHA-256 is kept of what makes one work."""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from daimon.accounts.errors import AccountNotFound, LinkInvalid
from daimon.accounts.models import Account
from daimon.accounts.repository import AccountRepository
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.db.walls import enter

_BYTES = 32


class Purpose(StrEnum):
    """What following a link does."""

    EMAIL = "email"
    RECOVERY = "recovery"


async def make(
    db: Connection, scope: Scope, purpose: Purpose, email: str, *, valid_for: timedelta, now: datetime
) -> str:
    """Return the secret part of a new link for whoever reads the mail of an address."""
    token = secrets.token_urlsafe(_BYTES)
    await db.execute(
        "insert into links (hash, account_id, purpose, email, expires_at) values ($1, $2, $3, $4, $5)",
        _digest(token), scope.account_id, purpose, email.lower(), now + valid_for,
    )  # fmt: skip
    return token


async def works(db: Connection, purpose: Purpose, token: str, *, now: datetime) -> bool:
    """Tell whether a link could be followed now. It knows no account yet: the link is what names it."""
    found: bool = await db.fetchval(
        "select exists(select 1 from links where hash = $1 and purpose = $2 and expires_at > $3)",
        _digest(token), purpose, now,
    )  # fmt: skip
    return found


async def follow(db: Connection, purpose: Purpose, token: str, *, now: datetime) -> tuple[Account, str]:
    """Use a link up and return its account, locked, and its address. Raises LinkInvalid.

    The account is locked before the link, as everybody does who voids the links of an account. Of two that follow one
    link, the second waits for the first one's commit and then finds nothing.
    """
    account_id = await db.fetchval(
        "select account_id from links where hash = $1 and purpose = $2", _digest(token), purpose
    )
    if account_id is None:
        raise LinkInvalid
    await enter(db, account_id)
    try:
        account = await AccountRepository(db, Scope(account_id)).lock()
    except AccountNotFound:  # it was erased at this moment
        raise LinkInvalid from None
    email: str | None = await db.fetchval(
        "delete from links where account_id = $1 and hash = $2 and purpose = $3 and expires_at > $4 returning email",
        account_id, _digest(token), purpose, now,
    )  # fmt: skip
    if email is None:
        raise LinkInvalid
    return account, email


async def void(db: Connection, scope: Scope, *purposes: Purpose) -> None:
    """Let no link of the account work any more that was made for one of these purposes."""
    await db.execute("delete from links where account_id = $1 and purpose = any($2)", scope.account_id, list(purposes))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
