"""What a worker has in hand, and until when it may hand over each: its lease, mail by mail, by its own clock.

A lease that ended can have been ended for good: another worker has the mail, or its sender took it back. So a mail goes
out under a lease that was seen to hold, and never because others were renewed.
"""

from collections.abc import Collection, Iterable, Sequence

from daimon.outbound import queue
from daimon.outbound.models import QueuedMail
from daimon.outbound.queue import Key

_HELD_SECONDS = queue.LEASE.total_seconds() - 5  # from then on nothing is finished any more that a lease covers


class Held:
    """The mails that one worker has in hand. Times are in seconds, of a clock that never goes back or stands still."""

    def __init__(self) -> None:
        self._until: dict[Key, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    @property
    def keys(self) -> Collection[Key]:
        """Return what names the mails in hand."""
        return self._until.keys()

    def take(self, mails: Iterable[QueuedMail], asked_at: float) -> list[QueuedMail]:
        """Take mails that were leased, asked for at a moment, and return those that are not in hand already.

        One that is, whose lease had ended, goes on under the new one: it may be on its way at this moment.
        """
        fresh = []
        for mail in mails:
            if mail.key not in self._until:
                fresh.append(mail)
            self._until[mail.key] = asked_at + _HELD_SECONDS
        return fresh

    def renew(self, keys: Iterable[Key], asked_at: float) -> None:
        """Note which leases were renewed; the others end."""
        for key in keys:
            if key in self._until:
                self._until[key] = asked_at + _HELD_SECONDS

    def holds(self, mails: Sequence[QueuedMail], now: float) -> bool:
        """Tell whether all of some mails may still be handed over."""
        return all(now < self._until.get(mail.key, 0.0) for mail in mails)

    def let_go(self, mails: Iterable[QueuedMail]) -> None:
        """Have mails in hand no more; a lease that is left on one ends by itself."""
        for mail in mails:
            self._until.pop(mail.key, None)
