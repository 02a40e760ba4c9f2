"""`postmaster@` and `abuse@` always reach somebody (RFC 5321 §4.5.1, RFC 2142): an inbox that the operator reads."""

from datetime import datetime, timedelta

from daimon.accounts.models import Account, AccountStatus, Tier
from daimon.accounts.repository import AccountRepository
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.inboxes import service as inboxes
from daimon.inboxes.errors import InboxNotFound
from daimon.inboxes.models import Inbox, InboxStatus
from daimon.inboxes.repository import InboxRepository
from daimon.keys.models import IssuedKey
from daimon.kit import ids

POSTMASTER = "postmaster"
ALIASES = ("abuse",)


async def ensure(db: Connection, *, domain: str, now: datetime) -> Inbox | None:
    """Make the operator's account and its inbox; None if there is one. Any number of processes may call it."""
    await db.execute("select pg_advisory_xact_lock(hashtext($1))", f"postmaster@{domain}")
    if await db.fetchval("select true from addresses where address = $1", f"{POSTMASTER}@{domain}"):
        return None
    account = Account(ids.new(), Tier.ENTERPRISE, AccountStatus.ACTIVE, None, now)
    scope = Scope(account.account_id)
    await AccountRepository(db, scope).add(account)
    inbox = Inbox(
        id=ids.new(),
        account_id=account.account_id,
        pod_id=None,
        username=POSTMASTER,
        domain=domain,
        display_name="Postmaster",
        status=InboxStatus.ACTIVE,
        message_count=0,
        thread_count=0,
        unread_count=0,
        last_received_at=None,
        client_id=None,
        metadata={},
        created_at=now,
        updated_at=now,
    )
    await InboxRepository(db, scope).add(inbox)
    await db.execute(
        "insert into addresses (address, account_id, inbox_id, status)"
        " select a, $2, $3, 'active' from unnest($1::text[]) a on conflict do nothing",
        [f"{alias}@{domain}" for alias in ALIASES], account.account_id, inbox.id,
    )  # fmt: skip
    return inbox


async def renew_key(db: Connection, *, domain: str, now: datetime) -> tuple[Inbox, IssuedKey]:
    """Give the operator's inbox a fresh key; the one before is void at once. Raises InboxNotFound."""
    address = f"{POSTMASTER}@{domain}"
    account_id = await db.fetchval("select account_id from addresses where address = $1", address)
    if account_id is None:
        raise InboxNotFound
    scope = Scope(account_id)
    account = await AccountRepository(db, scope).get()
    return await inboxes.renew_key(db, account, scope, address, grace=timedelta(0), now=now)
