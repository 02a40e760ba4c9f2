"""From a schema without a ledger, with use and inboxes in it: the ledger opens with what was metered."""

from datetime import UTC, date, datetime

import asyncpg

from daimon.db.migrate import bundled, migrate
from daimon.db.scope import Scope
from daimon.quotas import ledger

ROWS = """
insert into accounts (account_id, created_at) select md5('account ' || a)::uuid, now() from generate_series(1, 2) a;
insert into usage_days (account_id, day, pod_id, inbox_id, received, sent, stored_bytes)
select md5('account ' || a)::uuid, current_date - 40 * d, md5('pod ' || p)::uuid, md5('inbox ' || p)::uuid, p, d, 10
from generate_series(1, 2) a, generate_series(0, 2) d, generate_series(1, 2) p;
insert into usage_days (account_id, day, pod_id, inbox_id, received) values
    (md5('account 1')::uuid, '2001-01-01', md5('pod 1')::uuid, md5('inbox 1')::uuid, 7);
insert into usage_pod_days select account_id, day, pod_id, received, sent, bounced, stored_bytes from usage_days;
insert into usage_account_days
    select account_id, day, sum(received), sum(sent), sum(bounced), sum(stored_bytes) from usage_days group by 1, 2;
insert into inboxes (account_id, id, pod_id, username, domain, status, created_at, updated_at, deleted_at) values
    (md5('account 1')::uuid, md5('inbox 1')::uuid, md5('pod 1')::uuid, 'a', 'x.example', 'active',
     '2026-03-05 23:00Z', now(), null),
    (md5('account 1')::uuid, md5('inbox 2')::uuid, null, 'b', 'x.example', 'deleted', '2026-03-05', now(),
     '2026-03-09 01:00Z');
"""


async def test_the_ledger_opens_with_what_was_metered(empty_database_url: str) -> None:
    """It agrees with the sums of each day that is kept; inboxes are where they are since they were made."""
    await migrate(empty_database_url, tuple(each for each in bundled() if each.version <= 16))
    db = await asyncpg.connect(empty_database_url)
    try:
        await db.execute(ROWS)
        await migrate(empty_database_url)
        accounts = await db.fetch("select account_id from accounts")
        for row in accounts:
            assert await ledger.verify(db, Scope(row["account_id"]), datetime.now(UTC).date()) == []
        assert await db.fetchval("select count(*) from usage_lines where reason = 'opening'") == 2 * (6 + 6 + 4)
        placements = await db.fetch(
            "select first, case when last < 'infinity' then last end as last, pod_id = md5('pod 1')::uuid as in_pod"
            " from inbox_placements order by in_pod desc"
        )
    finally:
        await db.close()
    assert [tuple(row) for row in placements] == [
        (date(2026, 3, 5), None, True),
        (date(2026, 3, 5), date(2026, 3, 9), False),
    ]
