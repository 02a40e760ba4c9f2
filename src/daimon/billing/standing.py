"""What follows from a customer's subscriptions: which one counts, what it gives, and which tier the account has then.

Pure functions: they are asked again with each event, each night and each time somebody looks, and say the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from daimon.accounts.models import Tier
from daimon.billing.links import is_higher
from daimon.billing.models import BillingAccount, Catalogue, Price, Subscription
from daimon.billing.states import EFFECTS, State, next_look, state_of, warnings_due

_ORDER = {tier: rank for rank, tier in enumerate(Tier)}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an account stands. `superseded` are subscriptions that another one stands in for."""

    account: BillingAccount
    state: State | None
    superseded: tuple[str, ...] = ()
    warn: bool = False  # of a payment that failed, now


def stand(
    before: BillingAccount, subscriptions: Sequence[Subscription], catalogue: Catalogue, *, now: datetime
) -> Standing:
    """Return where an account stands with its customer's subscriptions; those for other things are passed over."""
    found = ((each, _sold_as(before, each, catalogue)) for each in subscriptions)
    ours = [_candidate(before, each, *sold, now) for each, sold in found if sold is not None]
    if not ours:
        return _without(before)
    best = max(ours, key=lambda each: each.rank)
    live = [each for each in ours if not each.subscription.has_ended and each is not best]
    holds = best.state in (State.ACTIVE, State.TRIALING)
    superseded = tuple(each.subscription.id for each in live) if holds else ()
    return _standing(before, best, superseded, now)


def tier_after(current: Tier, before: Tier | None, gives: Tier | None) -> Tier:
    """Return the tier of an account whose subscription gave `before` and `gives` now.

    What the server's operator gave beyond the subscription is his to take away.
    """
    if is_higher(current, before or Tier.FREE):
        return gives if gives is not None and is_higher(gives, current) else current
    if gives is None:
        return current if before is None else Tier.FREE
    return gives


@dataclass(frozen=True, slots=True)
class _Candidate:
    subscription: Subscription
    state: State
    tier: Tier
    price: Price
    past_due_since: datetime | None

    @property
    def rank(self) -> tuple[bool, int, bool, datetime, str]:
        """What gives something before what gives nothing; of those the highest tier, and of these the newest."""
        subscription = self.subscription
        return (
            EFFECTS[self.state].gives, _ORDER[self.tier] if EFFECTS[self.state].gives else 0,
            not subscription.has_ended, subscription.created_at, subscription.id,
        )  # fmt: skip


def _sold_as(before: BillingAccount, each: Subscription, catalogue: Catalogue) -> tuple[Tier, Price] | None:
    """Return what a subscription is for. The one that counted goes on as it was, though it be sold no more."""
    if each.id == before.subscription_id and before.tier is not None and each.prices:
        return catalogue.tier_of(each.prices) or (before.tier, each.prices[0])
    return catalogue.tier_of(each.prices)


def _candidate(before: BillingAccount, each: Subscription, tier: Tier, price: Price, now: datetime) -> _Candidate:
    since = _past_due_since(before, each, now)
    state = state_of(each.status, cancel_at=each.cancel_at, past_due_since=since, now=now)
    return _Candidate(each, state, tier, price, since)


def _past_due_since(before: BillingAccount, each: Subscription, now: datetime) -> datetime | None:
    if each.status != "past_due":
        return None
    known = before.past_due_since if before.subscription_id == each.id else None
    return each.unpaid_since or known or now


def _standing(before: BillingAccount, best: _Candidate, superseded: tuple[str, ...], now: datetime) -> Standing:
    subscription, price, since = best.subscription, best.price, best.past_due_since
    grace_from = since if best.state is State.PAST_DUE else None
    due = warnings_due(grace_from, now) if grace_from is not None else 0
    given = before.warnings if since is not None and since == before.past_due_since else 0
    account = replace(
        before,
        subscription_id=subscription.id,
        status=subscription.status,
        tier=best.tier,
        gives=best.tier if EFFECTS[best.state].gives else None,
        price_id=price.id,
        amount=price.amount,
        currency=price.currency,
        period=price.period,
        current_period_start=subscription.current_period_start,
        current_period_end=subscription.current_period_end,
        trial_end=subscription.trial_end,
        cancel_at=subscription.cancel_at,
        past_due_since=since,
        warnings=max(due, given),
        due_at=next_look(grace_from, now) if grace_from is not None else None,
    )
    return Standing(account, best.state, superseded, warn=due > given)


def _without(before: BillingAccount) -> Standing:
    """Return the standing of an account whose customer has no subscription of ours, or none any more."""
    if before.subscription_id is None:
        return Standing(before, None)
    gone = replace(before, status="canceled", gives=None, past_due_since=None, warnings=0, due_at=None)
    return Standing(gone, State.CANCELED)
