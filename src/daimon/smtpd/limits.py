"""What all connections share: places to sit, and room in memory."""

from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Final

SMALL: Final = 64 * 1024  # a mail up to here needs no room: even 2,000 of them are little


class Places:
    """Connections that were let in, in all and per network."""

    def __init__(self, *, most: int, most_per_network: int) -> None:
        self._most = most
        self._most_per_network = most_per_network
        self._taken = 0
        self._taken_by: Counter[str] = Counter()

    def enter(self) -> bool:
        """Take a place. False: there is none."""
        if self._taken >= self._most:
            return False
        self._taken += 1
        return True

    def sit(self, network: str) -> bool:
        """Say for whom the place is. False: this network has too many already."""
        if self._taken_by[network] >= self._most_per_network:
            return False
        self._taken_by[network] += 1
        return True

    def leave(self, network: str | None) -> None:
        """Give the place back; `network` as it sat, None if it never did."""
        self._taken -= 1
        if network is None:
            return
        self._taken_by[network] -= 1
        if not self._taken_by[network]:
            del self._taken_by[network]


def plain_ip(ip: str) -> str:
    """Return an address as text without its scope (`%eth0`), and a mapped one as the IPv4 it is."""
    if ":" not in ip:
        return ip
    address = ip_address(ip.partition("%")[0])
    return str(getattr(address, "ipv4_mapped", None) or address)


def network_of(ip: str) -> str:
    """Return what one client can be assumed to own: an IPv4 address, or an IPv6 /64."""
    return str(ip_network((ip, 64), strict=False)) if ":" in ip else ip


class Room:
    """Memory for mails that are not yet committed.

    When it is full, holders of large mails stop reading until others are committed. The oldest of them never
    stops, so that a house full of half-received mails still empties.
    """

    def __init__(self, octets: int) -> None:
        self._free = octets
        self._holders: dict[Callable[[], None], int] = {}  # in order of arrival; the key is told when there is room
        self._waiting: set[Callable[[], None]] = set()

    def hold(self, holder: Callable[[], None], octets: int) -> bool:
        """Say how much a holder holds now. False: read no more until called."""
        self._free += self._holders.get(holder, 0) - octets
        self._holders[holder] = octets
        if self._free >= 0 or next(iter(self._holders)) is holder:
            return True
        self._waiting.add(holder)
        return False

    def release(self, holder: Callable[[], None]) -> None:
        """Give everything back, and call those who wait as far as there is room."""
        self._waiting.discard(holder)
        if (octets := self._holders.pop(holder, None)) is None:
            return
        self._free += octets
        if self._waiting:
            self._call()

    def _call(self) -> None:
        oldest = next(iter(self._holders), None)
        called = [holder for holder in self._waiting if self._free >= 0 or holder is oldest]
        self._waiting.difference_update(called)
        for holder in called:
            holder()
