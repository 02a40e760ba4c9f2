"""What came of attempts, written down for all lanes of a process together: while one commit runs, the next gathers."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import msgspec

from daimon.db.engine import OUTAGES, Connection, Database
from daimon.db.ringer import Ringer
from daimon.events import rings
from daimon.events import service as events
from daimon.events.models import EventType, NewEvent
from daimon.kit import ids
from daimon.kit.clock import Clock
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log
from daimon.webhooks import metrics
from daimon.webhooks.leasing import Name
from daimon.webhooks.models import UNHEALTHY_AFTER, Delivery, WebhookStatus

_MOST = 200  # attempts in one commit
_OUTAGE_SECONDS = 0.5

_encode = msgspec.json.Encoder().encode
_log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """How far a replay came."""

    replay_id: UUID
    cursor: int
    finished: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one attempt. `cursor` is how far its webhook has come, once this and all before it are written."""

    name: Name
    delivery: Delivery
    succeeded: bool
    cursor: int
    gone: bool = False  # the endpoint wants no more: 410
    not_before: datetime | None = None  # the endpoint asked to be left alone
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a webhook stands after its attempts."""

    status: WebhookStatus
    failure_count: int


_Waiting: TypeAlias = "tuple[Result, asyncio.Future[Standing | None]]"


class Recorder:
    """Writes results, in the order they come, in as few commits as there can be."""

    def __init__(self, db: Database, worker: UUID, clock: Clock) -> None:
        self._db = db
        self._worker = worker
        self._clock = clock
        self._ringer = Ringer(db, rings.CHANNEL)
        self._results: list[_Waiting] = []
        self._harmed: dict[Name, Exception] = {}
        self._writing: asyncio.Task[None] | None = None

    async def record(self, result: Result) -> Standing | None:
        """Return once the result is committed; None if the lease was lost meanwhile, and nothing was written.

        Waits through an outage of the database: what was sent is known here alone. Raises what is wrong with a result
        that the database does not take.
        """
        written: asyncio.Future[Standing | None] = asyncio.get_running_loop().create_future()
        self._results.append((result, written))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return await written

    async def _write(self) -> None:
        try:
            while self._results:
                batch = self._results[:_MOST]
                try:
                    done = await (self._write_each(batch) if self._harmed else self._write_batch(batch))
                except Exception as error:
                    _log.error("webhooks.not_recordable", results=len(batch), exc_info=error)
                    done = await self._write_each(batch)
                del self._results[:done]
                if not done:
                    await asyncio.sleep(_OUTAGE_SECONDS)
        finally:
            self._harmed.clear()
            self._writing = None

    async def _write_batch(self, batch: Sequence[_Waiting]) -> int:
        """Write results in one commit, tell who waits, and return how many there were; 0 if the database is away."""
        standings = await self._committed([result for result, _ in batch])
        if standings is None:
            return 0
        for result, written in batch:
            if not written.done():
                written.set_result(standings.get(result.name))
        return len(batch)

    async def _write_each(self, batch: Sequence[_Waiting]) -> int:
        """Write results one by one, so that one that cannot be written harms its own lane alone.

        What comes behind it in its lane is not written either: its cursor would pass over what is not.
        """
        for done, (result, written) in enumerate(batch):
            error = self._harmed.get(result.name)
            try:
                if error is None and not await self._write_batch([(result, written)]):
                    return done
            except Exception as fresh:
                error = self._harmed[result.name] = fresh
            if error is not None and not written.done():
                written.set_exception(error)
        return len(batch)

    async def _committed(self, results: list[Result]) -> dict[Name, Standing] | None:
        """Return how the webhooks that are still ours stand now; None if the database is away."""
        try:
            with rings.noticing() as told:
                async with self._db.transaction() as db:
                    standings = await write(db, self._worker, results, self._clock())
        except (Unavailable, *OUTAGES) as error:
            _log.warning("webhooks.not_recorded", results=len(results), error=repr(error))
            return None
        self._ringer.ring(*told)
        return standings


async def write(db: Connection, worker: UUID, results: Sequence[Result], now: datetime) -> dict[Name, Standing]:
    """Write what came of attempts at the webhooks that this worker holds, and return how these stand now."""
    rows = await db.fetch(
        """
        select w.account_id, w.id, w.pod_id, w.status, w.failure_count from webhooks w
        where (w.account_id, w.id) in (select * from unnest($2::uuid[], $3::uuid[])) and w.leased_by = $1
        order by w.account_id, w.id for no key update
        """,
        worker, [result.name[0] for result in results], [result.name[1] for result in results],
    )  # fmt: skip
    rows_by_name = {(row["account_id"], row["id"]): row for row in rows}
    ours = [result for result in results if result.name in rows_by_name]
    if not ours:
        return {}
    standings = {
        name: Standing(WebhookStatus(row["status"]), row["failure_count"]) for name, row in rows_by_name.items()
    }
    for result in ours:
        standings[result.name] = _after(standings[result.name], result)
    await _write_webhooks(db, ours, standings, now)
    await _write_deliveries(db, [result.delivery for result in ours])
    await _write_steps(db, [(result.name[0], result.step) for result in ours if result.step], now)
    await _tell(
        db,
        [
            (name, row["pod_id"], standings[name])
            for name, row in rows_by_name.items()
            if standings[name].status is WebhookStatus.UNHEALTHY and row["status"] == WebhookStatus.ACTIVE
        ],
        now,
    )
    return standings


def _after(standing: Standing, result: Result) -> Standing:
    """Return how a webhook stands after one more attempt. A disabled one stays so, whatever came back late."""
    failures = 0 if result.succeeded else standing.failure_count + 1
    if result.gone or standing.status is WebhookStatus.DISABLED:
        return Standing(WebhookStatus.DISABLED, failures)
    if result.succeeded:
        return Standing(WebhookStatus.ACTIVE, 0)
    is_unhealthy = standing.status is WebhookStatus.UNHEALTHY or failures >= UNHEALTHY_AFTER
    return Standing(WebhookStatus.UNHEALTHY if is_unhealthy else WebhookStatus.ACTIVE, failures)


async def _write_webhooks(
    db: Connection, results: list[Result], standings: dict[Name, Standing], now: datetime
) -> None:
    last = {result.name: result for result in results}
    delivered = {result.name for result in results if result.succeeded}
    gone = {result.name for result in results if result.gone}
    pauses = {result.name: result.not_before for result in results if result.not_before}
    names = sorted(last)
    await db.execute(
        """
        update webhooks w set cursor = greatest(w.cursor, n.cursor), status = n.status, failure_count = n.failures,
            not_before = case when n.delivered then null else coalesce(n.not_before, w.not_before) end,
            last_delivered_at = case when n.delivered then $1 else w.last_delivered_at end,
            disabled_reason = case when n.gone then 'the endpoint answered 410 Gone' else w.disabled_reason end
        from unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::int[], $7::timestamptz[], $8::bool[],
                    $9::bool[])
            as n (account_id, id, cursor, status, failures, not_before, delivered, gone)
        where w.account_id = n.account_id and w.id = n.id
        """,
        now, [name[0] for name in names], [name[1] for name in names], [last[name].cursor for name in names],
        [standings[name].status for name in names], [standings[name].failure_count for name in names],
        [pauses.get(name) for name in names], [name in delivered for name in names], [name in gone for name in names],
    )  # fmt: skip


async def _write_deliveries(db: Connection, deliveries: list[Delivery]) -> None:
    newest = list({delivery.id: delivery for delivery in deliveries}.values())
    await db.execute(
        """
        insert into webhook_deliveries as d (account_id, id, webhook_id, sequence, event_id, event, replay_id, status,
                                             attempt_count, attempts, next_attempt_at, created_at, updated_at)
        select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::uuid[], $6::text[], $7::uuid[],
                             $8::text[], $9::int[], $10::json[], $11::timestamptz[], $12::timestamptz[],
                             $13::timestamptz[])
        on conflict (account_id, id) do update set status = excluded.status, attempt_count = excluded.attempt_count,
            attempts = excluded.attempts, next_attempt_at = excluded.next_attempt_at, updated_at = excluded.updated_at
        """,
        [d.account_id for d in newest], [d.id for d in newest], [d.webhook_id for d in newest],
        [d.sequence for d in newest], [d.event_id for d in newest], [d.event for d in newest],
        [d.replay_id for d in newest], [d.status for d in newest], [d.attempt_count for d in newest],
        [_encode(d.attempts).decode() for d in newest], [d.next_attempt_at for d in newest],
        [d.created_at for d in newest], [d.updated_at for d in newest],
    )  # fmt: skip


async def _write_steps(db: Connection, steps: list[tuple[UUID, Step]], now: datetime) -> None:
    if not steps:
        return
    await db.execute(
        """
        update webhook_replays r set cursor = greatest(r.cursor, n.cursor),
            finished_at = case when n.finished then $1 else r.finished_at end
        from (
            select account_id, id, max(cursor) as cursor, bool_or(finished) as finished
            from unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::bool[]) as n (account_id, id, cursor, finished)
            group by account_id, id
        ) n
        where r.account_id = n.account_id and r.id = n.id
        """,
        now, [account_id for account_id, _ in steps], [step.replay_id for _, step in steps],
        [step.cursor for _, step in steps], [step.finished for _, step in steps],
    )  # fmt: skip


async def _tell(db: Connection, fallen: list[tuple[Name, UUID | None, Standing]], now: datetime) -> None:
    """Record that webhooks became unhealthy. It comes last, as the locks of sequences do."""
    if not fallen:
        return
    for _ in fallen:
        metrics.unhealthy()
    await events.record(db, [_unhealthy(name, pod_id, standing, now) for name, pod_id, standing in fallen])


def _unhealthy(name: Name, pod_id: UUID | None, standing: Standing, now: datetime) -> NewEvent:
    webhook = {"id": ids.show(ids.Kind.WEBHOOK, name[1]), "status": standing.status.value}
    data = json.dumps({"webhook": {**webhook, "failure_count": standing.failure_count}})
    return NewEvent(name[0], EventType.WEBHOOK_UNHEALTHY, data, pod_id, None, now)
