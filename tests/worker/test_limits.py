"""Limits hold exactly, however many ask at once."""

import asyncio
from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import strategies as st

from daimon.accounts.models import Account
from daimon.db.scope import Scope
from daimon.inboxes import service as inboxes
from daimon.inboxes.models import Created, InboxPolicy, NewInbox
from daimon.kit.errors import DaimonError
from daimon.quotas import service as quotas
from daimon.quotas.errors import InboxCreateRateLimited, InboxLimitReached
from daimon.quotas.tiers import TIERS, TierLimits

from .conftest import House
from .test_counters import with_examples

CLIENT = IPv4Address("192.0.2.7")
POLICY = InboxPolicy("daimon.email", frozenset({"postmaster"}), 10, TIERS)


async def create(house: House, *, client: IPv4Address = CLIENT) -> Created | DaimonError:
    """Create an inbox without a key, and return what came of it."""
    try:
        async with house.db.transaction() as db:
            return await inboxes.create(db, None, NewInbox(), policy=POLICY, client=client, now=house.clock())
    except DaimonError as error:
        return error


async def test_fifty_anonymous_creates_of_one_address_make_ten(house: House) -> None:
    """A refused one leaves no account, no inbox and no key."""
    outcomes = await asyncio.gather(*(create(house) for _ in range(50)))
    assert sum(isinstance(each, Created) for each in outcomes) == 10
    assert sum(isinstance(each, InboxCreateRateLimited) for each in outcomes) == 40
    counts = "select (select count(*) from accounts), (select count(*) from inboxes), (select count(*) from keys)"
    assert await house.rows(counts) == [(10, 10, 20)]


async def test_another_address_is_not_limited_with_it(house: House) -> None:
    """An IPv4 address stands for itself, an IPv6 address for its /64."""
    async with house.db.transaction() as db:
        for text in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"):
            await quotas.spend_free_create(db, ip_address(text), limit=1, now=house.clock())
    for text in ("192.0.2.1", "2001:db8::ffff"):
        with pytest.raises(InboxCreateRateLimited) as refused:
            async with house.db.transaction() as db:
                await quotas.spend_free_create(db, ip_address(text), limit=1, now=house.clock())
        assert refused.value.retry_after is not None
        assert 0 < refused.value.retry_after <= 3601


async def test_any_number_at_once_against_any_limit(house: House) -> None:
    """Exactly as many are granted as there is room for; what is given back can be had again."""

    async def at_once(numbers: tuple[int, int, int]) -> None:
        asked, limit, returned = numbers
        account = await house.open_account()
        granted = await ask(house, account, asked, limit)
        assert granted == min(asked, limit)
        for _ in range(min(returned, granted)):
            async with house.db.transaction() as db:
                await quotas.return_inbox(db, Scope(account.account_id))
        left = granted - min(returned, granted)
        assert await ask(house, account, asked, limit) == min(asked, limit - left)

    await with_examples(at_once, st.tuples(st.integers(1, 12), st.integers(0, 10), st.integers(0, 4)), most=25)


async def ask(house: House, account: Account, times: int, limit: int) -> int:
    """Spend an inbox so many times at once, and return how often it was granted."""
    limits = TierLimits(0, limit, 0, 10, 0, webhooks_enabled=True, max_custom_domains=0)

    async def one() -> bool:
        try:
            async with house.db.transaction() as db:
                await quotas.spend_inbox(db, account, limits)
        except InboxLimitReached:
            return False
        return True

    return sum(await asyncio.gather(*(one() for _ in range(times))))
