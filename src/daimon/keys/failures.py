"""Guesses at keys, counted per client network, so that guessing costs the guesser and not the database."""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from math import ceil

from daimon.keys.errors import AuthenticationFailures
from daimon.kit.rate_limit import RateLimit

LIMIT = 60
WINDOW_SECONDS = 60
MAX_NETWORKS = 50_000
_POLICY = "auth-failures"
_IPV6_SITE_BITS = 64  # one customer holds a whole /64, so that is what is counted


class AuthFailures:
    """The failures of one process in windows that begin with a network's first one. `limit` 0 counts nothing.

    At most MAX_NETWORKS are known; the one that failed the longest ago is forgotten first.
    """

    def __init__(self, limit: int = LIMIT, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._windows: OrderedDict[tuple[int, int], tuple[float, int]] = OrderedDict()  # end and failures
        self._until = 0.0  # no network is refused after this

    @property
    def refuses_any(self) -> bool:
        """Whether any network at all may be refused now. Cheap: most of the time none is."""
        return self._clock() < self._until

    def check(self, client: IPv4Address | IPv6Address) -> None:
        """Raise AuthenticationFailures if the client's network has failed too often."""
        end, failures = self._windows.get(_network_of(client), (0.0, 0))
        left = end - self._clock()
        if failures >= self._limit > 0 and left > 0:
            raise AuthenticationFailures(
                retry_after=ceil(left), rate_limit=RateLimit(_POLICY, self._limit, WINDOW_SECONDS, 0, ceil(left))
            )

    def count(self, client: IPv4Address | IPv6Address) -> None:
        """Count one failure of the client's network."""
        if self._limit == 0:
            return
        network, now = _network_of(client), self._clock()
        end, failures = self._windows.pop(network, (0.0, 0))
        end, failures = (end, failures + 1) if now < end else (now + WINDOW_SECONDS, 1)
        self._windows[network] = (end, failures)
        if failures >= self._limit:
            self._until = max(self._until, end)
        if len(self._windows) > MAX_NETWORKS:
            self._windows.popitem(last=False)


def _network_of(client: IPv4Address | IPv6Address) -> tuple[int, int]:
    if client.version == 6:
        return 6, int(client) >> _IPV6_SITE_BITS
    return 4, int(client)
