"""Reading what is submitted: most mails in a moment, and one that takes longer without the others waiting for it."""

from typing import Final

from daimon.inbound import understanding
from daimon.inbound.accept import SLOW_BYTES
from daimon.inbound.isolation import Reader, Reading, Unread
from daimon.inboxes.arrival import Understood

QUICK_CPU_SECONDS: Final = 0.1
SLOW_CPU_SECONDS: Final = 1.9


class TwoReaders:
    """Two child processes: one for what is read at once, one for what is large, or took the first too long."""

    def __init__(
        self,
        reading: Reading = understanding.fully,
        *,
        quick_seconds: float = QUICK_CPU_SECONDS,
        slow_seconds: float = SLOW_CPU_SECONDS,
    ) -> None:
        self._quick = Reader(reading, cpu_seconds=quick_seconds)
        self._slow = Reader(reading, cpu_seconds=slow_seconds)

    async def read(self, octets: bytes) -> Understood | Unread:
        """Return what a mail says, or why that is not known."""
        if len(octets) <= SLOW_BYTES:
            [read] = await self._quick.read([octets])
            if read is not Unread.TOO_SLOW:
                return read
        [read] = await self._slow.read([octets])
        return read

    def close(self) -> None:
        """End the children."""
        self._quick.close()
        self._slow.close()
