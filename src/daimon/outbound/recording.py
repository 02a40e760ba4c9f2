"""Writing down what became of mails: a result counts once it is committed, and one commit serves all that wait.

A worker whose lease ran out has nothing to say about a mail any more; what it did is in the log alone.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from daimon.db.engine import OUTAGES, Connection, Database
from daimon.db.ringer import Ringer
from daimon.events import rings
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.kit.batches import Batches
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log
from daimon.outbound import events_of, guard, history, metrics
from daimon.outbound.history import Written
from daimon.outbound.local import Arriving, Inboxes
from daimon.outbound.models import UNDECIDED, Attempt, DeliveryStatus, QueuedMail
from daimon.outbound.return_path import Sent
from daimon.quotas import usage
from daimon.quotas.usage import Used
from daimon.suppressions import repository as suppressions
from daimon.suppressions.models import Reason, Suppression

MOST = 256  # results in one commit
MOST_OCTETS = 4 << 20
_AGAIN_SECONDS = 0.5
_EVERYWHERE = ""  # there is one place to write results: whatever comes at one moment shares a commit

_log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What one attempt came to. `arriving` comes in at this server, in the same commit.

    `counts`: the abuse guard counts it.
    """

    mail: QueuedMail
    attempt: Attempt
    suppresses: bool = False
    counts: bool = False
    arriving: Arriving | None = None


class Recorder:
    """Commits results, together with all that come while a commit is on its way."""

    def __init__(self, db: Database, worker: UUID, inboxes: Inboxes) -> None:
        self._db = db
        self._worker = worker
        self._inboxes = inboxes
        self._batches = Batches(self._commit, most=MOST, weigh=_octets, heaviest=MOST_OCTETS)
        self._events = Ringer(db, rings.CHANNEL)

    async def write(self, result: Result) -> None:
        """Return when the result is committed. It waits out an outage of the database.

        One that cannot be written is given up: its lease ends, and the mail is tried again.
        """
        try:
            await self._batches.add(_EVERYWHERE, result)
        except Exception as error:
            _log.error("outbound.not_recorded", delivery=result.mail.id.hex, exc_info=error)

    async def _commit(self, _: str, results: Sequence[Result]) -> Sequence[None]:
        """Record results; again while there is no database, or if they waited in a circle with an erasure and gave way.

        Raises what else is wrong with one of them.
        """
        while True:
            try:
                await self._record(results)
            except (Unavailable, *OUTAGES) as error:
                _log.warning("outbound.not_recorded_yet", mails=len(results), error=repr(error))
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return [None] * len(results)

    async def _record(self, results: Sequence[Result]) -> None:
        with rings.noticing() as told:
            async with self._db.transaction() as connection:
                kept = await record(connection, self._worker, results, self._inboxes)
        self._events.ring(*told)
        if kept:
            metrics.recorded([(result.mail, result.attempt) for result in kept])
        if any(result.arriving for result in kept):
            self._inboxes.ring()


async def record(db: Connection, worker: UUID, results: Sequence[Result], here: Inboxes) -> list[Result]:
    """Write results in the caller's transaction and return those that counted, as they are told.

    The order of the locks is that of every transaction: messages, usage, sequences. Inboxes are not locked: submissions
    would wait for that.
    """
    pods = await history.hold(db, _messages_of(results))
    held = await _decide(db, worker, results)
    kept = [_told(result, doubtful=held[result.mail.id]) for result in results if result.mail.id in held]
    if not kept:
        return []
    if arriving := [result.arriving for result in kept if result.arriving]:
        await here.take_in(db, arriving)
    of_messages = [result for result in kept if result.mail.message_id]
    await _forget_own([result for result in kept if not result.mail.message_id], db)
    if of_messages:
        first, unsent = await history.write(
            db, [Written(result.mail.account_id, result.mail.id, result.attempt) for result in of_messages]
        )
        await suppressions.add_many(db, [_suppression(r, pods) for r in of_messages if r.suppresses])
        await history.show(db, _messages_of(of_messages))
        bounced = [_bounced(r, pods) for r in of_messages if r.attempt.outcome is DeliveryStatus.BOUNCED]
        if bounced:
            await usage.meter(db, bounced)
        await guard.count(db, [_outcome(r) for r in of_messages if r.counts], now=of_messages[0].attempt.at)
        await events.record(db, [event for r in of_messages for event in _events(r, pods, first, unsent)])
    return kept


def _octets(result: Result) -> int:
    return len(result.arriving.octets) if result.arriving else 0


def _messages_of(results: Sequence[Result]) -> list[Sent]:
    return [Sent(r.mail.account_id, r.mail.message_id) for r in results if r.mail.message_id]


