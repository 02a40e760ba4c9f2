"""Writing the trail.

The order of locks is the same in every transaction: the row of the account's event sequence first (events.record),
the row of its chain of audit rows after it (Trail.record). So record events first, then the trail, and nothing after
it: both rows stay locked until the commit, which is what makes their numbers visible in order. HTTP handlers do not
call Trail.record: they set `request.change`, and the application records it when they are done. Several accounts in
one transaction are locked in order of their ids, so that two batches cannot wait for each other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec

from daimon.audit.chain import HEAD_COLUMNS, Chain, head_of
from daimon.audit.models import Entry, Head, Row
from daimon.db.engine import Connection
from daimon.kit import ids

_encode = msgspec.json.Encoder(order="sorted").encode


class Trail:
    """Appends to the trails of accounts. `secret` is the server's secret key."""

    def __init__(self, secret: bytes) -> None:
        self.chain = Chain(secret)

    async def record(self, db: Connection, entries: Sequence[Entry]) -> None:
        """Append entries to their accounts' trails, in the caller's transaction: two statements for any number."""
        if len(entries) == 1:
            await self._record_one(db, entries[0])
        elif entries:
            await self._record_many(db, entries)

    async def _record_one(self, db: Connection, entry: Entry) -> None:
        """Append one entry. A change has just one, and its account is locked meanwhile: this takes half the time."""
        row, head = self._next(await _advance_one(db, entry), entry)
        await db.execute(
            """
            with ends as (update audit_chains set hash = $16, seal = $17 where account_id = $1)
            insert into audit (account_id, number, id, at, actor, key_id, member_id, ip, request_id, action, target,
                               pod_id, inbox_id, before, after, hash)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
            """,
            row.account_id, row.number, row.id, row.at, row.actor, row.key_id, row.member_id, row.ip, row.request_id,
            row.action, row.target, row.pod_id, row.inbox_id, row.before, row.after, row.hash, self.chain.seal(head),
        )  # fmt: skip

    async def _record_many(self, db: Connection, entries: Sequence[Entry]) -> None:
        heads = await _advance(db, entries)
        rows = []
        for entry in entries:
            row, heads[entry.account_id] = self._next(heads[entry.account_id], entry)
            rows.append(row)
        await self._append(db, rows, heads.values())

    def _next(self, head: Head, entry: Entry) -> tuple[Row, Head]:
        unsigned = _row(entry, head.number + 1)
        row = replace(unsigned, hash=self.chain.hash(head.hash, unsigned))
        return row, replace(head, number=row.number, hash=row.hash)

    async def _append(self, db: Connection, rows: Sequence[Row], heads: Iterable[Head]) -> None:
        ends = list(heads)
        await db.execute(
            """
            with ends as (
                update audit_chains c set hash = e.hash, seal = e.seal
                from unnest($17::uuid[], $18::bytea[], $19::bytea[]) e (account_id, hash, seal)
                where c.account_id = e.account_id
            )
            insert into audit (account_id, number, id, at, actor, key_id, member_id, ip, request_id, action, target,
                               pod_id, inbox_id, before, after, hash)
            select * from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::timestamptz[], $5::text[], $6::uuid[],
                                 $7::uuid[], $8::text[], $9::text[], $10::text[], $11::text[], $12::uuid[],
                                 $13::uuid[], $14::json[], $15::json[], $16::bytea[])
            """,
            [row.account_id for row in rows], [row.number for row in rows], [row.id for row in rows],
            [row.at for row in rows], [row.actor for row in rows], [row.key_id for row in rows],
            [row.member_id for row in rows], [row.ip for row in rows], [row.request_id for row in rows],
            [row.action for row in rows], [row.target for row in rows], [row.pod_id for row in rows],
            [row.inbox_id for row in rows], [row.before for row in rows], [row.after for row in rows],
            [row.hash for row in rows],
            [end.account_id for end in ends], [end.hash for end in ends], [self.chain.seal(end) for end in ends],
        )  # fmt: skip


async def _advance_one(db: Connection, entry: Entry) -> Head:
    """Lock the chain of an account, take a number for an entry, and return where the chain ended before."""
    record = await db.fetchrow(
        f"""
        insert into audit_chains as c (account_id, number, hash, seal, oldest_at)
        values ($1, 1, ''::bytea, ''::bytea, $2)
        on conflict (account_id) do update set number = c.number + 1, oldest_at = coalesce(c.oldest_at, $2)
        returning {HEAD_COLUMNS}
        """,
        entry.account_id,
        entry.at,
    )
    assert record is not None
    head = head_of(record)
    return replace(head, number=head.number - 1)


async def _advance(db: Connection, entries: Sequence[Entry]) -> dict[UUID, Head]:
    """Lock the chain of each account, take numbers for its entries, and return where each chain ended before."""
    records = await db.fetch(
        f"""
        insert into audit_chains as c (account_id, number, hash, seal, oldest_at)
        select account_id, count(*), ''::bytea, ''::bytea, min(at)
        from unnest($1::uuid[], $2::timestamptz[]) as n (account_id, at)
        group by account_id order by account_id
        on conflict (account_id) do update
            set number = c.number + excluded.number, oldest_at = coalesce(c.oldest_at, excluded.oldest_at)
        returning {HEAD_COLUMNS}
        """,
        [entry.account_id for entry in entries],
        [entry.at for entry in entries],
    )
    taken: dict[UUID, int] = {}
    for entry in entries:
        taken[entry.account_id] = taken.get(entry.account_id, 0) + 1
    return {
        head.account_id: replace(head, number=head.number - taken[head.account_id]) for head in map(head_of, records)
    }


def _row(entry: Entry, number: int) -> Row:
    actor, change = entry.actor, entry.change
    return Row(
        account_id=entry.account_id,
        number=number,
        id=ids.new(),
        at=entry.at,
        actor=actor.kind.value,
        key_id=actor.key_id,
        member_id=actor.member_id,
        ip=actor.ip,
        request_id=actor.request_id,
        action=entry.action,
        target=change.target,
        pod_id=change.pod_id,
        inbox_id=change.inbox_id,
        before=_json(change.before),
        after=_json(change.after),
        hash=b"",
    )


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else _encode(value).decode()
