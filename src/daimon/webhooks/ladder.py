"""When a delivery is tried again, and how long an endpoint is left alone."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

_MINUTE, _HOUR = 60, 3600
STEPS = (5, 30, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 6 * _HOUR, 12 * _HOUR, 24 * _HOUR)  # seconds
_PROBES = (5, 15, 30, 60, 2 * _MINUTE, 5 * _MINUTE)
_JITTER = 0.2
_LONGEST_PAUSE = 24 * _HOUR
# RFC 9110 §5.6.7: the usual form, and the two obsolete ones that are to be understood too.
_DATES = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")
_LONGEST_DATE = len("Wednesday, 01-Jan-27 00:00:00 GMT")

Chance = Callable[[], float]  # 0 to 1


def next_attempt(attempts: int, now: datetime, chance: Chance = random.random) -> datetime | None:
    """Return when a delivery is tried again after so many attempts; None: never, that was the last.

    Each step is up to a fifth longer than it says, so that what failed together does not come back together.
    """
    if attempts > len(STEPS):
        return None
    return now + _with_jitter(STEPS[attempts - 1], chance)


def next_probe(failures: int, now: datetime, chance: Chance = random.random) -> datetime:
    """Return when an unhealthy endpoint is probed after so many failures in a row beyond those that made it so."""
    return now + _with_jitter(_PROBES[min(failures, len(_PROBES) - 1)], chance)


def pause(retry_after: str | None, now: datetime) -> datetime | None:
    """Return until when a Retry-After asks to wait (RFC 9110 §10.2.3), at most a day; None for no pause."""
    if not retry_after:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        seconds = min(int(text[:9]), _LONGEST_PAUSE)
        return now + timedelta(seconds=seconds) if seconds else None
    until = _date(text)
    return min(until, now + timedelta(seconds=_LONGEST_PAUSE)) if until and until > now else None


def _date(text: str) -> datetime | None:
    if len(text) > _LONGEST_DATE:
        return None
    for form in _DATES:
        with suppress(ValueError):
            return datetime.strptime(text, form).replace(tzinfo=UTC)
    return None


def _with_jitter(seconds: float, chance: Chance) -> timedelta:
    return timedelta(seconds=seconds * (1 + _JITTER * chance()))
