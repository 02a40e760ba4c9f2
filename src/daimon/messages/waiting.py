"""Long polls: whoever waits for a message of an inbox is woken by the commit that shows it, on any API process.

A process hears of new messages on one connection, and keeps for each waiting client no more than an event.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from daimon.events.rings import inboxes_of


class Bells:
    """One bell for each client that waits, by inbox."""

    def __init__(self) -> None:
        self._waiting: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def bell(self, inbox_id: UUID) -> Iterator[asyncio.Event]:
        """Lend an event that is set whenever the inbox has a new message."""
        event = asyncio.Event()
        self._waiting[inbox_id].add(event)
        try:
            yield event
        finally:
            self._waiting[inbox_id].discard(event)
            if not self._waiting[inbox_id]:
                del self._waiting[inbox_id]

    def ring(self, payload: str) -> None:
        """Wake whoever waits for one of the inboxes in a payload of `events.rings`."""
        for inbox_id in inboxes_of(payload):
            for event in self._waiting.get(inbox_id, ()):
                event.set()

    def ring_all(self) -> None:
        """Wake everybody: notifications may have been missed, or the server is stopping."""
        for events in self._waiting.values():
            for event in events:
                event.set()
