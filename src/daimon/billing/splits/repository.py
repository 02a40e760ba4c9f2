"""What a report is made of, read from the rows of one account; and how the account wants it split."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import msgspec

from daimon.billing.splits.gathering import Metered, PodThen, TeamThen
from daimon.billing.splits.models import Cost, Days, Quantities, Settings, Split
from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.quotas.usage import NO_POD

_read = msgspec.json.Decoder(Split).decode

# A cost belongs to the month of its last day that was over when it was issued, or to that of its first day: what is
# paid in advance to the month in which it begins, what is paid afterwards to the month in which it ends.
_COSTS = """
    with lines as (
        select i.id as invoice_id, i.status, coalesce(i.finalized_at, i.created_at)::date as issued, i.currency,
               l.position, coalesce(l.description, '') as description, l.amount, l.period_start::date as first,
               greatest(l.period_start, l.period_end - interval '1 second')::date as last
        from invoices i join invoice_lines l on l.account_id = i.account_id and l.invoice_id = i.id
        where i.account_id = $1 and i.status <> 'draft'
    ), invoiced as (
        select invoice_id, status, issued, currency, invoice_id || ':' || position as id, description, amount, first,
               last
        from lines
        union all
        select i.id, i.status, coalesce(i.finalized_at, i.created_at)::date, i.currency, i.id, 'Taxes and discounts',
               i.total - coalesce(sum(l.amount), 0)::bigint, coalesce(min(l.first), i.period_start::date),
               coalesce(max(l.last), greatest(i.period_start, i.period_end - interval '1 second')::date)
        from invoices i left join lines l on l.invoice_id = i.id
        where i.account_id = $1 and i.status <> 'draft' group by i.account_id, i.id
        having i.total <> coalesce(sum(l.amount), 0)
    ), costs as (
        select id, description, amount, currency, first, last, issued, invoice_id from invoiced where status <> 'void'
        union all
        select i.id || ':void', i.description || ' (void)', -i.amount, i.currency, i.first, i.last, i.issued,
               i.invoice_id
        from invoiced i join split_costs c on c.account_id = $1 and c.cost_id = i.id where i.status = 'void'
        union all
        select 'chg_' || replace(id::text, '-', ''), description, amount, currency, first, last, created_at::date, null
        from billing_charges where account_id = $1
    )
    select *, date_trunc('month', least(greatest(issued, first), last))::date as month from costs c
    where not exists (select from split_costs t where t.account_id = $1 and t.cost_id = c.id)
    order by first, id
