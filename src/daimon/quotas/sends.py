"""Sends of a UTC day, the account's and its pod's. One row each: the first send of a day begins the count anew."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from math import ceil
from uuid import UUID

from daimon.accounts.models import Account
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.events.models import NewEvent
from daimon.kit.errors import DaimonError, Invalid
from daimon.kit.rate_limit import RateLimit
from daimon.quotas.errors import DailySendsExceeded, PodDailySendsExceeded, PodMayNotSend, SendRequiresPaid
from daimon.quotas.tiers import TierLimits
from daimon.quotas.usage import NO_POD
from daimon.quotas.warnings import crossed

QUOTA = "sends_per_day"
_DAY_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Spent:
    """What a send took of the day. The warnings are recorded with the events of the transaction."""

    today: int
    rate_limit: RateLimit | None  # None: the account sends without limit
    warnings: tuple[NewEvent, ...]


async def spend(
    db: Connection,
    account: Account,
    limits: TierLimits,
    pod_limit: int | None,
    pod_id: UUID | None,
    *,
    recipients: int,
    now: datetime,
) -> Spent:
    """Count one send to so many recipients, in the account's day and in the pod's, or in neither.

    Raises SendRequiresPaid, DailySendsExceeded, PodMayNotSend, PodDailySendsExceeded, and Invalid for more recipients
    than a whole day allows.
    """
    check_may_send(account, limits)
    most = limits.max_sends_per_day
    _check_fits(recipients, most, pod_limit)
    in_account, in_pod = await _spend(db, account.account_id, pod_id, recipients, most, pod_limit, now)
    if in_account is None:
        assert most is not None
        used = await used_today(db, Scope(account.account_id), now=now)
        raise _account_exceeded(account, most, used, recipients, now)
    if pod_id is not None and in_pod is None:
        assert pod_limit is not None
        await _give_back(db, account.account_id, recipients)
        raise _pod_exceeded(pod_limit, await used_today(db, Scope(account.account_id), pod_id=pod_id, now=now), now)
    warnings = [crossed(account.account_id, QUOTA, in_account - recipients, in_account, most, now)]
    if in_pod is not None:
        warnings.append(crossed(account.account_id, QUOTA, in_pod - recipients, in_pod, pod_limit, now, pod_id=pod_id))
    rate = None if most is None else _daily("daily-sends", most, in_account, now)
    return Spent(in_account, rate, tuple(filter(None, warnings)))


async def used_today(db: Connection, scope: Scope, *, pod_id: UUID | None = None, now: datetime) -> int:
    """Return how much the account, or one pod of it, has sent in the UTC day of `now`."""
    return (
        await db.fetchval(
            "select used from quotas where account_id = $1 and pod_id = $2 and quota = $3 and day >= $4",
            scope.account_id, pod_id or NO_POD, QUOTA, now.astimezone(UTC).date(),
        )
        or 0
    )  # fmt: skip


def check_may_send(account: Account, limits: TierLimits) -> None:
    """Raise SendRequiresPaid for a tier that only receives."""
    if limits.max_sends_per_day == 0:
        raise SendRequiresPaid(
            f"The {account.tier} tier receives only; sending needs a paid tier.",
            next_steps=["Ask your operator to upgrade the account; upgrade_context.agent_script says how to ask."],
            current_usage={"current_sends_today": 0, "max_sends_per_day": 0},
        )


def _check_fits(recipients: int, most: int | None, pod_limit: int | None) -> None:
    """Refuse what no wait would let through."""
    if pod_limit == 0:
        raise PodMayNotSend
    smallest = min((limit for limit in (most, pod_limit) if limit is not None), default=None)
    if smallest is not None and recipients > smallest:
        raise Invalid.field("to", f"{recipients} recipients are more than the {smallest} sends of a whole day")


async def _spend(
    db: Connection,
    account_id: UUID,
    pod_id: UUID | None,
    recipients: int,
    most: int | None,
    in_pod: int | None,
    now: datetime,
) -> tuple[int | None, int | None]:
    """Count in both days and return how much each has now; None for the one that is exceeded, and for no pod.

    The later day holds: a process whose clock is late at midnight counts into the day that another has begun.
    """
    row = await db.fetchrow(
        """
        with account as (
            insert into quotas as q (account_id, quota, used, day) values ($1, $3, $4, $5)
            on conflict (account_id, pod_id, quota) do update
                set used = case when q.day < $5 then $4 else q.used + $4 end, day = greatest(q.day, $5)
                where $6::bigint is null or case when q.day < $5 then $4 else q.used + $4 end <= $6
            returning used
        ), pod as (
            insert into quotas as q (account_id, pod_id, quota, used, day)
            select $1, $2::uuid, $3, $4, $5 from account where $2 is not null
            on conflict (account_id, pod_id, quota) do update
                set used = case when q.day < $5 then $4 else q.used + $4 end, day = greatest(q.day, $5)
                where $7::bigint is null or case when q.day < $5 then $4 else q.used + $4 end <= $7
            returning used
        )
        select (select used from account) as account, (select used from pod) as pod
        """,
        account_id, pod_id, QUOTA, recipients, now.astimezone(UTC).date(), most, in_pod,
    )  # fmt: skip
    assert row is not None
    return row["account"], row["pod"]


async def _give_back(db: Connection, account_id: UUID, recipients: int) -> None:
    """Take back what this transaction counted in the account: its pod refused. The row is still locked by it."""
    await db.execute(
        "update quotas set used = used - $4 where account_id = $1 and pod_id = $2 and quota = $3",
        account_id, NO_POD, QUOTA, recipients,
    )  # fmt: skip


def _account_exceeded(account: Account, most: int, used: int, recipients: int, now: datetime) -> DaimonError:
    rate = _daily("daily-sends", most, used, now)
    left = f"{rate.remaining} of them are left, and this one needs {recipients}" if rate.remaining else "none is left"
    return DailySendsExceeded(
        f"The {account.tier} tier allows {most} sends a day, of which {left}.",
        retry_after=rate.reset,
        rate_limit=rate,
        next_steps=[
            f"Wait {rate.reset} seconds: the day turns at midnight UTC.",
            "Or ask your operator to upgrade the account; upgrade_context.agent_script says how to ask.",
        ],
        current_usage={"current_sends_today": used, "max_sends_per_day": most},
    )


def _pod_exceeded(most: int, used: int, now: datetime) -> DaimonError:
    rate = _daily("pod-daily-sends", most, used, now)
    return PodDailySendsExceeded(
        f"This pod may send {most} times a day, and has sent {used} times.",
        retry_after=rate.reset,
        rate_limit=rate,
        next_steps=[
            f"Wait {rate.reset} seconds: the day turns at midnight UTC.",
            'Or raise it with an account key: PATCH /v1/pods/{pod_id} {"limits": {"max_sends_per_day": null}}.',
        ],
        current_usage={"current_sends_today": used, "max_sends_per_day": most},
    )


def _daily(policy: str, most: int, used: int, now: datetime) -> RateLimit:
    return RateLimit(policy, most, _DAY_SECONDS, max(most - used, 0), seconds_until_midnight(now))


def seconds_until_midnight(now: datetime) -> int:
    """Return the seconds until the UTC day turns, at least one."""
    turn = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
    return max(1, ceil((turn - now).total_seconds()))
