"""The abuse guard (contract §5): what is counted of an account's sends, and when somebody has to look at it.

Whoever counts only writes down that a bound was crossed, in the row that he counts in; `review` acts on it. So no
submission and no result waits for the account's own row, and the send that crosses is still taken.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from daimon.accounts import administration
from daimon.accounts.models import AccountStatus
from daimon.audit.models import SYSTEM, Change, Entry
from daimon.audit.service import Trail
from daimon.db.engine import Connection
from daimon.db.tag import rows_in
from daimon.kit.errors import NotFound, StateConflict
from daimon.kit.ids import Kind, show
from daimon.notices import service as notices

LAST = 100  # recipients, of which
MOST_BOUNCED = 10  # may have bounced
COMPLAINTS_FROM = 2  # one alone says nothing about few mails
COMPLAINT_SHARE = 0.001
WINDOW = timedelta(days=15)
MOST_OF_ONE_BODY = 50  # recipients in
BODY_WINDOW = timedelta(minutes=5)
_BODY_CHARS = 256 * 1024
_PERSONAL = re.compile(r"[\W\d_]+")  # what differs where only a name's number or a link's token does

_BOUNCES = f"more than {MOST_BOUNCED} of the last {LAST} recipients bounced"
_COMPLAINTS = f"more than {COMPLAINT_SHARE:.1%} of the recipients complained"
_FIGURES = "{bounced} of the last {recipients} bounced, {complaints} of {handed_over} complained"
_ONE_BODY = f"one text went to {MOST_OF_ONE_BODY} recipients within five minutes"


class Outcome(NamedTuple):
    """What became of one recipient outside of this server."""

    account_id: UUID
    bounced: bool = False
    complained: bool = False


async def count(db: Connection, outcomes: Iterable[Outcome], *, now: datetime) -> None:
    """Count what became of recipients, in one statement; accounts are written in order of id."""
    recent: defaultdict[UUID, str] = defaultdict(str)
    complaints: defaultdict[UUID, int] = defaultdict(int)
    for outcome in outcomes:
        if outcome.complained:
            complaints[outcome.account_id] += 1
        else:
            recent[outcome.account_id] += "1" if outcome.bounced else "0"
    accounts = sorted({*recent, *complaints})
    if not accounts:
        return
    await db.execute(
        f"""
        insert into send_health as h (account_id, recent, handed_over, complaints, since)
        select account_id, right(recent, {LAST}), length(replace(recent, '1', '')), complaints, $4
        from unnest($1::uuid[], $2::text[], $3::int[]) as n (account_id, recent, complaints)
        on conflict (account_id) do update set
            recent = right(h.recent || excluded.recent, {LAST}),
            handed_over = excluded.handed_over + case when {_TURNED} then 0 else h.handed_over end,
            complaints = excluded.complaints + case when {_TURNED} then 0 else h.complaints end,
            handed_over_before = case when {_TURNED} then h.handed_over else h.handed_over_before end,
            complaints_before = case when {_TURNED} then h.complaints else h.complaints_before end,
            since = case when {_TURNED} then $4 else h.since end
        """,
        accounts,
        [recent[account] for account in accounts],
        [complaints[account] for account in accounts],
        now,
    )
    await db.execute(
        f"""
        update send_health set crossed = case
            when length(replace(recent, '0', '')) > {MOST_BOUNCED} then $2
            else $3 end
        where account_id = any($1) and crossed is null and (
            length(replace(recent, '0', '')) > {MOST_BOUNCED}
            or (complaints + complaints_before >= {COMPLAINTS_FROM} and
                complaints + complaints_before > {COMPLAINT_SHARE} * (handed_over + handed_over_before)))
        """,
        accounts,
        _BOUNCES,
        _COMPLAINTS,
    )


_TURNED = f"h.since < $4::timestamptz - interval '{WINDOW.days} days'"


class SentText(NamedTuple):
    """What a mail says, and how many recipients outside of this server it goes to."""

    text: str
    recipients: int


async def count_texts(db: Connection, account_id: UUID, sent: Iterable[SentText], *, now: datetime) -> None:
    """Count how many recipients each text has. A mail without words has none."""
    recipients: Counter[bytes] = Counter()
    for each in sent:
        key = body_key(each.text) if each.recipients else None
        if key is not None:
            recipients[key] += each.recipients
    if not recipients:
        return
    bodies = sorted(recipients)
    counted = await db.fetch(
        """
        insert into send_bodies as b (account_id, body, recipients, since)
        select $1, body, recipients, $4 from unnest($2::bytea[], $3::int[]) as n (body, recipients)
        on conflict (account_id, body) do update set
            recipients = excluded.recipients + case when b.since < $5 then 0 else b.recipients end,
            since = case when b.since < $5 then $4 else b.since end
        returning recipients
        """,
        account_id,
        bodies,
        [recipients[body] for body in bodies],
        now,
        now - BODY_WINDOW,
    )
    if any(row["recipients"] >= MOST_OF_ONE_BODY for row in counted):
        await db.execute(
            """
            insert into send_health as h (account_id, crossed) values ($1, $2)
            on conflict (account_id) do update set crossed = coalesce(h.crossed, $2)
            """,
            account_id,
            _ONE_BODY,
        )


def body_key(text: str) -> bytes | None:
    """Return what all mails of one text have in common, whatever digits, signs and blanks they differ by."""
    words = _PERSONAL.sub("", text[:_BODY_CHARS]).casefold()
    return hashlib.sha256(words.encode("utf-8", "replace")).digest()[:16] if words else None


async def review(db: Connection, trail: Trail, *, now: datetime) -> bool:
    """Put one account under review that crossed a bound, and tell its operator; False if there is none.

    Its counts begin anew, so that it is not stopped again for the same once somebody has looked at it.
    """
    row = await db.fetchrow(
        """
        select account_id, crossed, length(recent) as recipients, length(replace(recent, '0', '')) as bounced,
            complaints + complaints_before as complaints, handed_over + handed_over_before as handed_over
        from send_health where crossed is not null limit 1 for update skip locked
        """
    )
    if row is None:
        return False
    account_id, why = row["account_id"], f"{row['crossed']} ({_FIGURES.format(**dict(row))})"
    await db.execute(
        """
        update send_health set recent = '', handed_over = 0, handed_over_before = 0, complaints = 0,
            complaints_before = 0, crossed = null
        where account_id = $1
        """,
        account_id,
    )
    await db.execute("delete from send_bodies where account_id = $1", account_id)
    await _stop(db, trail, account_id, why, now)
    return True


async def forget(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete the counters of texts that nobody sends any more."""
    tag = await db.execute(
        """
        delete from send_bodies where (account_id, body) in (
            select account_id, body from send_bodies where since < $1 limit $2)
        """,
        now - BODY_WINDOW,
        limit,
    )
    return rows_in(tag)


async def _stop(db: Connection, trail: Trail, account_id: UUID, why: str, now: datetime) -> None:
    try:
        before, after = await administration.set_status(
            db, account_id, AccountStatus.UNDER_REVIEW, why, now=now, unless=AccountStatus.SUSPENDED
        )
    except (NotFound, StateConflict):  # it is stopped already, or erased
        return
    if after.operator_email and after.operator_email_verified_at:
        text = f"Sending from your account is stopped until somebody has looked at it: {why}.\n\nMail still comes in.\n"
        await notices.tell(db, account_id, after.operator_email, "Your account is under review", text, now=now)
    change = Change(show(Kind.ACCOUNT, account_id), {"status": before.status}, {"status": after.status, "reason": why})
    await trail.record(db, [Entry(account_id, SYSTEM, "review_account", change, now)])
