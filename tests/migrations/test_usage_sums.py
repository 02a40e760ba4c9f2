"""From the first release's schema with mail in it: what was metered by inbox is added up by pod and account."""

import asyncpg

from daimon.db.migrate import bundled, migrate

ROWS = """
insert into usage_days (account_id, day, pod_id, inbox_id, received, stored_bytes)
select md5('account ' || a)::uuid, date '2026-03-01' + d, md5('pod ' || p)::uuid, md5('inbox ' || p || i)::uuid, i,
       10 * i
from generate_series(1, 2) a, generate_series(0, 2) d, generate_series(1, 2) p, generate_series(1, 3) i
"""


async def test_metered_days_are_added_up(empty_database_url: str) -> None:
    """Each pod's day is the sum of its inboxes', each account's day that of its pods."""
    first = tuple(each for each in bundled() if each.version == 1)
    await migrate(empty_database_url, first)
    db = await asyncpg.connect(empty_database_url)
    try:
        await db.execute(ROWS)
        await migrate(empty_database_url)
        of_pods = await db.fetch("select received, sent, stored_bytes from usage_pod_days")
        of_accounts = await db.fetch("select received, sent, stored_bytes from usage_account_days")
    finally:
        await db.close()
    assert [tuple(row) for row in of_pods] == [(6, 0, 60)] * (2 * 3 * 2)
    assert [tuple(row) for row in of_accounts] == [(12, 0, 120)] * (2 * 3)
