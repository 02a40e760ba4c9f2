"""Reading threads, and changing all messages of one at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.inboxes.repository import InboxRepository
from daimon.kit.paging import Page
from daimon.threads import labels as label_rules
from daimon.threads.models import Thread, ThreadQuery
from daimon.threads.repository import ThreadRepository


class ThreadChange(msgspec.Struct, frozen=True):
    """What a PATCH asks for; UNSET leaves a field as it is. `read` marks every message of the thread."""

    labels: list[str] | msgspec.UnsetType = msgspec.UNSET
    read: bool | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class Changed:
    """A thread before and after a change."""

    before: Thread
    after: Thread


async def page(db: Connection, scope: Scope, query: ThreadQuery) -> Page[Thread]:
    """Return a page of threads. Raises InboxNotFound, InvalidCursor."""
    return await ThreadRepository(db, scope).page(query)


async def get(db: Connection, scope: Scope, inbox: UUID | str, thread_id: UUID) -> Thread:
    """Return a thread of an inbox. Raises InboxNotFound, ThreadNotFound."""
    return await ThreadRepository(db, scope).get(inbox, thread_id)


async def change(
    db: Connection, scope: Scope, inbox: UUID | str, thread_id: UUID, wish: ThreadChange, *, now: datetime
) -> Changed:
    """Change labels, or mark all messages read or unread. Raises InboxNotFound, ThreadNotFound, Invalid."""
    threads, thread = await _locked(db, scope, inbox, thread_id)
    if wish.labels is not msgspec.UNSET:
        await threads.set_labels(thread, label_rules.check(wish.labels), now)
    if wish.read is not msgspec.UNSET:
        await threads.set_read(thread, read=wish.read, now=now)
    return Changed(thread, await threads.get(inbox, thread_id))


async def add_labels(
    db: Connection, scope: Scope, inbox: UUID | str, thread_id: UUID, labels: Sequence[str], *, now: datetime
) -> Changed:
    """Add labels to a thread. Raises InboxNotFound, ThreadNotFound, Invalid."""
    threads, thread = await _locked(db, scope, inbox, thread_id)
    await threads.set_labels(thread, label_rules.check([*thread.labels, *labels]), now)
    return Changed(thread, await threads.get(inbox, thread_id))


async def remove_labels(
    db: Connection, scope: Scope, inbox: UUID | str, thread_id: UUID, labels: Sequence[str], *, now: datetime
) -> Changed:
    """Take labels off a thread; one that it does not have is no error. Raises InboxNotFound, ThreadNotFound."""
    threads, thread = await _locked(db, scope, inbox, thread_id)
    await threads.set_labels(thread, [label for label in thread.labels if label not in set(labels)], now)
    return Changed(thread, await threads.get(inbox, thread_id))


async def delete(db: Connection, scope: Scope, inbox: UUID | str, thread_id: UUID, *, now: datetime) -> Thread:
    """Delete a thread and its messages softly; return it as it was. Raises InboxNotFound, ThreadNotFound."""
    threads, thread = await _locked(db, scope, inbox, thread_id)
    await threads.delete(thread, now)
    return thread


async def _locked(db: Connection, scope: Scope, inbox: UUID | str, thread_id: UUID) -> tuple[ThreadRepository, Thread]:
    await InboxRepository(db, scope).lock(inbox)  # arriving mail locks the inbox first, and so does every change
    threads = ThreadRepository(db, scope)
    return threads, await threads.get(inbox, thread_id)
