"""What the accounts of an organisation use together: one query, however many they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from daimon.accounts.models import AccountStatus, Tier
from daimon.db.engine import Connection
from daimon.quotas.service import Quota
from daimon.quotas.usage import NO_POD


@dataclass(frozen=True, slots=True)
class Used:
    """The inboxes that there are now, and what was metered in a span of days."""

    inboxes: int
    received: int
    sent: int
    bounced: int
    stored_bytes: int

    def __add__(self, other: "Used") -> "Used":
        return Used(
            self.inboxes + other.inboxes,
            self.received + other.received,
            self.sent + other.sent,
            self.bounced + other.bounced,
            self.stored_bytes + other.stored_bytes,
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One account of an organisation."""

    account_id: UUID
    tier: Tier
    status: AccountStatus
    used: Used


async def report(db: Connection, organisation_id: UUID, first: date, last: date) -> list[Line]:
    """Return what each account used in the UTC days from `first` to `last`, both included, the oldest first."""
    rows = await db.fetch(
        """
        select a.account_id, a.tier, a.status, coalesce(q.used, 0) as inboxes,
               coalesce(sum(u.received), 0)::bigint as received, coalesce(sum(u.sent), 0)::bigint as sent,
               coalesce(sum(u.bounced), 0)::bigint as bounced, coalesce(sum(u.stored_bytes), 0)::bigint as stored_bytes
        from accounts a
        left join quotas q on q.account_id = a.account_id and q.pod_id = $4 and q.quota = $5
        left join usage_account_days u on u.account_id = a.account_id and u.day between $2 and $3
        where a.organisation_id = $1
        group by a.account_id, q.used order by a.account_id
        """,
        organisation_id, first, last, NO_POD, Quota.INBOXES,
    )  # fmt: skip
    return [
        Line(
            row["account_id"],
            Tier(row["tier"]),
            AccountStatus(row["status"]),
            Used(row["inboxes"], row["received"], row["sent"], row["bounced"], row["stored_bytes"]),
        )
        for row in rows
    ]


def joint(lines: Sequence[Line]) -> Used:
    """Return what all used together."""
    return sum((line.used for line in lines), Used(0, 0, 0, 0, 0))
