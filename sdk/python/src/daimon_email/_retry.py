"""When another try helps, and how long to wait before it."""

from __future__ import annotations

import random
from collections.abc import Mapping

from daimon_email.errors import DaimonError, NoAnswer, RateLimited, RequestInProgress, ServerError, Unavailable

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 8.0
LONGEST_RETRY_AFTER = 30.0  # a server that asks for more is answered by raising at once


def pause_after(error: DaimonError, tries: int, *, maybe_done: bool, repeatable: bool) -> float | None:
    """Return the seconds to wait before the next try, or None if there should be none.

    What may already be done is tried again only if twice is the same as once.
    """
    if not _helps(error) or (not repeatable and (maybe_done or _leaves_doubt(error))):
        return None
    if error.retry_after is None:
        return jitter(min(FIRST_PAUSE * 2**tries, LONGEST_PAUSE))
    return None if error.retry_after > LONGEST_RETRY_AFTER else error.retry_after


def jitter(seconds: float) -> float:
    """Return between half of it and all of it, so that clients that failed together do not come back together."""
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 -- spreads load, guards nothing


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the header's seconds. Its other form, a date, comes from proxies alone and is not read."""
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None


def _helps(error: DaimonError) -> bool:
    return isinstance(error, (NoAnswer, RateLimited, ServerError, RequestInProgress))


def _leaves_doubt(error: DaimonError) -> bool:
    return isinstance(error, ServerError) and not isinstance(error, Unavailable)
