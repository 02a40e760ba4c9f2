"""Recording events: the outbox, gap-free and in commit order per account."""

from collections import Counter
from collections.abc import Sequence

from daimon.db.engine import Connection
from daimon.events.models import NewEvent
from daimon.kit import ids


async def record(db: Connection, events: Sequence[NewEvent]) -> None:
    """Write events with the next numbers of their accounts' sequences.

    Call it last in a transaction: the row of the account's sequence stays locked until the commit, which is
    what makes numbers visible in their order. Accounts are locked in order of id, so that two batches cannot
    wait for each other.
    """
    if not events:
        return
    ordered = sorted(events, key=lambda e: e.account_id)
    first = await _reserve(db, Counter(e.account_id for e in ordered))
    numbers = []
    for event in ordered:
        numbers.append(first[event.account_id])
        first[event.account_id] += 1
    await db.execute(
        """
        insert into events (account_id, sequence, id, event, pod_id, inbox_id, data, created_at)
        select * from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::uuid[], $6::uuid[], $7::json[],
                             $8::timestamptz[])
        """,
        [e.account_id for e in ordered], numbers, [ids.new() for _ in ordered], [e.event for e in ordered],
        [e.pod_id for e in ordered], [e.inbox_id for e in ordered], [e.data for e in ordered], [e.at for e in ordered],
    )  # fmt: skip


async def _reserve(db: Connection, counts: "Counter[object]") -> "dict[object, int]":
    """Return the first free number of each account, having taken as many as it needs."""
    rows = await db.fetch(
        """
        insert into event_sequences as s (account_id, last)
        select * from unnest($1::uuid[], $2::bigint[])
        on conflict (account_id) do update set last = s.last + excluded.last
        returning account_id, last
        """,
        list(counts.keys()),
        list(counts.values()),
    )
    return {row["account_id"]: row["last"] - counts[row["account_id"]] + 1 for row in rows}
