"""How many follow each account on this process at this moment: streams, sockets and long polls together."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from daimon.feed.errors import TooManyFollowers

# Of one account on one process: 20 KiB each, and 46 for a wait over `/mcp`, so that no account takes more than 230 MiB.
MOST_FOLLOWERS = 5_000


class Crowd:
    """Those who follow, counted by account."""

    def __init__(self, most: int = MOST_FOLLOWERS) -> None:
        self._most = most
        self._open: Counter[UUID] = Counter()

    def check(self, account_id: UUID) -> None:
        """Raise TooManyFollowers where as many follow an account as may."""
        if self._open[account_id] >= self._most:
            raise TooManyFollowers.at(self._most)

    @contextmanager
    def one(self, account_id: UUID) -> Iterator[None]:
        """Count somebody until the block ends."""
        self._open[account_id] += 1
        try:
            yield
        finally:
            self._open[account_id] -= 1
            if not self._open[account_id]:
                del self._open[account_id]
