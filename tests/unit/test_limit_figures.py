"""The figures of the tiers: warned of near them, documented, and changed by the operator."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quota_uses import MIDNIGHT, NOON, account, outcomes, refused, send, with_every_figure

from daimon.accounts.models import Tier
from daimon.db.engine import Database
from daimon.events.models import EventType
from daimon.kit import ids
from daimon.quotas import errors, sends, service
from daimon.quotas.tiers import TIERS, read_tiers
from daimon.quotas.warnings import crossed

# Warnings


@given(limit=st.integers(1, 300), steps=st.lists(st.integers(1, 40), max_size=60))
def test_each_threshold_is_told_of_once(limit: int, steps: list[int]) -> None:
    """On the way up to the limit, in steps of any size; a step over both tells of all of it."""
    used, told = 0, []
    for step in steps:
        if used + step > limit:
            continue
        if event := crossed(ids.new(), "inboxes", used, used + step, limit, NOON):
            assert event.event is EventType.LIMIT_WARNING
            told.append(json.loads(event.data)["limit"])
        used += step
    assert [each["percent"] for each in told] == sorted({each["percent"] for each in told})
    assert (100 in [each["percent"] for each in told]) == (used == limit)
    assert bool(told) == (used * 100 >= limit * 80)
    assert all(each["used"] * 100 >= each["percent"] * limit for each in told)


@pytest.mark.parametrize("limit", [None, 0])
def test_nothing_is_told_where_nothing_is_limited(limit: int | None) -> None:
    """Unlimited, and a limit that lets nothing through."""
    assert crossed(ids.new(), "inboxes", 0, 100, limit, NOON) is None


async def test_sends_are_warned_of_once_a_day(db: Database) -> None:
    """At 80 % and at 100 %, of the account and of the pod; the next day again. Of many at once, one is told."""
    who, pod = account(), ids.new()

    async def told(now: datetime) -> list[tuple[bool, int]]:
        results = await outcomes(
            db, 10, lambda c: sends.spend(c, who, with_every_figure(10), 5, pod, recipients=1, now=now)
        ) + await outcomes(
            db, 10, lambda c: sends.spend(c, who, with_every_figure(10), None, None, recipients=1, now=now)
        )
        events = [event for each in results if isinstance(each, sends.Spent) for event in each.warnings]
        return sorted((event.pod_id == pod, json.loads(event.data)["limit"]["percent"]) for event in events)

    assert await told(NOON) == [(False, 80), (False, 100), (True, 80), (True, 100)]
    assert await told(NOON) == []
    assert await told(MIDNIGHT) == [(False, 80), (False, 100), (True, 80), (True, 100)]


# The table


def test_the_table_is_documented() -> None:
    """In docs/reference/limits.md, figure by figure."""

    def figure(value: int | None) -> str:
        return "unlimited" if value is None else f"{value:,}"

    page = (Path(__file__).parents[2] / "docs/reference/limits.md").read_text("utf-8")
    for tier, limits in TIERS.items():
        sends_a_day = "0 (receives only)" if limits.max_sends_per_day == 0 else figure(limits.max_sends_per_day)
        cells = [
            tier,
            "custom" if limits.price_cents is None else f"${limits.price_cents // 100}",
            figure(limits.max_inboxes),
            sends_a_day,
            figure(limits.burst_per_minute),
            figure(limits.concurrent_sends) if limits.concurrent_sends else "–",
            "yes" if limits.webhooks_enabled else "no",
            figure(limits.max_custom_domains) if limits.custom_domains_enabled else "no",
        ]
        assert f"\n| {' | '.join(cells)} |\n" in page


def test_every_refusal_is_documented() -> None:
    """With its status, and code if it has one."""
    page = (Path(__file__).parents[2] / "docs/reference/limits.md").read_text("utf-8")
    rows = [[cell.strip() for cell in row.split("|")] for row in page.splitlines()]
    told = {(row[2], row[3], row[4]) for row in rows if len(row) == 7}
    named = {each for each in vars(errors).values() if isinstance(each, type) and each.__module__ == errors.__name__}
    assert len(named) >= 10
    for error in named:
        code = f"`{error.code}`" if error.code else ""
        assert (str(error.status), f"`{error.error}`", code) in told, error


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ('{"free": {"max_inboxes": -1}}', ">= 0"),
        ('{"free": {"burst_per_minute": 0}}', ">= 1"),
        ('{"free": {"burst_per_minute": null}}', "null"),
        ('{"free": {"max_sends_per_day": 5}}', "concurrent_sends"),
        ('{"growth": {"concurrent_sends": 0}}', "concurrent_sends"),
        ('{"growth": {"max_inboxes": 9007199254740992}}', "<= "),
    ],
)
def test_figures_that_do_not_do_are_refused(changes: str, says: str) -> None:
    """Before a server starts with them."""
    with pytest.raises(ValueError, match=says):
        read_tiers(changes)


async def test_an_operator_may_change_every_figure(db: Database) -> None:
    """And the limits follow: a free tier that sends twice a day."""
    changed = read_tiers('{"free": {"max_sends_per_day": 2, "concurrent_sends": 1, "max_custom_domains": 1}}')
    who, limits = account(Tier.FREE), changed[Tier.FREE]
    results = await outcomes(db, 5, lambda connection: send(connection, who, limits))
    assert len(refused(results)) == 3
    async with db.transaction() as connection:
        assert await service.spend_domain(connection, who, limits) == 1
    assert changed[Tier.GROWTH] == TIERS[Tier.GROWTH]
