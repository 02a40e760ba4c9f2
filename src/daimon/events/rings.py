"""Waking whoever follows an account's events: words on one channel, sent after the commit they tell of.

A word is an account, or an account and the inbox that has a new message: ids in hex, `account` or `account.inbox`. It
is a hint and may be lost; whoever waits for it also looks for himself now and then.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from daimon.events.models import EventType, NewEvent

CHANNEL = "daimon_events"

_collector: ContextVar[dict[str, None] | None] = ContextVar("events_recorded", default=None)


@contextmanager
def noticing() -> Iterator[dict[str, None]]:
    """Collect the words of what is recorded within the block: put it around a transaction, ring after its commit."""
    words: dict[str, None] = {}
    token = _collector.set(words)
    try:
        yield words
    finally:
        _collector.reset(token)


def notice(events: Iterable[NewEvent]) -> None:
    """Remember what was recorded, if anybody collects it."""
    words = _collector.get()
    if words is not None:
        for event in events:
            words[_word(event)] = None


def accounts_of(payload: str) -> set[UUID]:
    """Return the accounts in a payload."""
    return {UUID(hex=word[:32]) for word in payload.split()}


def inboxes_of(payload: str) -> set[UUID]:
    """Return the inboxes in a payload that have new messages."""
    return {UUID(hex=word[33:]) for word in payload.split() if len(word) > 32}


def _word(event: NewEvent) -> str:
    if event.event is EventType.MESSAGE_RECEIVED and event.inbox_id is not None:
        return f"{event.account_id.hex}.{event.inbox_id.hex}"
    return event.account_id.hex
