"""Rows of `rules`, born scoped: a pod's key reaches the rules of the pod and of the inboxes in it now."""

from collections.abc import Sequence
from uuid import UUID

from daimon.db.engine import Connection, Record
from daimon.db.patterns import contains
from daimon.db.scope import Scope
from daimon.db.where import Where, rows_for
from daimon.kit.paging import COUNT_CAP, Page, read_cursor, write_cursor
from daimon.rules.errors import RuleNotFound
from daimon.rules.models import Action, Direction, Level, Rule, RuleQuery

_COLUMNS = """r.id, r.account_id, coalesce(r.pod_id, i.pod_id) as pod_id, r.inbox_id, r.direction, r.action, r.value,
    r.reason, r.client_id, r.created_at"""
_RULES = "rules r left join inboxes i on i.account_id = r.account_id and i.id = r.inbox_id where r.account_id = $1"
_ALL = "(select coalesce(sum(used), 0)::bigint from quotas where account_id = $1 and quota = 'rules')"
_OF_LEVEL = {
    Level.INBOX: "r.inbox_id is not null",
    Level.POD: "r.pod_id is not null",
    Level.ACCOUNT: "r.inbox_id is null and r.pod_id is null",
}


class RuleRepository:
    """The rules within one scope."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._scope = scope

    async def add(self, rule: Rule) -> bool:
        """Insert a rule; False if its list has it already."""
        return bool(
            await self._db.fetchval(
                """
                insert into rules (account_id, id, holder_id, pod_id, inbox_id, direction, action, value, reason,
                                   client_id, created_at)
                values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                on conflict (account_id, holder_id, direction, action, value) do nothing returning true
                """,
                rule.account_id, rule.id, rule.holder_id, None if rule.inbox_id else rule.pod_id, rule.inbox_id,
                rule.direction, rule.action, rule.value, rule.reason, rule.client_id, rule.created_at,
            )
        )  # fmt: skip

    async def get(self, rule_id: UUID) -> Rule:
        """Return a rule. Raises RuleNotFound."""
        where = self._reached().add("r.id = $?", rule_id)
        row = await self._db.fetchrow(f"select {_COLUMNS} from {_RULES}{where}", *where.parameters)
        if row is None:
            raise RuleNotFound
        return rule_of(row)

    async def page(self, query: RuleQuery) -> Page[Rule]:
        """Return rules, the oldest first, and how many there are in all.

        Without a filter the account's total is its counter. Else it is counted, up to COUNT_CAP.
        """
        where = self._reached()
        where.add("r.direction = $?", query.direction).add("r.action = $?", query.action)
        where.add("coalesce(r.pod_id, i.pod_id) = $?", query.pod_id).add("r.inbox_id = $?", query.inbox_id)
        where.add("r.value = $?", query.value).add("r.value ilike $?", contains(query.q))
        if query.level:
            where.always(_OF_LEVEL[query.level])
        counted = f"(select count(*) from (select from {_RULES}{where} limit {COUNT_CAP}) c)"
        total = _ALL if query.shows_all and self._scope.is_account else counted
        beyond = Where(*where.parameters)
        beyond.add("r.id > $?", read_cursor(query.cursor, tuple[UUID])[0] if query.cursor else None)
        rows = await self._db.fetch(
            f"""
            select {_COLUMNS}, {total} as total from {_RULES}{where}{beyond}
            order by r.account_id, r.id limit {rows_for(query.limit)} offset {beyond.offset(query.offset)}
            """,
            *beyond.parameters,
        )
        rules = [rule_of(row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        in_all = rows[0]["total"] if rows else await self._db.fetchval(f"select {total}", *where.parameters)
        return Page(rules, write_cursor(rules[-1].id) if more else None, in_all)

    async def delete(self, rule_id: UUID) -> bool:
        """Erase a rule that was found in scope; False if somebody else just did."""
        gone = await self._db.fetchval(
            "delete from rules where account_id = $1 and id = $2 returning true", self._scope.account_id, rule_id
        )
        return gone is True

    async def delete_lists(self, holder_ids: Sequence[UUID]) -> list[str]:
        """Erase the lists of inboxes and pods; return of each rule its client_id, "" for none."""
        rows = await self._db.fetch(
            "delete from rules where account_id = $1 and holder_id = any($2) returning client_id",
            self._scope.account_id,
            holder_ids,
        )
        return [row["client_id"] or "" for row in rows]

    def _reached(self) -> Where:
        where = Where(self._scope.account_id).add("r.inbox_id = $?", self._scope.inbox_id)
        pods = None if self._scope.pod_ids is None else list(self._scope.pod_ids)
        return where.add("coalesce(r.pod_id, i.pod_id) = any($?)", pods)


def rule_of(row: Record) -> Rule:
    """Return the rule in a row of `rules` joined with its inbox."""
    return Rule(
        id=row["id"],
        account_id=row["account_id"],
        pod_id=row["pod_id"],
        inbox_id=row["inbox_id"],
        direction=Direction(row["direction"]),
        action=Action(row["action"]),
        value=row["value"],
        reason=row["reason"],
        client_id=row["client_id"],
        created_at=row["created_at"],
    )
