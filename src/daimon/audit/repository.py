"""Reading the trail of one account, the newest first, in steps that are bounded whatever is asked for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from daimon.audit.chain import ROW_COLUMNS, row_of
from daimon.audit.models import ActorKind, Row
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.db.where import Where, rows_for
from daimon.kit.paging import Page, read_cursor, write_cursor

LOOKED_AT = 10_000  # rows at the most for one page, if the filter has no index of its own

_Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
# A row's time is when its request began, its number when that committed: rows this near to each other may be out of
# order in time.
_DISORDER = "interval '10 minutes'"


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which rows a list shows: of one target, key or member, in one pod or inbox, from a time on until another."""

    limit: int
    cursor: str | None = None
    action: str | None = None
    target: str | None = None
    actor: ActorKind | None = None
    key_id: UUID | None = None
    member_id: UUID | None = None
    pod_id: UUID | None = None
    inbox_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditRepository:
    """The trail of a scope's account."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def page(self, query: AuditQuery) -> Page[Row]:
        """Return rows, the newest first. Raises InvalidCursor.

        A target or a key is looked up; of what else is asked for, LOOKED_AT rows are looked through for one page. So
        a page may hold fewer rows than the limit, even none, and still have one after it.
        """
        beyond = read_cursor(query.cursor, tuple[_Number])[0] if query.cursor else None
        after, upto = await self._numbers(query, beyond)
        where = Where(self._account_id, after, upto)
        where.add("target = $?", query.target)
        where.add("key_id = $?", query.key_id if query.target is None else None)
        looked_at = f"""from audit where account_id = $1 and number > $2 and number <= $3{where}
            order by number desc"""
        fits = _fits(query, *where.parameters)
        records = await self._db.fetch(
            f"""
            select {ROW_COLUMNS} from (select {ROW_COLUMNS} {looked_at} limit {LOOKED_AT}) looked_at
            where true{fits} order by number desc limit {rows_for(query.limit)}
            """,
            *fits.parameters,
        )
        rows = [row_of(record) for record in records[: query.limit]]
        if len(records) > query.limit:
            return Page(rows, write_cursor(rows[-1].number))
        last = await self._db.fetchval(f"select number {looked_at} offset {LOOKED_AT - 1} limit 1", *where.parameters)
        return Page(rows, None if last is None else write_cursor(last))

    async def _numbers(self, query: AuditQuery, beyond: int | None) -> tuple[int, int]:
        """Return the numbers between which all rows that are asked for are, the first one not included."""
        ends = await self._db.fetchrow(
            "select kept_after, number from audit_chains where account_id = $1", self._account_id
        )
        after, upto = (ends["kept_after"], ends["number"]) if ends else (0, 0)
        if beyond is not None:
            upto = min(upto, beyond - 1)
        if query.since is not None:
            after = await self._last_before(query.since, f"- {_DISORDER}", after, upto)
        if query.until is not None:
            upto = await self._last_before(query.until, f"+ {_DISORDER}", after, upto)
        return after, upto

    async def _last_before(self, moment: datetime, shifted: str, after: int, upto: int) -> int:
        """Return the last number up to which rows are older than a moment: found by halving, a row a step."""
        found: int = await self._db.fetchval(
            f"""
            with recursive search (low, high) as (
                select $2::bigint, greatest($3::bigint, $2)
                union all
                select case when older then mid else low end, case when older then high else mid - 1 end
                from (select low, high, (low + high + 1) / 2 as mid from search where low < high) halved
                cross join lateral (
                    select coalesce(
                        (select at < $4::timestamptz {shifted} from audit where account_id = $1 and number = mid), true
                    ) as older
                ) probed
            )
            select low from search where low >= high
            """,
            self._account_id,
            after,
            upto,
            moment,
        )
        return found


def _fits(query: AuditQuery, *parameters: object) -> Where:
    where = Where(*parameters)
    where.add("action = $?", query.action).add("actor = $?", query.actor)
    where.add("key_id = $?", None if query.target is None else query.key_id)
    where.add("member_id = $?", query.member_id).add("pod_id = $?", query.pod_id)
    where.add("inbox_id = $?", query.inbox_id)
    return where.add("at >= $?", query.since).add("at < $?", query.until)
