"""The invoices of one account."""

from collections.abc import Sequence
from datetime import datetime

from daimon.billing.models import Invoice, InvoiceLine
from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.db.where import Where, rows_for
from daimon.kit.paging import Page, read_cursor, write_cursor

_COLUMNS = (
    "id, number, status, currency, total, period_start, period_end, hosted_url, pdf_url, finalized_at, created_at"
)
# An invoice only goes forward, so what was read earlier and written later changes nothing.
_RANK = "case {}status when 'draft' then 0 when 'open' then 1 when 'uncollectible' then 2 else 3 end"


class InvoiceRepository:
    """The invoices of one account. Drafts are not kept: they are no bills yet."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def keep(self, invoice: Invoice) -> bool:
        """Write an invoice and its lines as Stripe told of them; tell whether it is new or went on."""
        if invoice.status == "draft":
            return False
        went_on = await self._db.fetchval(
            f"""
            insert into invoices as i (account_id, {_COLUMNS})
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            on conflict (account_id, id) do update set
                number = excluded.number, status = excluded.status, currency = excluded.currency,
                total = excluded.total, period_start = excluded.period_start, period_end = excluded.period_end,
                hosted_url = excluded.hosted_url, pdf_url = excluded.pdf_url, finalized_at = excluded.finalized_at
            where {_RANK.format("excluded.")} > {_RANK.format("i.")}
            returning true
            """,
            self._account_id, invoice.id, invoice.number, invoice.status, invoice.currency, invoice.total,
            invoice.period_start, invoice.period_end, invoice.hosted_url, invoice.pdf_url, invoice.finalized_at,
            invoice.created_at,
        )  # fmt: skip
        if went_on:
            await self._keep_lines(invoice.id, invoice.lines)
        return went_on is True

    async def statuses(self, ids: Sequence[str]) -> dict[str, str]:
        """Return how far invoices are that are kept."""
        rows = await self._db.fetch(
            "select id, status from invoices where account_id = $1 and id = any($2)", self._account_id, list(ids)
        )
        return {row["id"]: row["status"] for row in rows}

    async def page(self, *, limit: int, cursor: str | None) -> Page[Invoice]:
        """Return invoices without their lines, the newest first. Raises InvalidCursor."""
        where = Where(self._account_id)
        if cursor:
            at, last = read_cursor(cursor, tuple[datetime, str])
            where.add(f"(created_at, id) < ({where.parameter(at)}, $?)", last)
        rows = await self._db.fetch(
            f"""
            select {_COLUMNS} from invoices where account_id = $1{where}
            order by account_id desc, created_at desc, id desc limit {rows_for(limit)}
            """,
            *where.parameters,
        )
        shown = [_invoice_of(row) for row in rows[:limit]]
        more = len(rows) > limit
        return Page(shown, write_cursor(shown[-1].created_at, shown[-1].id) if more else None)

    async def _keep_lines(self, invoice_id: str, lines: Sequence[InvoiceLine]) -> None:
        await self._db.execute(
            "delete from invoice_lines where account_id = $1 and invoice_id = $2", self._account_id, invoice_id
        )
        await self._db.execute(
            """
            insert into invoice_lines (account_id, invoice_id, position, description, amount, currency, period_start,
                                       period_end, proration)
            select $1, $2, position, description, amount, currency, period_start, period_end, proration
            from unnest($3::text[], $4::bigint[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::boolean[])
                with ordinality as n (description, amount, currency, period_start, period_end, proration, position)
            """,
            self._account_id, invoice_id, [line.description for line in lines], [line.amount for line in lines],
            [line.currency for line in lines], [line.period_start for line in lines],
            [line.period_end for line in lines], [line.proration for line in lines],
        )  # fmt: skip


def _invoice_of(row: Record) -> Invoice:
    return Invoice(customer_id="", **{name: row[name] for name in _COLUMNS.split(", ")})