"""


class SplitRepository:
    """The splits of one account."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def settings(self, month: date) -> Settings:
        """Return how a month is split: as it was set last in it, or before it."""
        row = await self._db.fetchrow(
            "select settings, updated_at from split_settings where account_id = $1 and since <= $2"
            " order by account_id, since desc limit 1",
            self._account_id, month,
        )  # fmt: skip
        return Settings(_read(row["settings"]), row["updated_at"]) if row else Settings(Split(), None)

    async def put(self, split: Split, now: datetime) -> None:
        """Split so from the month of `now` on."""
        await self._db.execute(
            """
            insert into split_settings (account_id, since, settings, updated_at) values ($1, $2, $3::json, $4)
            on conflict (account_id, since) do update
                set settings = excluded.settings, updated_at = excluded.updated_at
            """,
            self._account_id, now.date().replace(day=1), msgspec.json.encode(split).decode(), now,
        )  # fmt: skip

    async def costs(self) -> list[tuple[date, Cost]]:
        """Return every cost that is in no report of a closed month, and the month that it belongs to."""
        rows = await self._db.fetch(_COSTS, self._account_id)
        return [
            (
                row["month"],
                Cost(
                    id=row["id"],
                    description=row["description"],
                    amount=row["amount"],
                    currency=row["currency"],
                    days=Days(row["first"], row["last"]),
                    invoice_id=row["invoice_id"],
                ),
            )
            for row in rows
        ]

    async def pods(self, since: date) -> dict[UUID, PodThen]:
        """Return the pods of the account, those too that were deleted since a day."""
        rows = await self._db.fetch(
            """
            select id, name, cost_center, created_at::date as since, null::date as until from pods where account_id = $1
            union all
            select id, name, cost_center, created_at::date, deleted_at::date from former_pods
            where account_id = $1 and deleted_at >= $2
            """,
            self._account_id, since,
        )  # fmt: skip
        return {
            row["id"]: PodThen(row["name"], row["cost_center"], row["since"], row["until"] or date.max) for row in rows
        }

    async def teams(self) -> dict[UUID, TeamThen]:
        """Return the teams of the account."""
        rows = await self._db.fetch(
            """
            select t.id, t.name, t.created_at::date as since,
                   array(select distinct pod_id from grants g
                         where g.account_id = t.account_id and g.holder_id = t.id and g.pod_id <> $2) as pods
            from teams t where t.account_id = $1
            """,
            self._account_id, NO_POD,
        )  # fmt: skip
        return {row["id"]: TeamThen(row["name"], row["since"], tuple(row["pods"])) for row in rows}

    async def known(self, table: str, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the ids that `pods` or `teams` holds."""
        rows = await self._db.fetch(
            f"select id from {table} where account_id = $1 and id = any($2)", self._account_id, ids
        )
        return {row["id"] for row in rows}

    async def known_cost_centers(self, names: Sequence[str]) -> set[str]:
        """Return those of the names that pods have for their cost centre."""
        rows = await self._db.fetch(
            "select distinct cost_center from pods where account_id = $1 and cost_center = any($2)",
            self._account_id, names,
        )  # fmt: skip
        return {row["cost_center"] for row in rows}

    async def metered(self, spans: Iterable[Days]) -> list[Metered]:
        """Return what was used in each span of days, by pod; what is late stands apart.

        Each day is read once: the spans are cut where any of them begins or ends, and put together again.
        """
        wanted = sorted(set(spans))
        cuts = sorted({cut for days in wanted for cut in (days.first, days.last + timedelta(days=1))})
        segments = await self._segments(cuts)
        inbox_days = await self._inbox_days(wanted)
        found: list[Metered] = []
        for days, inboxes in zip(wanted, inbox_days, strict=True):
            sums: defaultdict[tuple[UUID, date | None], Quantities] = defaultdict(Quantities)
            for at, (first, _) in enumerate(pairwise(cuts)):
                if days.first <= first <= days.last:
                    for key, used in segments[at].items():
                        sums[key] += used
            for pod_id, held in inboxes.items():
                sums[pod_id, None] += Quantities(inbox_days=held)
            found += [
                Metered(days, None if pod_id == NO_POD else pod_id, corrects, used)
                for (pod_id, corrects), used in sums.items()
                if used
            ]
        return found

    async def _segments(self, cuts: Sequence[date]) -> list[dict[tuple[UUID, date | None], Quantities]]:
        """Return what was used between each cut and the next."""
        segments: list[dict[tuple[UUID, date | None], Quantities]] = [{} for _ in cuts[1:]]
        for row in await self._sums(cuts):
            segments[row["segment"]][row["pod_id"], None] = _quantities(row)
        for row in await self._late(cuts):
            segment, used = segments[row["segment"]], _quantities(row)
            segment[row["pod_id"], row["corrects"]] = used
            segment[row["pod_id"], None] = segment[row["pod_id"], None] + used.negative
        return segments

    async def _sums(self, cuts: Sequence[date]) -> list[Record]:
        return await self._db.fetch(
            """
            select width_bucket(day, $2::date[]) - 1 as segment, pod_id, sum(received)::bigint as received,
                   sum(sent)::bigint as sent, sum(stored_bytes)::bigint as stored_bytes
            from usage_pod_days where account_id = $1 and day >= $3 and day < $4 group by 1, 2
            """,
            self._account_id, cuts, cuts[0], cuts[-1],
        )  # fmt: skip

    async def _late(self, cuts: Sequence[date]) -> list[Record]:
        return await self._db.fetch(
            """
            select width_bucket(day, $2::date[]) - 1 as segment, pod_id,
                   date_trunc('month', corrects)::date as corrects,
                   coalesce(sum(quantity) filter (where kind = 'received'), 0)::bigint as received,
                   coalesce(sum(quantity) filter (where kind = 'sent'), 0)::bigint as sent,
                   coalesce(sum(quantity) filter (where kind = 'stored_bytes'), 0)::bigint as stored_bytes
            from usage_lines
            where account_id = $1 and day >= $3 and day < $4 and corrects is not null group by 1, 2, 3
            """,
            self._account_id, cuts, cuts[0], cuts[-1],
        )  # fmt: skip

    async def _inbox_days(self, spans: Sequence[Days]) -> list[dict[UUID, int]]:
        """Return for each span how many days of inboxes each pod has in it."""
        found: list[dict[UUID, int]] = []
        for days in spans:
            rows = await self._db.fetch(
                """
                select pod_id, sum(least(last, $3) - greatest(first, $2) + 1)::bigint as days from inbox_placements
                where account_id = $1 and last >= $2 and first <= $3 group by pod_id
                """,
                self._account_id, days.first, days.last,
            )  # fmt: skip
            found.append({row["pod_id"]: row["days"] for row in rows})
        return found


def _quantities(row: Record) -> Quantities:
    return Quantities(row["received"], row["sent"], row["stored_bytes"])
