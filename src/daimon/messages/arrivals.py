"""Writing arrived mails: one row a mail and inbox, and their contents once per account."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from daimon.db.engine import Connection
from daimon.inboxes.arrival import Arrival

_encode = msgspec.json.Encoder().encode


async def add(db: Connection, arrivals: Sequence[Arrival], threads: Sequence[UUID]) -> None:
    """Insert the messages, each in its thread, and what was read out of each mail.

    What is blocked counts as deleted, and is erased sooner; the id of its thread is nobody's yet.
    """
    mails = list({(a.account_id, a.raw_id): a for a in arrivals}.values())
    contents = [a.content for a in arrivals]
    await db.execute(
        """
        with contents as (
            insert into mail_contents (account_id, id, summary, detail, authentication)
            select * from unnest($19::uuid[], $20::uuid[], $21::json[], $22::json[], $23::json[])
        )
        insert into messages (account_id, id, inbox_id, pod_id, thread_id, raw_id, mail_from, rcpt_to, labels,
                              from_address, from_name, subject, message_id, preview, has_code, size, sent_at,
                              received_at, direction, status, blocked_at, deleted_at)
        select account_id, id, inbox_id, pod_id, thread_id, raw_id, mail_from, rcpt_to,
               array_remove(array[label, case when blocked then 'blocked' end], null), from_address, from_name, subject,
               message_id, preview, has_code, size, sent_at, received_at, 'inbound',
               case when blocked then 'blocked' else 'received' end, case when blocked then received_at end,
               case when blocked then received_at end
        from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[],
                    $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bool[],
                    $16::int[], $17::timestamptz[], $18::timestamptz[], $24::bool[])
            as n (account_id, id, inbox_id, pod_id, thread_id, raw_id, mail_from, rcpt_to, label, from_address,
                  from_name, subject, message_id, preview, has_code, size, sent_at, received_at, blocked)
        """,
        [a.account_id for a in arrivals], [a.id for a in arrivals], [a.inbox_id for a in arrivals],
        [a.pod_id for a in arrivals], threads, [a.raw_id for a in arrivals], [a.mail_from for a in arrivals],
        [a.rcpt_to for a in arrivals], [a.label for a in arrivals], [c.from_address for c in contents],
        [c.from_name for c in contents], [c.subject for c in contents], [c.message_id for c in contents],
        [c.preview for c in contents], [c.has_code for c in contents], [a.size for a in arrivals],
        [c.sent_at for c in contents], [a.received_at for a in arrivals],
        [a.account_id for a in mails], [a.raw_id for a in mails], [a.content.summary for a in mails],
        [a.content.detail for a in mails], [_results(a) for a in mails], [a.blocked for a in arrivals],
    )  # fmt: skip


def _results(arrival: Arrival) -> str | None:
    return _encode(arrival.authentication).decode() if arrival.authentication else None
