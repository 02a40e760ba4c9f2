"""What a subscription's state does to the account's tier: one table, which docs/explanation/billing-states.md shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

GRACE = timedelta(days=7)  # after a payment failed
WARN_AFTER = (timedelta(0), timedelta(days=4), timedelta(days=6))  # of the grace


class State(StrEnum):
    """What a subscription is in."""

    INCOMPLETE = "incomplete"
    TRIALING = "trialing"
    ACTIVE = "active"
    ENDING = "ending"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Effect:
    """What a state does. `gives`: the account has the tier that is paid for; else none by this subscription."""

    gives: bool
    means: str


# fmt: off
EFFECTS: Mapping[State, Effect] = {
    State.INCOMPLETE: Effect(False, "The first payment is not made yet. Nothing has changed, and Stripe gives it up after 23 hours."),  # noqa: E501
    State.TRIALING:   Effect(True,  "A trial that Stripe's user gave. It ends as `active`, `paused` or `canceled`."),
    State.ACTIVE:     Effect(True,  "Paid for."),
    State.ENDING:     Effect(True,  "Paid for, and cancelled: it ends with the period, or at the date that was set."),
    State.PAST_DUE:   Effect(True,  "A payment failed less than 7 days ago. `limit.warning` tells of it at once, after 4 days and after 6; Stripe tries again meanwhile."),  # noqa: E501
    State.UNPAID:     Effect(False, "A payment failed 7 days ago or more, or Stripe has given up. A payment brings the tier back."),  # noqa: E501
    State.PAUSED:     Effect(False, "The trial ended without a card, or Stripe's user paused it."),
    State.CANCELED:   Effect(False, "It has ended, at once or with its period. A new upgrade link buys a new one."),
}
# fmt: on

_BY_STATUS: Mapping[str, State] = {
    "incomplete": State.INCOMPLETE,
    "incomplete_expired": State.CANCELED,
    "trialing": State.TRIALING,
    "active": State.ACTIVE,
    "past_due": State.PAST_DUE,
    "unpaid": State.UNPAID,
    "paused": State.PAUSED,
    "canceled": State.CANCELED,
}


def state_of(status: str, *, cancel_at: datetime | None, past_due_since: datetime | None, now: datetime) -> State:
    """Return the state of a subscription. `status` is Stripe's word; one that is not known gives nothing."""
    state = _BY_STATUS.get(status, State.PAUSED)
    if state is State.PAST_DUE and past_due_since is not None and now >= past_due_since + GRACE:
        return State.UNPAID
    if state in (State.ACTIVE, State.TRIALING) and cancel_at is not None:
        return State.ENDING
    return state


def warnings_due(past_due_since: datetime, now: datetime) -> int:
    """Return how many warnings of a grace have to have been given by now."""
    return sum(now >= past_due_since + after for after in WARN_AFTER)


def next_look(past_due_since: datetime, now: datetime) -> datetime | None:
    """Return when the next warning is due or the grace ends, None if it has ended."""
    moments = [past_due_since + after for after in (*WARN_AFTER, GRACE)]
    return next((moment for moment in moments if moment > now), None)


def table() -> list[str]:
    """Return the table of states in Markdown, as the documentation shows it."""
    lines = ["| state | tier and limits | |", "|---|---|---|"]
    for state, effect in EFFECTS.items():
        limits = "those of the tier that is paid for" if effect.gives else "none by this subscription: `free`"
        lines.append(f"| `{state}` | {limits} | {effect.means} |")
    return lines
