"""How recipients stand, and every attempt with them. Whoever writes holds the messages first, and so sees what is."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from daimon.db.engine import Connection
from daimon.outbound.models import STATUS_ORDER, Attempt
from daimon.outbound.return_path import Sent


class Written(NamedTuple):
    """An attempt to be written down; its outcome is how the recipient stands from then on."""

    account_id: UUID
    delivery_id: UUID
    attempt: Attempt


async def hold(db: Connection, messages: Sequence[Sent]) -> dict[UUID, UUID | None]:
    """Lock messages, in one order, and return the pod of each inbox that they were sent from."""
    if not messages:
        return {}
    rows = await db.fetch(
        """
        select i.id, i.pod_id from unnest($1::uuid[], $2::uuid[]) as n (account_id, id)
        join messages m on m.account_id = n.account_id and m.id = n.id
        join inboxes i on i.account_id = m.account_id and i.id = m.inbox_id
        order by m.account_id, m.id for no key update of m
        """,
        [each.account_id for each in messages],
        [each.message_id for each in messages],
    )
    return {row["id"]: row["pod_id"] for row in rows}


async def write(db: Connection, written: Sequence[Written]) -> tuple[set[UUID], set[UUID]]:
    """Write attempts and states of deliveries.

    Returns the deliveries whose first attempt it was, and the messages that nobody had got before.
    """
    if not written:
        return set(), set()
    rows = await db.fetch(
        """
        update deliveries d set status = n.status, attempts = d.attempts || n.attempt, next_attempt_at = n.next,
            updated_at = n.at
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[], $5::timestamptz[], $6::timestamptz[])
            as n (account_id, id, status, attempt, next, at)
        where d.account_id = n.account_id and d.id = n.id
        returning d.id, jsonb_array_length(d.attempts) = 1 as first, d.message_id, not exists (
            select from deliveries o where o.account_id = d.account_id and o.message_id = d.message_id
                and o.status in ('sent', 'delivered')) as unsent
        """,
        [each.account_id for each in written],
        [each.delivery_id for each in written],
        [each.attempt.outcome for each in written],
        [msgspec.json.encode(each.attempt).decode() for each in written],
        [each.attempt.next_attempt_at for each in written],
        [each.attempt.at for each in written],
    )
    first = {row["id"] for row in rows if row["first"]}
    return first, {row["message_id"] for row in rows if row["unsent"]}


async def show(db: Connection, messages: Sequence[Sent]) -> None:
    """Show in each message the state that counts the most among its recipients'."""
    if not messages:
        return
    ordered = sorted(set(messages))
    await db.execute(
        """
        update messages m set status = s.status from (
            select n.account_id, n.id, (array_agg(d.status order by array_position($3::text[], d.status)))[1] as status
            from unnest($1::uuid[], $2::uuid[]) as n (account_id, id)
            join deliveries d on d.account_id = n.account_id and d.message_id = n.id group by 1, 2
        ) s where m.account_id = s.account_id and m.id = s.id and m.status <> s.status
        """,
        [each.account_id for each in ordered],
        [each.message_id for each in ordered],
        list(STATUS_ORDER),
    )
