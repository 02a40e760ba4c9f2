"""How long the trail is kept, and how its chain begins anew when the oldest rows go."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile

from daimon.audit.chain import HEAD_COLUMNS, ROW_COLUMNS, Chain, Walk, head_of, row_of
from daimon.audit.models import Head, Row
from daimon.db.engine import Connection
from daimon.kit import ids
from daimon.kit.log import Log

KEPT = timedelta(days=366)  # a year, also of one that has a 29 February
LOOK_AGAIN = timedelta(days=1)
CHAINS_AT_ONCE = 10

_log = Log(__name__)


async def forget(db: Connection, *, chain: Chain, now: datetime, limit: int) -> int:
    """Delete rows older than a year, `limit` at a time, and keep the hash that the rows after them go on from.

    Return how many were looked at; where more chains may wait, `limit`, as of a full batch.

    Rows that do not verify are kept, and whatever comes after them: they are evidence, and a forged date shall not
    make the server itself delete what somebody wants gone.
    """
    records = await db.fetch(
        f"""
        select {HEAD_COLUMNS}, seal from audit_chains where oldest_at < $1 order by oldest_at limit $2
        for no key update skip locked
        """,
        now - KEPT,
        CHAINS_AT_ONCE,
    )
    seen = 0
    for record in records:
        head = head_of(record)
        rows = await _oldest(db, head, limit - seen)
        old = list(takewhile(lambda row: row.at < now - KEPT, rows))
        walk = Walk(chain, head)
        if not chain.holds(head, record["seal"]) or any(walk.step(row) for row in old):
            await _keep(db, head, now, at=walk.number + 1)
        else:
            await _drop(db, chain, replace(head, kept_after=walk.number, kept_hash=walk.hash))
        seen += len(old)
        if seen >= limit:
            return seen
    return limit if len(records) == CHAINS_AT_ONCE else seen


async def _oldest(db: Connection, head: Head, limit: int) -> list[Row]:
    """Return the rows that are kept longest. Rows before the chain's begin, which are forged, come with them."""
    records = await db.fetch(
        f"select {ROW_COLUMNS} from audit where account_id = $1 order by number limit $2", head.account_id, limit
    )
    return [row_of(record) for record in records]


async def _drop(db: Connection, chain: Chain, head: Head) -> None:
    await db.execute(
        """
        with dropped as (delete from audit where account_id = $1 and number <= $2)
        update audit_chains set kept_after = $2, kept_hash = $3, seal = $4,
            oldest_at = (select at from audit where account_id = $1 and number > $2 order by number limit 1)
        where account_id = $1
        """,
        head.account_id, head.kept_after, head.kept_hash, chain.seal(head),
    )  # fmt: skip


async def _keep(db: Connection, head: Head, now: datetime, *, at: int) -> None:
    _log.warning("audit.chain_broken", account=ids.show(ids.Kind.ACCOUNT, head.account_id), number=at)
    await db.execute(
        "update audit_chains set oldest_at = $2 where account_id = $1", head.account_id, now - KEPT + LOOK_AGAIN
    )
