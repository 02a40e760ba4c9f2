"""Metering: what was used, by inbox and UTC day, in the pod that held the inbox at that moment.

It is written twice, in one statement: as sums, which reports read, and as lines of the ledger, which are never changed.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from daimon.db.engine import Connection
from daimon.kit import ids

NO_POD = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Used:
    """What one inbox used: mails received, recipients sent to, recipients that refused, octets stored."""

    account_id: UUID
    pod_id: UUID | None
    inbox_id: UUID
    day: date
    received: int = 0
    sent: int = 0
    bounced: int = 0
    stored_bytes: int = 0


KINDS = ("received", "sent", "bounced", "stored_bytes")  # of lines, in the order of the counters of Used
_ADDED = """received = u.received + excluded.received, sent = u.sent + excluded.sent,
            bounced = u.bounced + excluded.bounced, stored_bytes = u.stored_bytes + excluded.stored_bytes"""
_SUMS = "sum(received), sum(sent), sum(bounced), sum(stored_bytes)"
_METER = f"""
    with used as materialized (
        select n.account_id, greatest(n.day, b.open_from) as day, pod_id, inbox_id, received, sent, bounced,
               stored_bytes, place, case when n.day < b.open_from then n.day end as corrects
        from unnest($1::uuid[], $2::date[], $3::uuid[], $4::uuid[], $5::bigint[], $6::bigint[], $7::bigint[],
                    $8::bigint[])
            with ordinality as n (account_id, day, pod_id, inbox_id, received, sent, bounced, stored_bytes, place)
        left join split_books b on b.account_id = n.account_id
    ), lines as (
        insert into usage_lines (account_id, day, id, pod_id, inbox_id, kind, quantity, corrects, reason)
        select account_id, day, id, pod_id, inbox_id, kind, quantity, corrects, $13
        from unnest($9::uuid[], $10::bigint[], $11::text[], $12::bigint[]) as l (id, place, kind, quantity)
        join used using (place)
    ), inboxes as (
        insert into usage_days as u (account_id, day, pod_id, inbox_id, received, sent, bounced, stored_bytes)
        select account_id, day, pod_id, inbox_id, {_SUMS} from used group by 1, 2, 3, 4 order by 1, 2, 3, 4
        on conflict (account_id, day, pod_id, inbox_id) do update set {_ADDED}
    ), pods as (
        insert into usage_pod_days as u (account_id, day, pod_id, received, sent, bounced, stored_bytes)
        select account_id, day, pod_id, {_SUMS} from used group by 1, 2, 3 order by 1, 2, 3
        on conflict (account_id, day, pod_id) do update set {_ADDED}
    )
    insert into usage_account_days as u (account_id, day, received, sent, bounced, stored_bytes)
    select account_id, day, {_SUMS} from used group by 1, 2 order by 1, 2
    on conflict (account_id, day) do update set {_ADDED}
"""


async def meter(db: Connection, used: Iterable[Used], *, reason: str | None = None) -> None:
    """Write what was used into the ledger, into the days of inboxes, and into the sums of pods and accounts.

    A correction says its reason, and may be less than nothing. What belongs to a month that is closed is counted on the
    first day that is open. Every transaction takes the rows in the same order, so two cannot wait for each other.
    """
    days: defaultdict[tuple[UUID, date, UUID, UUID], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for one in used:
        day = days[one.account_id, one.day, one.pod_id or NO_POD, one.inbox_id]
        for place, amount in enumerate((one.received, one.sent, one.bounced, one.stored_bytes)):
            day[place] += amount
    ordered = sorted(days)
    lines = [
        (ids.new(), place, kind, quantity)
        for place, key in enumerate(ordered, start=1)
        for kind, quantity in zip(KINDS, days[key], strict=True)
        if quantity
    ]
    if not lines:
        return
    await db.execute(
        _METER,
        *zip(*ordered, strict=True), *zip(*(days[key] for key in ordered), strict=True),
        *zip(*lines, strict=True), reason,
    )  # fmt: skip
