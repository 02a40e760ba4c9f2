"""From accepted to shown: a table of contents. What a batch takes, it shows in one transaction, or leaves as it was."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import msgspec

from daimon.db.engine import Connection
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.inbound import queue, returned, screening, undeliverable
from daimon.inbound.models import ReadMail
from daimon.inboxes import arrival as inboxes
from daimon.inboxes.arrival import Arrival
from daimon.kit import ids
from daimon.messages import arrivals as messages
from daimon.outbound import guard, reports
from daimon.outbound.reports import Reported
from daimon.quotas import usage
from daimon.quotas.usage import Used
from daimon.threads import placing as threads
from daimon.threads.placing import Placed


async def show(db: Connection, batch: Sequence[ReadMail]) -> None:
    """Make mails visible: messages, threads, counters, usage and events, in the caller's transaction.

    The order of the steps is the order of the locks (inbox, thread, usage, sequence), the same in every transaction.
    """
    if not batch:
        return
    batch, reported = await returned.sort(db, batch)
    arrivals = await route(db, batch, reported)
    unplaced = _addressless(batch, arrivals)
    await queue.forget(db, [read.mail for read in unplaced])
    await undeliverable.tell_senders(db, unplaced)
    told = await reports.take(db, reported)
    if arrivals:
        shown, aside = await screening.sort(db, arrivals)
        placed = await threads.place(db, shown) if shown else Placed([], [])
        blocked = [each.arrival for each in aside]
        await messages.add(db, [*shown, *blocked], [*placed.threads, *(ids.new() for _ in blocked)])
        if shown:
            await inboxes.count(db, shown, Counter(placed.begun_in))
        told.events.extend(received(arrival, thread) for arrival, thread in zip(shown, placed.threads, strict=True))
        told.events.extend(map(screening.told, aside))
        told.used.extend(map(metered, shown))
    if told.used:
        await usage.meter(db, told.used)
    if told.outcomes:
        await guard.count(db, told.outcomes, now=batch[0].mail.received_at)
    await events.record(db, told.events)


async def route(db: Connection, batch: Sequence[ReadMail], reported: Sequence[Reported] = ()) -> list[Arrival]:
    """Return one arrival for each inbox of each mail, with the inboxes locked, and those that reports are about.

    An inbox that was deleted after the `250` still gets its mail, as it was promised; one that was erased cannot.
    """
    reached = [(read.mail.account_id, inbox) for read in batch for _, inbox in read.mail.recipients]
    reached += [(each.origin.sent.account_id, each.origin.inbox_id) for each in reported]
    if not reached:
        return []
    held = await inboxes.lock(db, reached)
    return [
        _arrival(read, address, inbox, held[inbox].pod_id)
        for read in batch
        for address, inbox in read.mail.recipients
        if inbox in held
    ]


def _addressless(batch: Sequence[ReadMail], arrivals: Sequence[Arrival]) -> list[ReadMail]:
    arrived = {(arrival.account_id, arrival.raw_id) for arrival in arrivals}
    return [read for read in batch if (read.mail.account_id, read.mail.id) not in arrived]


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
        label=None if returned.is_return_path(address) else screening.label_of(address),
        size=mail.size,
        received_at=mail.received_at,
        content=read.content,
        authentication=read.authentication,
    )


def metered(arrival: Arrival) -> Used:
    """Return what an arrival counts for."""
    day = arrival.received_at.date()
    return Used(arrival.account_id, arrival.pod_id, arrival.inbox_id, day, received=1, stored_bytes=arrival.size)


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
