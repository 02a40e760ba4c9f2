"""When a mail that was not taken is tried again: soon, for grey-listing, then ever more seldom, for 72 hours."""

from datetime import datetime, timedelta
from random import Random

_WAITS = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
)
_LATER = timedelta(hours=4)
_JITTER = 0.1  # more or less, so that what failed together does not come back together
TRIED_FOR = timedelta(hours=72)


def next_attempt(attempts: int, *, queued_at: datetime, now: datetime, random: Random) -> datetime | None:
    """Return when to try again after so many attempts, None if it is time to give up.

    The last try is at the end of the 72 hours, and not some hours before it.
    """
    ends = queued_at + TRIED_FOR
    if now >= ends:
        return None
    wait = _WAITS[attempts - 1] if attempts <= len(_WAITS) else _LATER
    return min(now + wait * random.uniform(1 - _JITTER, 1 + _JITTER), ends)
