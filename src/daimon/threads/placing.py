"""Which thread an arriving mail belongs to, for a whole batch at once.

By `References`, `In-Reply-To` and `Message-ID`; by subject only where a reply lost them and its author took part in
the thread. Called with the inboxes locked, so that a reply and the mail it answers cannot begin two threads.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import msgspec

from daimon.db.engine import Connection
from daimon.inboxes.arrival import Arrival
from daimon.kit import ids
from daimon.threads.labels import MAX_LABELS

SUBJECT_WINDOW = timedelta(days=30)
MAX_PARTICIPANTS = 50

_Ref = tuple[UUID, bytes]  # inbox, key of a Message-ID


@dataclass(slots=True)
class _Placing:
    """What is known while a batch is placed: from the database first, then from the batch itself."""

    by_ref: dict[_Ref, UUID] = field(default_factory=dict)
    by_subject: dict[tuple[UUID, bytes], list[tuple[UUID, frozenset[str]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    deleted: set[UUID] = field(default_factory=set)
    begun: list[tuple[UUID, UUID]] = field(default_factory=list)  # inbox, thread
    refs: dict[_Ref, tuple[UUID, UUID]] = field(default_factory=dict)  # new references: account, thread


@dataclass(frozen=True, slots=True)
class Placed:
    """The thread of each arrival, in order, and the inboxes in which threads began."""

    threads: list[UUID]
    begun_in: list[UUID]


async def place(db: Connection, arrivals: Sequence[Arrival], *, begins: bool = False) -> Placed:
    """Give each arrival its thread and write threads and references.

    `begins` is for mails of inboxes' own that refer to nothing, and whose Message-IDs nobody can know yet.
    """
    known = _Placing()
    if not begins:
        await _recall_refs(db, arrivals, known)
    await _recall_subjects(db, [a for a in arrivals if _lost_its_references(a)], known)
    threads = [_thread_of(arrival, known) for arrival in arrivals]
    await _write(db, arrivals, threads, known)
    return Placed(threads, [inbox for inbox, _ in known.begun])


async def bind(db: Connection, bound: Sequence[tuple[Arrival, UUID]]) -> None:
    """Tie mails that are about to be placed to threads of their inboxes, whatever they refer to."""
    if bound:
        await db.execute(
            """
            insert into thread_refs (account_id, inbox_id, ref, thread_id)
            select * from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::uuid[]) order by 1, 2, 3
            on conflict do nothing
            """,
            [mail.account_id for mail, _ in bound], [mail.inbox_id for mail, _ in bound],
            [mail.content.own_ref for mail, _ in bound], [thread for _, thread in bound],
        )  # fmt: skip


def _lost_its_references(arrival: Arrival) -> bool:
    return arrival.content.is_reply and not arrival.content.refs and bool(arrival.content.from_address)


def _author_of(arrival: Arrival) -> str:
    return (arrival.content.from_address or "").lower()  # as participants are written


def _keys_of(arrival: Arrival) -> list[bytes]:
    own = arrival.content.own_ref
    return [*arrival.content.refs, *([own] if own else [])]


async def _recall_refs(db: Connection, arrivals: Sequence[Arrival], known: _Placing) -> None:
    wanted = list({(a.account_id, a.inbox_id, key) for a in arrivals for key in _keys_of(a)})
    if not wanted:
        return
    rows = await db.fetch(
        """
        select r.inbox_id, r.ref, r.thread_id, t.deleted_at is not null as deleted
        from unnest($1::uuid[], $2::uuid[], $3::bytea[]) as n (account_id, inbox_id, ref)
        join thread_refs r on r.account_id = n.account_id and r.inbox_id = n.inbox_id and r.ref = n.ref
        join threads t on t.account_id = r.account_id and t.id = r.thread_id
        """,
        *zip(*wanted, strict=True),
    )
    for row in rows:
        known.by_ref[row["inbox_id"], row["ref"]] = row["thread_id"]
        if row["deleted"]:
            known.deleted.add(row["thread_id"])


async def _recall_subjects(db: Connection, lost: Sequence[Arrival], known: _Placing) -> None:
    if not lost:
        return
    rows = await db.fetch(
        """
        select t.inbox_id, t.subject_key, t.id, n.from_address
        from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::text[], $5::timestamptz[])
            as n (account_id, inbox_id, subject_key, from_address, since)
        cross join lateral (
            select * from threads t
            where t.account_id = n.account_id and t.inbox_id = n.inbox_id and t.subject_key = n.subject_key
                and t.participants @> array[n.from_address] and t.last_message_at > n.since and t.deleted_at is null
            order by t.last_message_at desc limit 1
        ) t
        """,
        [a.account_id for a in lost], [a.inbox_id for a in lost], [a.content.subject_key for a in lost],
        [_author_of(a) for a in lost], [a.received_at - SUBJECT_WINDOW for a in lost],
    )  # fmt: skip
    for row in rows:
        known.by_subject[row["inbox_id"], row["subject_key"]].append((row["id"], frozenset([row["from_address"]])))


def _thread_of(arrival: Arrival, known: _Placing) -> UUID:
    inbox, content = arrival.inbox_id, arrival.content
    keys = _keys_of(arrival)
    thread = next((known.by_ref[inbox, key] for key in keys if (inbox, key) in known.by_ref), None)
    if thread is None and _lost_its_references(arrival):
        thread = _by_subject(arrival, known)
    if thread is None:
        thread = ids.new()
        known.begun.append((inbox, thread))
    elif thread in known.deleted:  # an answer brings a deleted thread back, without the messages deleted with it
        known.deleted.remove(thread)
        known.begun.append((inbox, thread))
    known.by_subject[inbox, content.subject_key].append((thread, frozenset(content.participants)))
    for key in keys:
        if (inbox, key) not in known.by_ref:
            known.by_ref[inbox, key] = thread
            known.refs[inbox, key] = (arrival.account_id, thread)
    return thread


def _by_subject(arrival: Arrival, known: _Placing) -> UUID | None:
    candidates = known.by_subject[arrival.inbox_id, arrival.content.subject_key]
    return next((thread for thread, people in reversed(candidates) if _author_of(arrival) in people), None)


async def _write(db: Connection, arrivals: Sequence[Arrival], threads: Sequence[UUID], known: _Placing) -> None:
    """Write threads and references, in one statement: for a batch of one mail, round trips are what costs."""
    together: dict[UUID, list[Arrival]] = {}
    for arrival, thread in zip(arrivals, threads, strict=True):
        together.setdefault(thread, []).append(arrival)
    ordered = sorted(together.items(), key=lambda item: (item[1][0].account_id, item[0]))
    rows = [_row(thread, mails) for thread, mails in ordered]
    await db.execute(
        """
        with refs as (
            insert into thread_refs (account_id, inbox_id, ref, thread_id)
            select * from unnest($15::uuid[], $16::uuid[], $17::bytea[], $18::uuid[]) on conflict do nothing
        )
        insert into threads as t (account_id, id, inbox_id, subject, subject_key, participants, labels, message_count,
                                  unread_count, preview, last_message_at, created_at, updated_at)
        select account_id, id, inbox_id, subject, subject_key, array(select json_array_elements_text(participants)),
               array(select json_array_elements_text(labels)), mails, unread, preview, newest, oldest, newest
        from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bytea[], $6::json[], $7::json[], $8::int[],
                    $9::int[], $10::text[], $11::timestamptz[], $12::timestamptz[])
            as n (account_id, id, inbox_id, subject, subject_key, participants, labels, mails, unread, preview, newest,
                  oldest)
        on conflict (account_id, id) do update set
            message_count = t.message_count + excluded.message_count,
            unread_count = t.unread_count + excluded.unread_count,
            participants = (t.participants || array(
                select unnest(excluded.participants) except select unnest(t.participants)))[:$13],
            labels = (t.labels || array(
                select unnest(excluded.labels) except select unnest(t.labels)))[:$14],
            preview = excluded.preview,
            last_message_at = greatest(t.last_message_at, excluded.last_message_at),
            updated_at = excluded.updated_at,
            deleted_at = null
        """,
        *zip(*rows, strict=True), MAX_PARTICIPANTS, MAX_LABELS, *_refs(known),
    )  # fmt: skip


def _row(thread: UUID, mails: Sequence[Arrival]) -> tuple[object, ...]:
    first, last = mails[0], mails[-1]
    participants = list(dict.fromkeys(p for mail in mails for p in mail.content.participants))[:MAX_PARTICIPANTS]
    labels = list(dict.fromkeys(mail.label for mail in mails if mail.label))[:MAX_LABELS]
    return (
        first.account_id, thread, first.inbox_id, first.content.subject, first.content.subject_key,
        _json(participants), _json(labels), len(mails), sum(mail.unread for mail in mails), last.content.preview,
        last.received_at, first.received_at,
    )  # fmt: skip


def _refs(known: _Placing) -> list[tuple[object, ...]]:
    """Return the columns of the new references: accounts, inboxes, keys, threads."""
    rows = sorted((account, inbox, key, thread) for (inbox, key), (account, thread) in known.refs.items())
    return [tuple(column) for column in zip(*rows, strict=True)] or [(), (), (), ()]


def _json(values: Sequence[str]) -> str:
    return msgspec.json.encode(values).decode()
