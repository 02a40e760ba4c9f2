"""The retries of one webhook: when the next is due, and that none is begun twice."""

from collections import deque
from datetime import datetime
from uuid import UUID

from daimon.webhooks.backlog import Backlog, Due


class Retries:
    """What is to be sent again; those that are due are read a few at a time."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._due: deque[Due] = deque()
        self._in_hand: set[UUID] = set()  # picked or under way
        self.due_at: datetime | None = None  # when the next of those that are not read is due; None: there is none

    @property
    def is_waiting(self) -> bool:
        """Tell whether one may begin at once."""
        return bool(self._due)

    async def look(self) -> None:
        """Look when the next is due."""
        self.due_at = await self._backlog.next_due(self._busy())

    def expect(self, at: datetime) -> None:
        """Note that one will be due at a moment."""
        self.due_at = min(self.due_at, at) if self.due_at else at

    async def pick(self, now: datetime) -> Due | None:
        """Take the next that is due; it is in hand until `put_down`."""
        if not self._due and self.due_at and self.due_at <= now:
            self._due.extend(await self._backlog.due(now, self._busy()))
            await self.look()
        if not self._due:
            return None
        due = self._due.popleft()
        self._in_hand.add(due.delivery.id)
        return due

    def put_down(self, delivery_id: UUID) -> None:
        """Note that an attempt is over, with all that came of it."""
        self._in_hand.discard(delivery_id)

    def _busy(self) -> list[UUID]:
        """Return the deliveries that are in hand, or wait in memory to be."""
        return [*self._in_hand, *(due.delivery.id for due in self._due)]
