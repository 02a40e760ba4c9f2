"""Checking domains again when their time has come. Each is leased to one worker, and DNS is asked between commits."""

from datetime import datetime, timedelta

from daimon.db.engine import Connection, Database
from daimon.db.scope import Scope
from daimon.domains import checking, lookup
from daimon.domains.errors import DomainNotFound
from daimon.domains.models import Domain
from daimon.domains.repository import COLUMNS, domain_of
from daimon.kit.clock import Clock
from daimon.kit.dns import Dns

LEASE = timedelta(minutes=10)  # then another worker looks: this one died


async def take(db: Connection, *, now: datetime, limit: int) -> list[Domain]:
    """Lease domains that are due, those that wait longest first."""
    rows = await db.fetch(
        f"""
        with due as (
            select account_id, id from domains where next_check_at <= $1
            order by next_check_at limit $3 for update skip locked
        ), leased as (
            update domains d set next_check_at = $2 from due
            where d.account_id = due.account_id and d.id = due.id returning d.*
        )
        select {COLUMNS} from leased d
        """,
        now, now + LEASE, limit,
    )  # fmt: skip
    return [domain_of(row) for row in rows]


async def check(db: Database, dns: Dns, domain: Domain, clock: Clock) -> None:
    """Ask the DNS of a domain, and let follow what follows. One that was deleted meanwhile is left alone."""
    seen = await lookup.look(dns, lookup.questions(domain))
    try:
        async with db.transaction() as connection:
            await checking.settle(connection, Scope(domain.account_id), domain.id, seen, clock())
    except DomainNotFound:
        return
