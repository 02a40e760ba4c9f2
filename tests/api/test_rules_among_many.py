"""A large account on a server of small ones: pages of rules and suppressions cost what they show."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from daimon.db.scope import Scope
from daimon.kit import ids
from daimon.rules.models import RuleQuery
from daimon.rules.repository import RuleRepository
from daimon.suppressions.models import SuppressionQuery
from daimon.suppressions.repository import SuppressionRepository, suppressed

from .conftest import Edge

A_PAGE, OF_ITS_OWN, OF_OTHERS = 20, 3000, 600
MOST_READ = 3 * A_PAGE

_RULES = """
insert into rules (account_id, id, holder_id, direction, action, value, created_at)
select coalesce($1, gen_random_uuid()), gen_random_uuid(), $2, 'inbound', 'block', n || '.example', now()
from generate_series(1, $3::int) n
"""
_SUPPRESSIONS = """
insert into suppressions (account_id, pod_id, address, reason, created_at)
select coalesce($1, gen_random_uuid()), $2, n || '@example.com', 'bounce', now() - make_interval(secs => n)
from generate_series(1, $3::int) n
"""


async def test_a_page_reads_what_it_shows(fresh_edge: Edge) -> None:
    """Of thousands of rows of the account, beside accounts with one each, not many more than the page has."""
    account, pod, other = ids.new(), ids.new(), ids.new()
    async with fresh_edge.database.transaction() as db:
        for statement in (_RULES, _SUPPRESSIONS):
            for holder, count in ((UUID(int=0), OF_ITS_OWN), (pod, OF_ITS_OWN), (other, OF_ITS_OWN)):
                await db.execute(statement, account, holder, count)
            await db.execute(statement, None, UUID(int=0), OF_OTHERS)
        await db.execute("insert into quotas values ($1, $2, 'rules', $3)", account, UUID(int=0), 3 * OF_ITS_OWN)
        await db.execute("analyze")
    whole, of_pod = Scope(account), Scope(account, (pod,))
    pages: dict[str, tuple[str, Callable[[Any], Awaitable[object]]]] = {
        "rules": ("rules", lambda db: RuleRepository(db, whole).page(RuleQuery(A_PAGE))),
        "suppressions": ("suppressions", lambda db: SuppressionRepository(db, whole).page(SuppressionQuery(A_PAGE))),
        "of a pod": ("suppressions", lambda db: SuppressionRepository(db, of_pod).page(SuppressionQuery(A_PAGE))),
        "one address": (
            "suppressions",
            lambda db: SuppressionRepository(db, whole).page(SuppressionQuery(A_PAGE, address="7@example.com")),
        ),
        "recipients": (
            "suppressions", lambda db: suppressed(db, account, [(pod, f"{n}@example.com") for n in range(A_PAGE)]),
        ),
    }  # fmt: skip
    read = {}
    for name, (table, page) in pages.items():
        async with fresh_edge.services.db.transaction(account) as db:
            before = await _rows_read(db, table)
            await page(db)
            read[name] = await _rows_read(db, table) - before
    assert all(0 < rows <= MOST_READ for rows in read.values()), read


async def _rows_read(db: Any, table: str) -> int:
    """Return how many rows of a table this connection has read; PostgreSQL counts, and adds it up later."""
    rows: int = await db.fetchval(
        "select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relname = $1", table
    )
    return rows
