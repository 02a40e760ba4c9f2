"""Which worker sends to a webhook: a lease on its row, by the database's clock.

While a worker holds a lease, nobody else sends first attempts or retries. A worker that dies loses its leases after
LEASE_SECONDS; whoever takes one then goes on behind the cursor, and may send again what was sent and not written down.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from daimon.db.engine import Connection, Record
from daimon.webhooks.models import WebhookStatus

LEASE_SECONDS = 10
Name = tuple[UUID, UUID]  # account and webhook

_COLUMNS = """w.account_id, w.id, w.pod_id, w.inbox_id, w.url, w.events, w.secret, w.previous_secret, w.previous_until,
    w.status, w.failure_count, w.not_before, w.wake_at, w.cursor"""
# A lease that ends later than any lease may was given by a clock that has been put back since.
_FREE = """(w.leased_until is null or w.leased_until < clock_timestamp()
    or w.leased_until > clock_timestamp() + interval '1 minute')"""
# One that is left alone is woken when that ends.
_MAY_BE_TOLD = f"w.status <> 'disabled' and {_FREE} and (w.not_before is null or w.not_before <= clock_timestamp())"
_UNTIL = f"clock_timestamp() + interval '{LEASE_SECONDS} seconds'"


class Leased(msgspec.Struct, frozen=True):
    """A webhook as the worker that sends to it needs it. The secrets are sealed."""

    account_id: UUID
    id: UUID
    pod_id: UUID | None
    inbox_id: UUID | None
    url: str
    events: tuple[str, ...]
    secret: bytes
    previous_secret: bytes | None
    previous_until: datetime | None
    status: WebhookStatus
    failure_count: int
    not_before: datetime | None
    wake_at: datetime | None  # another one than at the last look: somebody wants that we look
    cursor: int

    @property
    def name(self) -> Name:
        """Return what tells it from all others."""
        return self.account_id, self.id


@dataclass(frozen=True, slots=True)
class Place:
    """How far the sequence of an account with webhooks goes at present, from where it was looked at last."""

    account_id: UUID
    after: int
    last: int


async def places(db: Connection, known: Mapping[UUID, int | None]) -> list[Place]:
    """Return where to look in the accounts that have webhooks: with nothing known, at their last 100 events."""
    rows = await db.fetch(
        """
        select s.account_id, coalesce(k.after, greatest(s.last - 100, 0)) as after, s.last
        from unnest($1::uuid[], $2::bigint[]) as k (account_id, after)
        join event_sequences s on s.account_id = k.account_id
        where exists (select from webhooks w where w.account_id = k.account_id)
        """,
        list(known), list(known.values()),
    )  # fmt: skip
    return [Place(row["account_id"], row["after"], row["last"]) for row in rows]


async def concerned(db: Connection, looked: Sequence[Place]) -> list[Name]:
    """Return the free webhooks that the events at these places may concern.

    They are found by whose they are: the account's own, those of the events' pods, those for the events' inboxes. What
    an account has of others costs nothing.
    """
    rows = await db.fetch(
        f"""
        select p.account_id, w.id from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as p (account_id, after, last)
        cross join lateral (
            select array_agg(distinct e.pod_id) as pods, array_agg(distinct e.inbox_id) as inboxes from (
                select e.pod_id, e.inbox_id from events e
                where e.account_id = p.account_id and e.sequence > p.after and e.sequence <= p.last
                order by e.account_id, e.sequence desc limit 1000
            ) e
        ) h
        cross join lateral (
            select w.* from webhooks w where w.account_id = p.account_id and w.pod_id is null and w.inbox_id is null
            union all
            select w.* from webhooks w where w.account_id = p.account_id and w.pod_id = any(h.pods)
            union all
            select w.* from webhooks w
            where w.account_id = p.account_id and w.inbox_id = any(h.inboxes) and w.pod_id is null
        ) w
        where {_MAY_BE_TOLD}
        """,
        [p.account_id for p in looked], [p.after for p in looked], [p.last for p in looked],
    )  # fmt: skip
    return [(row["account_id"], row["id"]) for row in rows]


async def to_wake(db: Connection, *, limit: int) -> list[Name]:
    """Return free webhooks whose time has come: a retry or a probe is due, or their worker died."""
    rows = await db.fetch(
        f"""
        select w.account_id, w.id from webhooks w
        where w.wake_at <= clock_timestamp() and w.status <> 'disabled' and {_FREE}
        order by w.wake_at limit $1
        """,
        limit,
    )
    return [(row["account_id"], row["id"]) for row in rows]


async def behind(db: Connection, after: Name, *, limit: int) -> tuple[list[Name], Name | None]:
    """Walk all webhooks: return free ones with events behind their cursor, and where to go on; None at the end."""
    rows = await db.fetch(
        f"""
        select w.account_id, w.id, {_MAY_BE_TOLD} and w.cursor < s.last as behind
        from (
            select * from webhooks w where (w.account_id, w.id) > ($1, $2) order by w.account_id, w.id limit $3
        ) w left join event_sequences s on s.account_id = w.account_id
        order by w.account_id, w.id
        """,
        *after, limit,
    )  # fmt: skip
    names = [(row["account_id"], row["id"]) for row in rows if row["behind"]]
    return names, (rows[-1]["account_id"], rows[-1]["id"]) if len(rows) == limit else None


async def lease(db: Connection, worker: UUID, names: Sequence[Name]) -> list[Leased]:
    """Lease those of the webhooks that are free and enabled; what another worker takes just now is left to it."""
    rows = await db.fetch(
        f"""
        with free as (
            select w.account_id, w.id from webhooks w
            join unnest($2::uuid[], $3::uuid[]) as n (account_id, id) on n.account_id = w.account_id and n.id = w.id
            where w.status <> 'disabled' and {_FREE}
            order by w.account_id, w.id for no key update of w skip locked
        )
        update webhooks w set leased_by = $1, leased_until = {_UNTIL}, wake_at = clock_timestamp()
        from free f where w.account_id = f.account_id and w.id = f.id
        returning {_COLUMNS}
        """,
        worker, [name[0] for name in names], [name[1] for name in names],
    )  # fmt: skip
    return [leased_of(row) for row in rows]


async def renew(db: Connection, worker: UUID, cursors: Mapping[Name, int]) -> dict[Name, Leased]:
    """Prolong leases, write how far they came, and return those that are still held, as they are now."""
    rows = await db.fetch(
        f"""
        with held as (
            select w.account_id, w.id, n.cursor from webhooks w
            join unnest($2::uuid[], $3::uuid[], $4::bigint[]) as n (account_id, id, cursor)
                on n.account_id = w.account_id and n.id = w.id
            where w.leased_by = $1
            order by w.account_id, w.id for no key update of w
        )
        update webhooks w set leased_until = {_UNTIL}, cursor = greatest(w.cursor, h.cursor)
        from held h where w.account_id = h.account_id and w.id = h.id
        returning {_COLUMNS}
        """,
        worker, *_columns(cursors), list(cursors.values()),
    )  # fmt: skip
    return {leased.name: leased for leased in map(leased_of, rows)}


@dataclass(frozen=True, slots=True)
class Left:
    """How a webhook is left: how far it came, until when its endpoint is left alone, and when somebody is to look."""

    name: Name
    cursor: int
    not_before: datetime | None
    wake_at: datetime | None
    woken_at: datetime | None  # what we saw last; if it is another now, somebody wants that one looks again


async def release(db: Connection, worker: UUID, left: Sequence[Left]) -> list[Name]:
    """Give leases back; return those of webhooks that have something to be told by now."""
    rows = await db.fetch(
        """
        with held as (
            select w.account_id, w.id, n.cursor, n.not_before, n.wake_at, n.woken_at from webhooks w
            join unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::timestamptz[], $6::timestamptz[],
                        $7::timestamptz[]) as n (account_id, id, cursor, not_before, wake_at, woken_at)
                on n.account_id = w.account_id and n.id = w.id
            where w.leased_by = $1
            order by w.account_id, w.id for no key update of w
        )
        update webhooks w set leased_by = null, leased_until = null, cursor = greatest(w.cursor, h.cursor),
            not_before = h.not_before,
            wake_at = case when w.wake_at is distinct from h.woken_at then w.wake_at else h.wake_at end
        from held h left join event_sequences s on s.account_id = h.account_id
        where w.account_id = h.account_id and w.id = h.id
        returning w.account_id, w.id, h.wake_at is null and s.last > w.cursor as behind
        """,
        worker, *_columns(each.name for each in left), [each.cursor for each in left],
        [each.not_before for each in left], [each.wake_at for each in left],
        [each.woken_at for each in left],
    )  # fmt: skip
    return [(row["account_id"], row["id"]) for row in rows if row["behind"]]


def _columns(names: Iterable[Name]) -> tuple[list[UUID], list[UUID]]:
    named = list(names)
    return [name[0] for name in named], [name[1] for name in named]


def leased_of(row: Record) -> Leased:
    """Return the webhook in a row."""
    return Leased(
        account_id=row["account_id"],
        id=row["id"],
        pod_id=row["pod_id"],
        inbox_id=row["inbox_id"],
        url=row["url"],
        events=tuple(row["events"]),
        secret=row["secret"],
        previous_secret=row["previous_secret"],
        previous_until=row["previous_until"],
        status=WebhookStatus(row["status"]),
        failure_count=row["failure_count"],
        not_before=row["not_before"],
        wake_at=row["wake_at"],
        cursor=row["cursor"],
    )
