"""What all tails of a process may hold together; each is bounded by itself besides."""

from typing import Protocol

MOST_BYTES = 256 << 20


class Holder(Protocol):
    """What holds something, and can do without."""

    def shed(self) -> None:
        """Hold nothing any more."""


class Memory:
    """How much each tail holds. Beyond the bound, those give it up first that were given nothing for the longest."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._held: dict[Holder, int] = {}  # the one that was given something last comes last
        self.total = 0

    def hold(self, holder: Holder, size: int) -> None:
        """Note how many octets one holds by now, and let others shed theirs, at last itself, while there are too many.

        Who sheds calls this in its turn, with 0.
        """
        self.total += size - self._held.pop(holder, 0)
        if size:
            self._held[holder] = size
        while self.total > self._most:
            next(iter(self._held)).shed()
