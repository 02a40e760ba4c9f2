"""When another try helps, and how long to wait before it."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

from daimon_email.errors import DaimonError, NoAnswer, RateLimited, RequestInProgress, ServerError, Unavailable

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 8.0
_DOUBLINGS = 10  # after that it is long enough; a stream may try for days
LONGEST_RETRY_AFTER = 30.0  # a server that asks for more is answered by raising at once


def pause_after(error: DaimonError, tries: int, *, maybe_done: bool, repeatable: bool) -> float | None:
    """Return the seconds to wait before the next try, or None if there should be none.

    What may already be done is tried again only if twice is the same as once.
    """
    if not _helps(error) or (not repeatable and (maybe_done or _leaves_doubt(error))):
        return None
    if error.retry_after is None:
        return back_off(tries)
    return None if error.retry_after > LONGEST_RETRY_AFTER else error.retry_after


def back_off(tries: int) -> float:
    """Return how long to wait after so many tries before the one that failed last."""
    return jitter(min(FIRST_PAUSE * 2 ** min(tries, _DOUBLINGS), LONGEST_PAUSE))


def jitter(seconds: float) -> float:
    """Return between half of it and all of it, so that clients that failed together do not come back together."""
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 -- spreads load, guards nothing


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the header's seconds; None if it has none. Proxies say it by a date."""
    given = headers.get("retry-after", "")
    try:
        return seconds_of(float(given))
    except ValueError:
        return _seconds_until(given)


def seconds_of(given: Any) -> float | None:
    """Return a time to wait; None for what is none, such as a text, or less than nothing."""
    return given if isinstance(given, (int, float)) and given >= 0 else None


def _seconds_until(text: str) -> float | None:
    from email.utils import parsedate_to_datetime  # seldom needed

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _helps(error: DaimonError) -> bool:
    return isinstance(error, (NoAnswer, RateLimited, ServerError, RequestInProgress))


def _leaves_doubt(error: DaimonError) -> bool:
    return isinstance(error, ServerError) and not isinstance(error, Unavailable)
