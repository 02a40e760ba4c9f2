"""Counters that hold exactly under concurrency: one conditional UPDATE, in the transaction that it limits."""

from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_network
from math import ceil

from daimon.accounts.models import Account
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.kit.errors import DaimonError
from daimon.kit.rate_limit import RateLimit
from daimon.quotas.errors import DomainLimitReached, DomainRequiresPaid, InboxCreateRateLimited, InboxLimitReached
from daimon.quotas.tiers import TierLimits
from daimon.quotas.usage import NO_POD

FREE_CREATE_WINDOW = timedelta(hours=1)
_IPV6_SITE = 64  # one customer holds a whole /64, so that is what is counted


class Quota(StrEnum):
    """What is counted; the value is its name in `quotas`."""

    INBOXES = "inboxes"
    DOMAINS = "domains"
    RULES = "rules"


async def spend_inbox(db: Connection, account: Account, limits: TierLimits) -> int:
    """Count one more inbox and return how many there are now. Raises InboxLimitReached."""
    counted = await _spend(db, account, Quota.INBOXES, limits.max_inboxes)
    if counted is None:
        raise await _inbox_limit_reached(db, account, limits)
    return counted


async def return_inbox(db: Connection, scope: Scope) -> None:
    """Count one inbox less."""
    await _return(db, scope, Quota.INBOXES)


async def spend_domain(db: Connection, account: Account, limits: TierLimits) -> int:
    """Count one more custom domain and return how many there are now. Raises DomainRequiresPaid, DomainLimitReached."""
    if not limits.custom_domains_enabled:
        raise DomainRequiresPaid(
            f"The {account.tier} tier has no domains of its own.",
            next_steps=["Ask your operator to upgrade the account; upgrade_context.agent_script says how to ask."],
            current_usage={"current_custom_domains": 0, "max_custom_domains": 0},
        )
    counted = await _spend(db, account, Quota.DOMAINS, limits.max_custom_domains)
    if counted is None:
        raise await _domain_limit_reached(db, account, limits)
    return counted


async def return_domain(db: Connection, scope: Scope) -> None:
    """Count one custom domain less."""
    await _return(db, scope, Quota.DOMAINS)


async def spend_rule(db: Connection, account: Account, *, most: int) -> bool:
    """Count one more rule; False if the account has `most` already."""
    return await _spend(db, account, Quota.RULES, most) is not None


async def return_rules(db: Connection, scope: Scope, count: int) -> None:
    """Count some rules less."""
    await db.execute(
        "update quotas set used = greatest(used - $4, 0) where account_id = $1 and pod_id = $2 and quota = $3",
        scope.account_id, NO_POD, Quota.RULES, count,
    )  # fmt: skip


async def _spend(db: Connection, account: Account, quota: Quota, limit: int | None) -> int | None:
    """Count one more and return how many there are now, None if the limit is reached. Either way the row is locked."""
    counted: int | None = await db.fetchval(
        "insert into quotas as q (account_id, quota, used) select $1, $2, 1 where $3::bigint is null or $3 > 0"
        " on conflict (account_id, pod_id, quota) do update set used = q.used + 1"
        " where $3::bigint is null or q.used < $3 returning used",
        account.account_id, quota, limit,
    )  # fmt: skip
    return counted


async def _return(db: Connection, scope: Scope, quota: Quota) -> None:
    await db.execute(
        "update quotas set used = used - 1 where account_id = $1 and pod_id = $2 and quota = $3 and used > 0",
        scope.account_id, NO_POD, quota,
    )  # fmt: skip


async def used(db: Connection, scope: Scope, quota: Quota) -> int:
    """Return how much of a quota the account uses."""
    return (
        await db.fetchval(
            "select used from quotas where account_id = $1 and pod_id = $2 and quota = $3",
            scope.account_id,
            NO_POD,
            quota,
        )
        or 0
    )


async def spend_free_create(
    db: Connection, client: IPv4Address | IPv6Address, *, limit: int, now: datetime
) -> RateLimit | None:
    """Count a free create from a client's network in a rolling hour and return what is left; `limit` 0 counts nothing.

    Raises InboxCreateRateLimited with the seconds until the oldest one leaves the window.
    """
    if limit == 0:
        return None
    network = ip_network((client, _IPV6_SITE if client.version == 6 else 32), strict=False)
    since = now - FREE_CREATE_WINDOW
    row = await db.fetchrow(
        """
        insert into free_creates as f (network, at) values ($1, array[$2::timestamptz])
        on conflict (network) do update
            set at = array(select t from unnest(f.at) t where t > $3 order by t) || excluded.at
            where (select count(*) from unnest(f.at) t where t > $3) < $4
        returning cardinality(at) as used, at[1] as oldest
        """,
        network, now, since, limit,
    )  # fmt: skip
    if row is None:
        raise await _rate_limited(db, network, since, limit)
    return _free_creates(limit, limit - row["used"], _seconds_left(row["oldest"], since))


async def _rate_limited(db: Connection, network: object, since: datetime, limit: int) -> DaimonError:
    oldest = await db.fetchval(
        "select min(t) from free_creates f, unnest(f.at) t where f.network = $1 and t > $2", network, since
    )
    wait = _seconds_left(oldest, since) if oldest else 1
    return InboxCreateRateLimited(
        f"{limit} free inboxes were made from this address in the last hour, which is the limit.",
        retry_after=wait,
        rate_limit=_free_creates(limit, 0, wait),
        next_steps=[
            f"Wait {wait} seconds, then send the same request again.",
            "Or upgrade the account: paid tiers have no such limit.",
        ],
        current_usage={"free_creates_last_hour": limit, "limit": limit},
    )


def _free_creates(limit: int, remaining: int, reset: int) -> RateLimit:
    return RateLimit("free-creates", limit, int(FREE_CREATE_WINDOW.total_seconds()), remaining, reset)


def _seconds_left(oldest: datetime, since: datetime) -> int:
    """Return the whole seconds until `oldest` has left the window that began at `since`, at least one."""
    left = min(oldest - since, FREE_CREATE_WINDOW)  # requests that race may carry times a little ahead of ours
    return max(1, ceil(left.total_seconds()))


async def _inbox_limit_reached(db: Connection, account: Account, limits: TierLimits) -> DaimonError:
    most, counted = limits.max_inboxes, await used(db, Scope(account.account_id), Quota.INBOXES)
    return InboxLimitReached(
        f"The {account.tier} tier allows {most} inboxes and the account has {counted}.",
        next_steps=[
            "Ask your operator to upgrade the account; upgrade_context.agent_script says how to ask.",
            "Or delete an inbox that is no longer needed: GET /v1/inboxes lists them.",
        ],
        current_usage={"current_inboxes": counted, "max_inboxes": most},
    )


async def _domain_limit_reached(db: Connection, account: Account, limits: TierLimits) -> DaimonError:
    most, counted = limits.max_custom_domains, await used(db, Scope(account.account_id), Quota.DOMAINS)
    return DomainLimitReached(
        f"The {account.tier} tier allows {most} custom domains and the account has {counted}.",
        next_steps=[
            "Ask your operator to upgrade the account; upgrade_context.agent_script says how to ask.",
            "Or delete a domain that is no longer needed: GET /v1/domains lists them.",
        ],
        current_usage={"current_custom_domains": counted, "max_custom_domains": most},
    )
