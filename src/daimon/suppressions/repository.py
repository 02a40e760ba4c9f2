"""Rows of `suppressions`. Those of one pod never reach another, whose customers may be a competitor's."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.db.where import Where, rows_for
from daimon.kit.paging import Page, read_cursor, write_cursor
from daimon.mail.address import parse_address
from daimon.quotas.usage import NO_POD
from daimon.suppressions.errors import SuppressionNotFound
from daimon.suppressions.models import Reason, Suppression, SuppressionQuery

_COLUMNS = "account_id, pod_id, address, reason, message_id, detail, created_at"


def canonical(address: str) -> str:
    """Return an address as it is stored: in lower case and A-labels. Raises BadAddress."""
    return str(parse_address(address)).lower()


async def add_many(db: Connection, rows: Iterable[Suppression]) -> None:
    """Suppress addresses of any accounts, given as they are stored, in one statement; what is there stays.

    Rows are written in one order, so that two batches cannot wait for each other.
    """
    ordered = sorted(rows, key=lambda row: (row.account_id, row.pod_id or NO_POD, row.address))
    if ordered:
        await db.execute(
            f"""
            insert into suppressions ({_COLUMNS})
            select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[],
                                 $7::timestamptz[])
            on conflict (account_id, pod_id, address) do nothing
            """,
            [row.account_id for row in ordered], [row.pod_id or NO_POD for row in ordered],
            [row.address for row in ordered], [row.reason for row in ordered], [row.message_id for row in ordered],
            [row.detail for row in ordered], [row.created_at for row in ordered],
        )  # fmt: skip


async def suppressed(
    db: Connection, account_id: UUID, asked: Collection[tuple[UUID | None, str]]
) -> set[tuple[UUID | None, str]]:
    """Return which of these addresses, given as they are stored, inboxes of a pod, or of none, send nothing to."""
    rows = await db.fetch(
        "select pod_id, address from suppressions where account_id = $1 and pod_id = any($2) and address = any($3)",
        account_id, list({pod_id or NO_POD for pod_id, _ in asked}), list({address for _, address in asked}),
    )  # fmt: skip
    found = {(None if row["pod_id"] == NO_POD else row["pod_id"], row["address"]) for row in rows}
    return found.intersection(asked)


class SuppressionRepository:
    """The suppressions within one scope."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._scope = scope

    async def add(self, new: Suppression) -> tuple[Suppression, bool]:
        """Insert a suppression, or find the one that is there; return it, and whether it is new."""
        row = await self._db.fetchrow(
            f"""
            insert into suppressions ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7)
            on conflict (account_id, pod_id, address) do update set address = excluded.address
            returning {_COLUMNS}, xmax = 0 as fresh
            """,
            self._scope.account_id, new.pod_id or NO_POD, new.address, new.reason, new.message_id, new.detail,
            new.created_at,
        )  # fmt: skip
        assert row is not None
        return suppression_of(row), row["fresh"]

    async def get(self, address: str, pod_id: UUID | None) -> Suppression:
        """Return the suppression of an address, of several the latest. Raises SuppressionNotFound."""
        where = self._reached(pod_id).add("address = $?", address)
        row = await self._db.fetchrow(
            f"""
            select {_COLUMNS} from suppressions where account_id = $1{where}
            order by created_at desc, pod_id limit 1
            """,
            *where.parameters,
        )
        if row is None:
            raise SuppressionNotFound
        return suppression_of(row)

    async def page(self, query: SuppressionQuery) -> Page[Suppression]:
        """Return suppressions, the newest first. Raises InvalidCursor."""
        where = self._reached(query.pod_id).add("address = $?", query.address).add("reason = $?", query.reason)
        where.add("starts_with(address, $?)", query.q)
        where.add("created_at < $?", query.before).add("created_at > $?", query.after)
        if query.cursor:
            at, pod_id, address = read_cursor(query.cursor, tuple[datetime, UUID, str])
            key = f"({where.parameter(at)}, {where.parameter(pod_id)}, $?)"
            where.add(f"(created_at, pod_id, address) < {key}", address)
        rows = await self._db.fetch(
            f"""
            select {_COLUMNS} from suppressions where account_id = $1{where}
            order by account_id desc, created_at desc, pod_id desc, address desc limit {rows_for(query.limit)}
            """,
            *where.parameters,
        )
        shown = [suppression_of(row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        last = shown[-1] if shown else None
        return Page(
            shown, write_cursor(last.created_at, last.pod_id or NO_POD, last.address) if last and more else None
        )

    async def delete(self, address: str, pod_id: UUID | None) -> list[Suppression]:
        """Delete what suppresses an address, in a pod or wherever the scope reaches; return it."""
        where = self._reached(pod_id).add("address = $?", address)
        rows = await self._db.fetch(
            f"delete from suppressions where account_id = $1{where} returning {_COLUMNS}", *where.parameters
        )
        return [suppression_of(row) for row in rows]

    async def leave_pod(self, pod_id: UUID) -> None:
        """Let what a pod's inboxes learned hold for the account's own: a deleted pod may leave its inboxes to it."""
        await self._db.execute(
            f"""
            with gone as (delete from suppressions where account_id = $1 and pod_id = $2 returning {_COLUMNS})
            insert into suppressions ({_COLUMNS})
            select account_id, $3, address, reason, message_id, detail, created_at from gone order by address
            on conflict (account_id, pod_id, address) do nothing
            """,
            self._scope.account_id, pod_id, NO_POD,
        )  # fmt: skip

    def _reached(self, pod_id: UUID | None) -> Where:
        return Where(self._scope.account_id).within("pod_id", self._scope.pod_ids).add("pod_id = $?", pod_id)


def suppression_of(row: Record) -> Suppression:
    """Return the suppression in a row."""
    return Suppression(
        account_id=row["account_id"],
        pod_id=None if row["pod_id"] == NO_POD else row["pod_id"],
        address=row["address"],
        reason=Reason(row["reason"]),
        message_id=row["message_id"],
        detail=row["detail"],
        created_at=row["created_at"],
    )
