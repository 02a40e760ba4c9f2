"""Sends of a UTC day, the account's and its pod's. One row each: the first send of a day begins the count anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from math import ceil
from typing import NamedTuple
from uuid import UUID

from daimon.accounts.models import Account
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.events.models import NewEvent
from daimon.kit.errors import DaimonError, Invalid
from daimon.kit.ids import Kind, show
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


class Sending(NamedTuple):
    """One send that is to be counted: the pod that it is in, what that allows, and to how many it goes."""

    pod_id: UUID | None
    pod_limit: int | None
    recipients: int


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
    """Count one send to so many recipients. Raises what `spend_all` raises."""
    [spent] = await spend_all(db, account, limits, [Sending(pod_id, pod_limit, recipients)], now=now)
    return spent


async def spend_all(
    db: Connection, account: Account, limits: TierLimits, sendings: Sequence[Sending], *, now: datetime
) -> list[Spent]:
    """Count sends, in the account's day and in their pods', or none of them anywhere.

    Raises SendRequiresPaid, DailySendsExceeded, PodMayNotSend, PodDailySendsExceeded, and Invalid for more recipients
    than a whole day allows. For several sends the error tells how it stands without them.
    """
    check_may_send(account, limits)
    most, total = limits.max_sends_per_day, sum(each.recipients for each in sendings)
    for each in sendings:
        _check_fits(each, most)
    pods = _by_pod(sendings)
    in_account, in_pods = await _spend(db, account.account_id, pods, total, most, now)
    if in_account is None:
        assert most is not None
        used = await used_today(db, Scope(account.account_id), now=now)
        raise _account_exceeded(account, most, used, total, now)
    for pod in pods:
        if pod.pod_id not in in_pods:
            assert pod.pod_limit is not None
            assert pod.pod_id is not None
            await _give_back(db, account.account_id, pods, in_pods, total)
            used = await used_today(db, Scope(account.account_id), pod_id=pod.pod_id, now=now)
            raise _pod_exceeded(pod.pod_limit, used, now).about(pod_id=show(Kind.POD, pod.pod_id))
    used_in = {pod.pod_id: in_pods[pod.pod_id] - pod.recipients for pod in pods}
    used_in_all, spent = in_account - total, []
    for each in sendings:
        warnings = [_warning(account, each, used_in_all, most, now)]
        used_in_all += each.recipients
        if each.pod_id is not None:
            warnings.append(_warning(account, each, used_in[each.pod_id], each.pod_limit, now, pod_id=each.pod_id))
            used_in[each.pod_id] += each.recipients
        rate = None if most is None else _daily("daily-sends", most, used_in_all, now)
        spent.append(Spent(used_in_all, rate, tuple(filter(None, warnings))))
    return spent


def _by_pod(sendings: Sequence[Sending]) -> list[Sending]:
    """Return what each pod sends, in order of id: two batches cannot wait for each other."""
    pods: dict[UUID, Sending] = {}
    for each in sendings:
        if each.pod_id is not None:
            earlier = pods[each.pod_id].recipients if each.pod_id in pods else 0
            pods[each.pod_id] = Sending(each.pod_id, each.pod_limit, earlier + each.recipients)
    return [pods[pod_id] for pod_id in sorted(pods)]


def _warning(
    account: Account, each: Sending, used: int, limit: int | None, now: datetime, *, pod_id: UUID | None = None
) -> NewEvent | None:
    return crossed(account.account_id, QUOTA, used, used + each.recipients, limit, now, pod_id=pod_id)


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


def _check_fits(each: Sending, most: int | None) -> None:
    """Refuse what no wait would let through."""
    if each.pod_limit == 0 and each.pod_id is not None:
        raise PodMayNotSend().about(pod_id=show(Kind.POD, each.pod_id))
    smallest = min((limit for limit in (most, each.pod_limit) if limit is not None), default=None)
    if smallest is not None and each.recipients > smallest:
        raise Invalid.field("to", f"{each.recipients} recipients are more than the {smallest} sends of a whole day")


async def _spend(
    db: Connection, account_id: UUID, pods: Sequence[Sending], total: int, most: int | None, now: datetime
) -> tuple[int | None, dict[UUID | None, int]]:
    """Count in all days and return how much each has now; what is exceeded is None, or missing among the pods.

    The later day holds: a process whose clock is late at midnight counts into the day that another has begun.
    """
    rows = await db.fetch(
        """
        with account as (
            insert into quotas as q (account_id, quota, used, day) values ($1, $2, $3, $4)
            on conflict (account_id, pod_id, quota) do update
                set used = case when q.day < $4 then $3 else q.used + $3 end, day = greatest(q.day, $4)
                where $5::bigint is null or case when q.day < $4 then $3 else q.used + $3 end <= $5
            returning used
        ), sending as (
            select * from unnest($6::uuid[], $7::bigint[], $8::bigint[]) as n (pod_id, used, most)
        ), pods as (
            insert into quotas as q (account_id, pod_id, quota, used, day)
            select $1, sending.pod_id, $2, sending.used, $4 from account, sending order by sending.pod_id
            on conflict (account_id, pod_id, quota) do update
                set used = excluded.used + case when q.day < $4 then 0 else q.used end, day = greatest(q.day, $4)
                where coalesce(excluded.used + case when q.day < $4 then 0 else q.used end
                               <= (select most from sending where sending.pod_id = q.pod_id), true)
            returning pod_id, used
        )
        select null::uuid as pod_id, used from account union all select pod_id, used from pods
        """,
        account_id, QUOTA, total, now.astimezone(UTC).date(), most, [pod.pod_id for pod in pods],
        [pod.recipients for pod in pods], [pod.pod_limit for pod in pods],
    )  # fmt: skip
    used: dict[UUID | None, int] = {row["pod_id"]: row["used"] for row in rows}
    return used.pop(None, None), used


async def _give_back(
    db: Connection, account_id: UUID, pods: Sequence[Sending], counted: Mapping[UUID | None, int], total: int
) -> None:
    """Take back what this transaction counted, as one pod refused. The rows are still locked by it."""
    taken = [(NO_POD, total), *((pod.pod_id, pod.recipients) for pod in pods if pod.pod_id in counted)]
    await db.execute(
        """
        update quotas q set used = q.used - n.used from unnest($3::uuid[], $4::bigint[]) as n (pod_id, used)
        where q.account_id = $1 and q.pod_id = n.pod_id and q.quota = $2
        """,
        account_id, QUOTA, *zip(*taken, strict=True),
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
