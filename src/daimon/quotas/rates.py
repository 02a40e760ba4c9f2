"""So many at once, then one each so often: a bucket that fills evenly, spent in one statement (GCRA).

A row tells when its bucket will be full again. Spending moves that moment on by the time that one use takes to come
back; where it would get further away than a whole bucket takes to fill, the bucket is empty.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from daimon.accounts.models import Account
from daimon.db.engine import Connection
from daimon.kit.errors import DaimonError
from daimon.kit.rate_limit import RateLimit
from daimon.quotas.errors import BurstLimitExceeded
from daimon.quotas.tiers import TierLimits
from daimon.quotas.usage import NO_POD

MINUTE = timedelta(minutes=1)
_MICROSECOND = timedelta(microseconds=1)


class Rate(StrEnum):
    """What comes in bursts; the value is its name in `rates`."""

    SENDS = "sends"


async def spend(
    db: Connection, account: Account, limits: TierLimits, *, rate: Rate = Rate.SENDS, uses: int = 1, now: datetime
) -> RateLimit:
    """Count uses of the tier's burst and return what is left. Raises BurstLimitExceeded, and counts nothing then."""
    bucket = Bucket(limits.burst_per_minute)
    full_at = await db.fetchval(
        """
        insert into rates as r (account_id, rate, full_at) values ($1, $2, $3::timestamptz + $4::interval)
        on conflict (account_id, pod_id, rate) do update set full_at = greatest(r.full_at, $3) + $4
            where greatest(r.full_at, $3) + $4 <= $3 + $5::interval
        returning full_at
        """,
        account.account_id, rate, now, bucket.one * uses, bucket.whole,
    )  # fmt: skip
    if full_at is None:
        raise await _burst_exceeded(db, account, rate, bucket, now)
    return bucket.rate_limit(rate, full_at, now)


class Bucket:
    """`uses` a minute: the time that one of them takes to come back, and a whole bucket."""

    def __init__(self, uses: int) -> None:
        self.uses = uses
        # Whole microseconds, as the database keeps them: with parts of one, the last use would not fit any more.
        self.one = max(MINUTE // uses, _MICROSECOND)
        self.whole = self.one * uses

    def rate_limit(self, policy: str, full_at: datetime, now: datetime) -> RateLimit:
        """Return how the bucket stands that will be full at `full_at`."""
        missing = max(ceil((full_at - now) / self.one), 0)
        next_at = full_at - self.one * max(missing - 1, 0)
        return RateLimit(f"{policy}-burst", self.uses, 60, max(self.uses - missing, 0), _seconds(next_at - now))

    def wait(self, full_at: datetime, now: datetime) -> int:
        """Return the seconds until one use fits into the bucket that will be full at `full_at`, at least one."""
        return _seconds(full_at + self.one - self.whole - now)


async def _burst_exceeded(db: Connection, account: Account, rate: Rate, bucket: Bucket, now: datetime) -> DaimonError:
    full_at = await db.fetchval(
        "select full_at from rates where account_id = $1 and pod_id = $2 and rate = $3",
        account.account_id, NO_POD, rate,
    )  # fmt: skip
    wait = bucket.wait(full_at, now)
    return BurstLimitExceeded(
        f"The {account.tier} tier allows {bucket.uses} {rate} within a minute.",
        retry_after=wait,
        rate_limit=RateLimit(f"{rate}-burst", bucket.uses, 60, 0, wait),
        next_steps=[f"Wait {wait} seconds, then send the same request again."],
        current_usage={f"{rate}_last_minute": bucket.uses, "burst_per_minute": bucket.uses},
    )


def _seconds(left: timedelta) -> int:
    return max(1, ceil(left.total_seconds()))
