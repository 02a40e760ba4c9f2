"""What may run only so many times at once: each run holds a lease, and one whose process died is free again in time.

The number of leases is kept in the account's row of `quotas`. Whoever takes, gives back or clears away leases locks
that row first, so that none of them can wait for each other in a circle. Each does so in a transaction of its own:
what is limited outlives a transaction, and nothing else shall wait for it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from daimon.accounts.models import Account
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.kit import ids
from daimon.kit.clock import Clock
from daimon.kit.errors import DaimonError, Unavailable
from daimon.kit.ids import Kind
from daimon.kit.log import Log
from daimon.kit.rate_limit import RateLimit
from daimon.quotas.errors import ConcurrencyLimitExceeded
from daimon.quotas.sends import check_may_send
from daimon.quotas.tiers import TierLimits
from daimon.quotas.usage import NO_POD

LASTS = timedelta(minutes=5)  # longer than anything that takes a lease may run
Lend = Callable[[], AbstractAsyncContextManager[Connection]]
# Nobody waits for these commits to be on disk: a lease that a crash of the database takes back is in the way of nobody.
_NOT_ON_DISK = "unhurried as materialized (select set_config('synchronous_commit', 'off', true))"
_LOCKED = """locked as materialized (
            select from quotas, unhurried where account_id = $1 and pod_id = $4 and quota = $2
            for no key update of quotas)
"""
RETRY_SECONDS = 1  # a lease is short: nobody knows when the next one ends, but it is soon

_log = Log("daimon.quotas")


class Lease(StrEnum):
    """What is limited; the value is its name in `leases`, and that of its number in `quotas`."""

    SENDS = "concurrent_sends"


@asynccontextmanager
async def held(
    lend: Lend, account: Account, limits: TierLimits, *, clock: Clock, lasts: timedelta = LASTS
) -> AsyncIterator[None]:
    """Hold a lease on one concurrent send until the block ends. Raises ConcurrencyLimitExceeded, SendRequiresPaid.

    `lend` lends a connection within the account, for single statements.
    """
    check_may_send(account, limits)
    async with lend() as connection:
        lease_id = await take(connection, account, limits, now=clock(), lasts=lasts)
    try:
        yield
    finally:
        await asyncio.shield(_give_back(lend, Scope(account.account_id), lease_id))


async def take(
    db: Connection, account: Account, limits: TierLimits, *, now: datetime, lasts: timedelta = LASTS
) -> UUID:
    """Take a lease on one concurrent send; it is free again at `now + lasts` at the latest.

    Raises ConcurrencyLimitExceeded, and SendRequiresPaid for a tier that only receives.
    """
    check_may_send(account, limits)
    lease_id, most = ids.new(), limits.concurrent_sends
    taken = await _take(db, account.account_id, lease_id, most, now + lasts)
    if not taken and await _clear(db, account.account_id, now):
        taken = await _take(db, account.account_id, lease_id, most, now + lasts)
    if not taken:
        raise _too_many(account, most)
    return lease_id


async def release(db: Connection, scope: Scope, lease_id: UUID) -> None:
    """Give a lease back; nothing happens if it has expired and was cleared away."""
    await db.execute(
        f"""
        with {_NOT_ON_DISK}, {_LOCKED}, gone as (
            delete from leases where account_id = $1 and lease = $2 and id = $3 and exists (select from locked)
            returning account_id
        )
        update quotas q set used = q.used - 1 from gone
        where q.account_id = gone.account_id and q.pod_id = $4 and q.quota = $2
        """,
        scope.account_id, Lease.SENDS, lease_id, NO_POD,
    )  # fmt: skip


async def _give_back(lend: Lend, scope: Scope, lease_id: UUID) -> None:
    try:
        async with lend() as connection:
            await release(connection, scope, lease_id)
    except Unavailable:
        _log.warning(
            "a lease is held until it expires, as the database is away",
            account_id=ids.show(Kind.ACCOUNT, scope.account_id),
        )


async def _take(db: Connection, account_id: UUID, lease_id: UUID, most: int, expires_at: datetime) -> bool:
    """Count one more and write it down. Refused or not, the row of the number is locked by it."""
    return bool(
        await db.fetchval(
            f"""
            with {_NOT_ON_DISK}, counted as (
                insert into quotas as q (account_id, quota, used) select $1, $2, 1 from unhurried
                on conflict (account_id, pod_id, quota) do update set used = q.used + 1 where q.used < $4
                returning used
            )
            insert into leases (account_id, lease, id, expires_at) select $1, $2, $3, $5 from counted returning true
            """,
            account_id, Lease.SENDS, lease_id, most, expires_at,
        )
    )  # fmt: skip


async def _clear(db: Connection, account_id: UUID, now: datetime) -> bool:
    """Free the leases that have expired, and tell whether there were any."""
    cleared = await db.fetchval(
        f"""
        with {_NOT_ON_DISK}, {_LOCKED}, gone as (
            delete from leases where account_id = $1 and lease = $2 and expires_at <= $3 and exists (select from locked)
            returning id
        )
        update quotas set used = used - (select count(*) from gone)
        where account_id = $1 and pod_id = $4 and quota = $2
            and exists (select from gone)
        returning true
        """,
        account_id, Lease.SENDS, now, NO_POD,
    )  # fmt: skip
    return cleared is True


def _too_many(account: Account, most: int) -> DaimonError:
    return ConcurrencyLimitExceeded(
        f"The {account.tier} tier allows {most} sends at one time, and as many are running.",
        retry_after=RETRY_SECONDS,
        rate_limit=RateLimit("concurrent-sends", most, None, 0, RETRY_SECONDS),
        next_steps=["Wait until one of them is answered, then send the same request again."],
        current_usage={"concurrent_sends": most, "max_concurrent_sends": most},
    )
