"""Limited things used many times at once, for the tests of quotas, rates and leases."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from daimon.accounts.models import Account, AccountStatus, Tier
from daimon.db.engine import Connection, Database
from daimon.kit import ids
from daimon.kit.errors import DaimonError
from daimon.quotas import sends
from daimon.quotas.tiers import TIERS, TierLimits

NOON = datetime(2026, 3, 16, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 17, tzinfo=UTC)
PAID = TIERS[Tier.DEVELOPER]


def account(tier: Tier = Tier.DEVELOPER) -> Account:
    return Account(ids.new(), tier, AccountStatus.ACTIVE, None, NOON)


async def outcomes(db: Database, uses: int, use: Callable[[Connection], Awaitable[object]]) -> list[object]:
    """Use something so many times at once, each in a transaction of its own; return results and refusals."""

    async def once() -> object:
        try:
            async with db.transaction() as connection:
                return await use(connection)
        except DaimonError as error:
            return error

    return list(await asyncio.gather(*(once() for _ in range(uses))))


def refused(results: Sequence[object]) -> list[DaimonError]:
    return [each for each in results if isinstance(each, DaimonError)]


def with_every_figure(k: int) -> TierLimits:
    return TierLimits(900, k, k, k, k, True, k)


async def send(db: Connection, who: Account, limits: TierLimits) -> object:
    return await sends.spend(db, who, limits, None, None, recipients=1, now=NOON)
