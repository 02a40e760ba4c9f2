"""How much mail a stranger may cause: without a bound, our links would be a way to flood somebody's mailbox."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from daimon.db.engine import Connection
from daimon.kit.rate_limit import RateLimit

WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Counted:
    """Something that mails are counted by: `what` it is, its `value`, and how many an hour are allowed."""

    what: str
    value: str
    most: int

    @property
    def cost(self) -> timedelta:
        """How long it takes until one more is allowed."""
        return WINDOW / self.most

    @property
    def key(self) -> bytes:
        """What it is counted under: addresses of strangers are not to be read in a table of counters."""
        return hashlib.sha256(f"{self.what}\0{self.value}".encode()).digest()


async def spend(db: Connection, counted: Counted, *, now: datetime) -> bool:
    """Count one mail and tell whether it is allowed; one that is not allowed is not counted.

    The bucket is kept as the moment at which it will be full again: one row, one statement.
    """
    allowed: bool | None = await db.fetchval(
        """
        insert into mail_rates as r (counted, full_at) values ($1, $2::timestamptz + $3::interval)
        on conflict (counted) do update set full_at = greatest(r.full_at, $2) + $3
            where greatest(r.full_at, $2) + $3 <= $4
        returning true
        """,
        counted.key, now, counted.cost, now + WINDOW,
    )  # fmt: skip
    return allowed is True


def retry_after(counted: Counted) -> int:
    """Return the seconds after which one more is allowed for certain."""
    return ceil(counted.cost.total_seconds())


def exceeded(counted: Counted) -> RateLimit:
    """Return how it stands when one was not allowed."""
    return RateLimit("mails", counted.most, int(WINDOW.total_seconds()), 0, retry_after(counted))
