"""From accepted to shown: a table of contents. What a batch takes, it shows in one transaction, or leaves as it was."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from daimon.db.engine import Connection
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.inbound import queue, screening
from daimon.inbound.queue import QueuedMail
from daimon.inboxes import arrival as inboxes
from daimon.inboxes.arrival import Arrival, Understood
from daimon.kit import ids
from daimon.messages import arrivals as messages
from daimon.quotas import usage
from daimon.quotas.usage import Received
from daimon.threads import placing as threads
from daimon.threads.placing import Placed


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A mail of the queue, and what was read out of it."""

    mail: QueuedMail
    content: Understood


async def show(db: Connection, batch: Sequence[ReadMail]) -> None:
    """Make mails visible: messages, threads, counters, usage and events, in the caller's transaction.

    The order of the steps is the order of the locks (inbox, thread, usage, sequence), the same in every transaction.
    """
    if not batch:
        return
    arrivals = await route(db, batch)
    await queue.forget(db, _addressless(batch, arrivals))
    if not arrivals:
        return
    shown, aside = await screening.sort(db, arrivals)
    placed = await threads.place(db, shown) if shown else Placed([], [])
    blocked = [each.arrival for each in aside]
    await messages.add(db, [*shown, *blocked], [*placed.threads, *(ids.new() for _ in blocked)])
    if shown:
        await inboxes.count(db, shown, Counter(placed.begun_in))
        await usage.meter(db, [metered(arrival) for arrival in shown])
    told = [received(arrival, thread) for arrival, thread in zip(shown, placed.threads, strict=True)]
    await events.record(db, [*told, *map(screening.told, aside)])


async def route(db: Connection, batch: Sequence[ReadMail]) -> list[Arrival]:
    """Return one arrival for each inbox of each mail, with the inboxes locked.

    An inbox that was deleted after the `250` still gets its mail, as it was promised; one that was erased cannot.
    """
    reached = [(read.mail.account_id, inbox) for read in batch for _, inbox in read.mail.recipients]
    pods = await inboxes.lock(db, reached)
    return [
        _arrival(read, address, inbox, pods[inbox])
        for read in batch
        for address, inbox in read.mail.recipients
        if inbox in pods
    ]


def _addressless(batch: Sequence[ReadMail], arrivals: Sequence[Arrival]) -> list[QueuedMail]:
    arrived = {(arrival.account_id, arrival.raw_id) for arrival in arrivals}
    return [read.mail for read in batch if (read.mail.account_id, read.mail.id) not in arrived]


def _arrival(read: ReadMail, address: str, inbox_id: UUID, pod_id: UUID | None) -> Arrival:
    mail = read.mail
    return Arrival(
        id=ids.new(),
        account_id=mail.account_id,
        pod_id=pod_id,
        inbox_id=inbox_id,
        raw_id=mail.id,
        mail_from=mail.mail_from,
        rcpt_to=address,
        label=screening.label_of(address),
        size=mail.size,
        received_at=mail.received_at,
        content=read.content,
    )


def metered(arrival: Arrival) -> Received:
    """Return what an arrival counts for."""
    return Received(arrival.account_id, arrival.pod_id, arrival.inbox_id, arrival.received_at.date(), arrival.size)


def received(arrival: Arrival, thread: UUID) -> NewEvent:
    """Return the event that tells of an arrival."""
    data = {
        "message": {
            "id": ids.show(ids.Kind.MESSAGE, arrival.id),
            "inbox_id": ids.show(ids.Kind.INBOX, arrival.inbox_id),
            "thread_id": ids.show(ids.Kind.THREAD, thread),
            "from_address": arrival.content.from_address,
            "subject": arrival.content.subject,
            "preview": arrival.content.preview,
        }
    }
    return NewEvent(
        account_id=arrival.account_id,
        event=EventType.MESSAGE_RECEIVED,
        data=msgspec.json.encode(data).decode(),
        pod_id=arrival.pod_id,
        inbox_id=arrival.inbox_id,
        at=arrival.received_at,
    )
