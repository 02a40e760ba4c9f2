"""A mail arriving in an inbox, or sent from one: what every domain that it touches needs to know of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from daimon.db.engine import Connection
from daimon.mail.arc_chain import NO_CHAIN, Chain
from daimon.mail.auth_results import AuthResults
from daimon.mail.dkim_signature import Signature
from daimon.mail.parsed import Report


class Understood(msgspec.Struct, frozen=True):
    """What was read out of a mail's octets. It is made in another process, so it is plain data.

    `refs` are the keys of the Message-IDs it answers, the nearest first; `own_ref` is its own.
    `summary` and `detail` are JSON, as they are stored in `mail_contents`. `authors` are the domains in From, as
    A-labels, "" for what is none; `signatures` is None if nobody looked for them, nor for the `chain` of ARC.
    """

    subject: str
    subject_key: bytes
    is_reply: bool
    from_address: str | None
    from_name: str | None
    participants: tuple[str, ...]
    message_id: str | None
    own_ref: bytes | None
    refs: tuple[bytes, ...]
    preview: str
    has_code: bool
    sent_at: datetime | None
    summary: str
    detail: str
    report: Report | None = None  # what the mail says about an earlier one
    authors: tuple[str, ...] = ()
    signatures: tuple[Signature, ...] | None = None
    chain: Chain = NO_CHAIN


@dataclass(frozen=True, slots=True)
class Arrival:
    """One mail in one inbox: it becomes one row of `messages`."""

    id: UUID
    account_id: UUID
    pod_id: UUID | None
    inbox_id: UUID
    raw_id: UUID
    mail_from: str | None
    rcpt_to: str
    label: str | None  # the tag of `user+tag@`
    size: int
    received_at: datetime
    content: Understood
    unread: bool = True  # False: a mail that the inbox itself sent
    authentication: AuthResults | None = None  # None: it was not looked at
    blocked: bool = False  # by a rule: it is kept aside until it is released


class Held(NamedTuple):
    """What cannot change about a locked inbox."""

    pod_id: UUID | None
    status: str


async def lock(db: Connection, inboxes: Sequence[tuple[UUID, UUID]]) -> dict[UUID, Held]:
    """Lock inboxes, given as (account, inbox), and return those that exist.

    Whoever changes what is in an inbox locks it first, so its messages become visible in the order of their ids.
    Rows are locked in order of id: two batches cannot wait for each other.
    """
    accounts, ids = zip(*sorted(set(inboxes)), strict=True)
    rows = await db.fetch(
        """
        select i.id, i.pod_id, i.status from inboxes i
        join unnest($1::uuid[], $2::uuid[]) as n (account_id, id) on i.account_id = n.account_id and i.id = n.id
        order by i.account_id, i.id for no key update of i
        """,
        accounts,
        ids,
    )
    return {row["id"]: Held(row["pod_id"], row["status"]) for row in rows}


async def count(db: Connection, arrivals: Sequence[Arrival], new_threads: Counter[UUID]) -> None:
    """Add arrived mails, and the threads that began with them, to their inboxes' counters."""
    mails = Counter((a.account_id, a.inbox_id) for a in arrivals)
    newest = {a.inbox_id: a.received_at for a in sorted(arrivals, key=lambda a: a.received_at)}
    await db.execute(
        """
        update inboxes i set
            message_count = message_count + n.mails, unread_count = unread_count + n.mails,
            thread_count = thread_count + n.threads, last_received_at = greatest(last_received_at, n.newest)
        from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::timestamptz[])
            as n (account_id, inbox_id, mails, threads, newest)
        where i.account_id = n.account_id and i.id = n.inbox_id
        """,
        [account for account, _ in mails], [inbox for _, inbox in mails], list(mails.values()),
        [new_threads[inbox] for _, inbox in mails], [newest[inbox] for _, inbox in mails],
    )  # fmt: skip
