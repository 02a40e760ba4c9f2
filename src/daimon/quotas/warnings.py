"""Warning before a limit is met: once when a use reaches 80 % of its limit, and once when it reaches all of it."""

from datetime import datetime
from uuid import UUID

import msgspec

from daimon.events.models import EventType, NewEvent

THRESHOLDS = (100, 80)  # percent, the highest first


def crossed(
    account_id: UUID,
    quota: str,
    before: int,
    after: int,
    limit: int | None,
    now: datetime,
    *,
    pod_id: UUID | None = None,
) -> NewEvent | None:
    """Return the `limit.warning` of a use that rose from `before` to `after`, None if it passed no threshold.

    The counters are spent one after the other, so that exactly one use passes each threshold. One that passes both
    tells of the higher.
    """
    for percent in THRESHOLDS if limit else ():
        assert limit is not None
        if before * 100 < percent * limit <= after * 100:
            told = {"quota": quota, "used": after, "limit": limit, "percent": percent}
            data = msgspec.json.encode({"limit": told}).decode()
            return NewEvent(account_id, EventType.LIMIT_WARNING, data, pod_id, None, now)
    return None