def _told(result: Result, *, doubtful: bool) -> Result:
    """Return a result that says what the attempt does not know: a worker was lost before that had the mail in hand.

    What arrives at this server does so in this commit alone.
    """
    if not doubtful or result.arriving:
        return result
    return replace(result, attempt=replace(result.attempt, ambiguous=True))


async def _decide(db: Connection, worker: UUID, results: Sequence[Result]) -> dict[UUID, bool]:
    """Take what is decided out of the queue and put off the rest.

    Return what the worker still had a lease on, and of each whether it is doubtful that nobody sent it before.
    """
    rows = await db.fetch(
        """
        with n as materialized (
            select * from unnest($2::uuid[], $3::uuid[], $4::interval[]) as n (account_id, id, wait)
        ), gone as (
            delete from outbound_queue q using n
            where n.wait is null and q.account_id = n.account_id and q.id = n.id and q.leased_by = $1
            returning q.id, q.doubtful
        ), put_off as (
            update outbound_queue q set leased_by = null, due_at = now() + n.wait, attempt_count = q.attempt_count + 1,
                doubtful = false
            from n, outbound_queue before
            where n.wait is not null and q.account_id = n.account_id and q.id = n.id and q.leased_by = $1
                and before.account_id = q.account_id and before.id = q.id
            returning q.id, before.doubtful
        )
        select id, doubtful from gone union all select id, doubtful from put_off
        """,
        worker,
        [result.mail.account_id for result in results],
        [result.mail.id for result in results],
        [_wait(result.attempt) for result in results],
    )
    return {row["id"]: row["doubtful"] for row in rows}


def _wait(attempt: Attempt) -> timedelta | None:
    """Return how long from its end to the next attempt, None if there is none.

    The queue runs by the database's clock: a moment by this process's, which may be hours off, says nothing there.
    """
    if attempt.next_attempt_at is None:
        return None
    return attempt.next_attempt_at - attempt.at - timedelta(milliseconds=attempt.duration_ms)


async def _forget_own(results: Sequence[Result], db: Connection) -> None:
    """Erase mails of the server's own that are decided: nobody reads them again, and links may be in them."""
    gone = [result.mail for result in results if result.attempt.outcome not in UNDECIDED]
    if gone:
        await db.execute(
            """
            delete from raw_mails r using unnest($1::uuid[], $2::uuid[]) as n (account_id, id)
            where r.account_id = n.account_id and r.id = n.id
            """,
            [mail.account_id for mail in gone],
            [mail.raw_id for mail in gone],
        )


def _suppression(result: Result, pods: dict[UUID, UUID | None]) -> Suppression:
    mail, attempt = result.mail, result.attempt
    pod_id = pods.get(mail.inbox_id) if mail.inbox_id else None
    address = suppressions.canonical(mail.recipient)
    return Suppression(mail.account_id, pod_id, address, Reason.BOUNCE, mail.message_id, attempt.reply, attempt.at)


def _outcome(result: Result) -> guard.Outcome:
    return guard.Outcome(result.mail.account_id, bounced=result.attempt.outcome is DeliveryStatus.BOUNCED)


def _bounced(result: Result, pods: dict[UUID, UUID | None]) -> Used:
    mail = result.mail
    assert mail.inbox_id is not None
    return Used(mail.account_id, pods.get(mail.inbox_id), mail.inbox_id, result.attempt.at.date(), bounced=1)


_EVENTS = {
    DeliveryStatus.DELIVERED: EventType.MESSAGE_DELIVERED,
    DeliveryStatus.DEFERRED: EventType.MESSAGE_DEFERRED,
    DeliveryStatus.BOUNCED: EventType.MESSAGE_BOUNCED,
    DeliveryStatus.FAILED: EventType.MESSAGE_REJECTED,
}
_HANDED_OVER = (DeliveryStatus.SENT, DeliveryStatus.DELIVERED)


def _events(result: Result, pods: dict[UUID, UUID | None], first: set[UUID], unsent: set[UUID]) -> Iterator[NewEvent]:
    """Yield what a result has to tell.

    That a message is on its way is told once, with its first recipient; that a recipient has to wait, at his first
    attempt alone.
    """
    mail, attempt = result.mail, result.attempt
    assert mail.inbox_id is not None
    assert mail.message_id is not None
    where = (mail.account_id, pods.get(mail.inbox_id), mail.inbox_id, mail.message_id)
    if attempt.outcome in _HANDED_OVER and mail.message_id in unsent:
        unsent.remove(mail.message_id)
        yield events_of.of_message(EventType.MESSAGE_SENT, where, attempt.at)
    if attempt.outcome not in _EVENTS or (attempt.outcome is DeliveryStatus.DEFERRED and mail.id not in first):
        return
    event = _EVENTS[attempt.outcome]
    yield events_of.of_attempt(event, where, mail.id, mail.recipient, attempt)
