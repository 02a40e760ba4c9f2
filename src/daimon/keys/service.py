"""Making and rotating keys."""

from datetime import datetime, timedelta

from daimon.accounts.models import Account, Tier
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.keys import secret
from daimon.keys.models import IssuedKey, KeyScope
from daimon.keys.repository import KeyRepository
from daimon.kit import ids

MAX_GRACE = timedelta(days=7)


async def issue(db: Connection, account: Account, key_scope: KeyScope, reach: Scope, *, now: datetime) -> IssuedKey:
    """Make a key with all the permissions of its scope. Its secret is in the answer and nowhere else."""
    issued = IssuedKey(ids.new(), secret.make(paid=account.tier is not Tier.FREE), now)
    await KeyRepository(db, reach).add(issued.key_id, key_scope, reach, issued.secret, now)
    return issued


async def rotate_inbox_key(
    db: Connection, account: Account, reach: Scope, *, grace: timedelta, now: datetime
) -> IssuedKey:
    """Give an inbox's key a new secret under the same id; the old one works until the grace ends.

    `reach` names the inbox. An inbox whose keys were all revoked gets a new key.
    """
    assert reach.inbox_id is not None
    keys = KeyRepository(db, reach)
    key_id = await keys.key_of_inbox(reach.inbox_id)
    if key_id is None:
        return await issue(db, account, KeyScope.INBOX, reach, now=now)
    rotated = IssuedKey(key_id, secret.make(paid=account.tier is not Tier.FREE), now)
    await keys.replace_secret(key_id, rotated.secret, old_valid_until=now + grace)
    return rotated
