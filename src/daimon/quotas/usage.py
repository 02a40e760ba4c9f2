"""Metering: what was used, by inbox and UTC day, in the pod that held the inbox at that moment."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from daimon.db.engine import Connection

NO_POD = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Received:
    """One mail received by one inbox."""

    account_id: UUID
    pod_id: UUID | None
    inbox_id: UUID
    day: date
    stored_bytes: int


async def meter(db: Connection, received: Iterable[Received]) -> None:
    """Write received mails into the days of their inboxes, and into the sums of pods and accounts.

    Every transaction takes the rows in the same order, so two cannot wait for each other.
    """
    days: defaultdict[tuple[UUID, date, UUID, UUID], list[int]] = defaultdict(lambda: [0, 0])
    for one in received:
        day = days[one.account_id, one.day, one.pod_id or NO_POD, one.inbox_id]
        day[0] += 1
        day[1] += one.stored_bytes
    ordered = sorted(days)
    await db.execute(
        """
        with used as materialized (
            select * from unnest($1::uuid[], $2::date[], $3::uuid[], $4::uuid[], $5::bigint[], $6::bigint[])
                as n (account_id, day, pod_id, inbox_id, received, stored_bytes)
        ), inboxes as (
            insert into usage_days as u (account_id, day, pod_id, inbox_id, received, stored_bytes)
            select * from used
            on conflict (account_id, day, pod_id, inbox_id) do update
                set received = u.received + excluded.received, stored_bytes = u.stored_bytes + excluded.stored_bytes
        ), pods as (
            insert into usage_pod_days as u (account_id, day, pod_id, received, stored_bytes)
            select account_id, day, pod_id, sum(received), sum(stored_bytes) from used group by 1, 2, 3 order by 1, 2, 3
            on conflict (account_id, day, pod_id) do update
                set received = u.received + excluded.received, stored_bytes = u.stored_bytes + excluded.stored_bytes
        )
        insert into usage_account_days as u (account_id, day, received, stored_bytes)
        select account_id, day, sum(received), sum(stored_bytes) from used group by 1, 2 order by 1, 2
        on conflict (account_id, day) do update
            set received = u.received + excluded.received, stored_bytes = u.stored_bytes + excluded.stored_bytes
        """,
        *zip(*ordered, strict=True), [days[key][0] for key in ordered], [days[key][1] for key in ordered],
    )  # fmt: skip
