"""Erasing what accounts leave behind that were deleted 30 days ago: a little at a time, begun again wherever it ended.

Which tables hold something is asked of the database itself, so that a table that is added later is not forgotten.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from daimon.accounts.models import ERASED_AFTER
from daimon.db.engine import Connection
from daimon.db.tag import rows_in

LAST_REQUESTS = timedelta(minutes=1)  # keys are remembered for less than a second, and a request takes its time
_FIRST = ("key_secrets", "keys")  # from here on nobody sees an account that is half gone
# An address is free again once nothing is left that came to it; the account's own row says that there is more to do.
_LAST = ("addresses", "accounts")


async def erase(db: Connection, *, now: datetime, limit: int) -> int:
    """Erase at most `limit` rows of one account whose time is over; return how many it were, 0 when none is left.

    The account's row is locked meanwhile, so that several workers take several accounts. Its keys go first and alone:
    requests that a process let in before it knew of that shall not leave a row behind the sweep.
    """
    due = now - ERASED_AFTER
    row = await db.fetchrow(
        "select account_id, deleted_at from accounts where deleted_at < $1"
        " order by deleted_at limit 1 for update skip locked",
        due,
    )
    if row is None:
        return 0
    account_id, erased = row["account_id"], 0
    for table in await _tables(db) if row["deleted_at"] < due - LAST_REQUESTS else _FIRST:
        if erased == limit:  # the next step goes on here
            return erased
        erased += await _erase_from(db, table, account_id, limit - erased)
    return erased


async def _erase_from(db: Connection, table: str, account_id: UUID, limit: int) -> int:
    done = await db.execute(
        f'delete from "{table}" where ctid = any(array(select ctid from "{table}" where account_id = $1 limit $2))',
        account_id,
        limit,
    )
    return rows_in(done)


async def _tables(db: Connection) -> Sequence[str]:
    rows = await db.fetch(
        """
        select c.relname from pg_attribute a join pg_class c on c.oid = a.attrelid
        where a.attname = 'account_id' and not a.attisdropped and c.relkind = 'r'
          and c.relnamespace = current_schema()::regnamespace
        """
    )
    found = {row["relname"] for row in rows}
    return [*_FIRST, *sorted(found.difference(_FIRST, _LAST)), *_LAST]
