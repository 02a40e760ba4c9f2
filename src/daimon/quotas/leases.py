"""What may run only so many times at once: each run holds a lease, and one whose process died is free again in time.

The number of leases is kept in the account's row of `quotas`. Whoever takes, gives back or clears away leases locks
that row first, so that none of them can wait for each other in a circle. Each does so in a transaction of its own:
what is limited outlives a transaction, and nothing else shall wait for it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from uuid import UUID

from daimon.accounts.models import Account
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.kit import ids
from daimon.kit.batches import Batches
from daimon.kit.clock import Clock
from daimon.kit.errors import DaimonError, Unavailable
from daimon.kit.ids import Kind
from daimon.kit.log import Log
from daimon.kit.rate_limit import RateLimit
from daimon.quotas.errors import ConcurrencyLimitExceeded
from daimon.quotas.sends import check_may_send
from daimon.quotas.tiers import TierLimits
from daimon.quotas.usage import NO_POD

_AT_ONCE = 64  # leases that one statement takes, or gives back
LASTS = timedelta(minutes=5)  # longer than anything that takes a lease may run
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


class Leases:
    """Takes leases and gives them back, those of an account that are wanted at one moment by one statement.

    `lend` lends a connection within an account, for single statements. Make one for each process.
    """

    def __init__(self, lend: Callable[[UUID], AbstractAsyncContextManager[Connection]], clock: Clock) -> None:
        self._lend = lend
        self._clock = clock
        self._taking = Batches(self._take, most=_AT_ONCE)
        self._releasing = Batches(self._release, most=_AT_ONCE)
        self._returning: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def held(self, account: Account, limits: TierLimits) -> AsyncIterator[None]:
        """Hold a lease on one concurrent send until the block ends. Raises ConcurrencyLimitExceeded, SendRequiresPaid.

        A block that is left by a cancellation gives its lease back nevertheless.
        """
        check_may_send(account, limits)
        taking = asyncio.ensure_future(self._taking.add(account.account_id, (account, limits)))
        try:
            lease_id = await asyncio.shield(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(partial(self._forsaken, account.account_id))
            raise
        try:
            yield
        finally:
            await asyncio.shield(self._give_back(account.account_id, lease_id))

    def _forsaken(self, account_id: UUID, taking: "asyncio.Future[UUID]") -> None:
        """Give back what was taken for somebody who went away meanwhile."""
        if not taking.cancelled() and taking.exception() is None:
            returning = asyncio.ensure_future(self._give_back(account_id, taking.result()))
            self._returning.add(returning)
            returning.add_done_callback(self._returning.discard)

    async def _take(self, account_id: UUID, wanted: Sequence[tuple[Account, TierLimits]]) -> list[UUID]:
        account, limits = wanted[0]
        async with self._lend(account_id) as connection:
            return await take_many(connection, account, limits, len(wanted), now=self._clock())

    async def _release(self, account_id: UUID, lease_ids: Sequence[UUID]) -> list[None]:
        async with self._lend(account_id) as connection:
            await release(connection, Scope(account_id), *lease_ids)
        return [None] * len(lease_ids)

    async def _give_back(self, account_id: UUID, lease_id: UUID) -> None:
        try:
            await self._releasing.add(account_id, lease_id)
        except Unavailable:
            _log.warning(
                "a lease is held until it expires, as the database is away",
                account_id=ids.show(Kind.ACCOUNT, account_id),
            )


async def take(
    db: Connection, account: Account, limits: TierLimits, *, now: datetime, lasts: timedelta = LASTS
) -> UUID:
    """Take a lease on one concurrent send; it is free again at `now + lasts` at the latest.

    Raises ConcurrencyLimitExceeded, and SendRequiresPaid for a tier that only receives.
    """
    [lease_id] = await take_many(db, account, limits, 1, now=now, lasts=lasts)
    return lease_id


async def take_many(
    db: Connection, account: Account, limits: TierLimits, count: int, *, now: datetime, lasts: timedelta = LASTS
) -> list[UUID]:
    """Take so many leases or none. Raises what `take` raises."""
    check_may_send(account, limits)
    lease_ids, most = [ids.new() for _ in range(count)], limits.concurrent_sends
    taken = await _take(db, account.account_id, lease_ids, most, now + lasts)
    if not taken and await _clear(db, account.account_id, now):
        taken = await _take(db, account.account_id, lease_ids, most, now + lasts)
    if not taken:
        raise _too_many(account, most)
    return lease_ids


async def release(db: Connection, scope: Scope, *lease_ids: UUID) -> None:
    """Give leases back; nothing happens with one that has expired and was cleared away."""
    await db.execute(
        f"""
        with {_NOT_ON_DISK}, {_LOCKED}, gone as (
            delete from leases where account_id = $1 and lease = $2 and id = any($3) and exists (select from locked)
            returning account_id
        )
        update quotas set used = used - (select count(*) from gone)
        where account_id = $1 and pod_id = $4 and quota = $2 and exists (select from gone)
        """,
        scope.account_id, Lease.SENDS, lease_ids, NO_POD,
    )  # fmt: skip


async def _take(db: Connection, account_id: UUID, lease_ids: Sequence[UUID], most: int, expires_at: datetime) -> bool:
    """Count so many more and write them down. Refused or not, the row of the number is locked by it."""
    return bool(
        await db.fetchval(
            f"""
            with {_NOT_ON_DISK}, counted as (
                insert into quotas as q (account_id, quota, used)
                select $1, $2, cardinality($3::uuid[]) from unhurried where cardinality($3) <= $4
                on conflict (account_id, pod_id, quota) do update
                    set used = q.used + excluded.used where q.used + excluded.used <= $4
                returning used
            ), taken as (
                insert into leases (account_id, lease, id, expires_at)
                select $1, $2, id, $5 from counted, unnest($3) as n (id) returning true
            )
            select exists (select from taken)
            """,
            account_id, Lease.SENDS, lease_ids, most, expires_at,
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
