"""Acceptance: the commit behind every `250`. One commit serves all mails that are waiting at that moment."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from daimon.db.engine import OUTAGES, Connection, Database
from daimon.db.ringer import Ringer
from daimon.inbound import metrics
from daimon.inbound.errors import StoreUnavailable
from daimon.inbound.models import Accepted
from daimon.kit import ids
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log

CHANNEL = "daimon_inbound"  # NOTIFY: there is something in the queue, for the quick lanes or for the slow one
QUICK, SLOW = "quick", "slow"
SLOW_BYTES = 4 * 1024 * 1024  # larger mails wait in the slow lane, where they hold up nobody
MAX_MAILS = 256  # in one commit
BATCH_BYTES = 256 * 1024  # of several mails in one commit; those beyond are committed beside it
GATHER_SECONDS = 0.002  # for how long, at the most, a commit waits for more mails
LARGE_BYTES = 128 * 1024  # a larger mail is committed alone, so that small ones need not wait until it is written
COMMITS_BESIDE = 3  # of many octets, beside the one of small mails

_log = Log(__name__)


@dataclass(slots=True)
class _Waiting:
    mail: Accepted
    done: "asyncio.Future[None]"


class Acceptor:
    """Makes mails durable. `commit` returns when a mail is, and raises when nothing of it was kept."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._ringer = Ringer(db, CHANNEL)
        self._waiting: deque[_Waiting] = deque()
        self._writing = False
        self._enough = 0
        self._gathered = asyncio.Event()
        self._beside = asyncio.Semaphore(COMMITS_BESIDE)
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself holds tasks only weakly
        self._loop = asyncio.get_running_loop()

    def commit(self, mail: Accepted) -> "asyncio.Future[None]":
        """Return a future that is done when envelope and octets are committed.

        It raises StoreUnavailable, and then nothing was kept. A future, and not a coroutine, because a task a mail
        costs as much as all else here.
        """
        waiting = _Waiting(mail, self._loop.create_future())
        if len(mail.octets) > LARGE_BYTES:
            self._run(self._store_beside([waiting]))
        else:
            self._waiting.append(waiting)
            if len(self._waiting) >= self._enough:
                self._gathered.set()
            if not self._writing:
                self._writing = True
                self._run(self._write())
        return waiting.done

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(task := self._loop.create_task(work))
        task.add_done_callback(self._tasks.discard)

    async def _write(self) -> None:
        """Commit what waits, batch by batch. One writer: two would share the same mails out into smaller commits.

        Only where there is more than a commit shall hold, the rest goes on beside it: writing megabytes takes longer
        than the flush that they share.
        """
        await asyncio.sleep(0)  # let every session that is ready in this turn of the loop join the commit
        while self._waiting:
            batch = self._next_batch()
            if self._waiting:
                self._run(self._store_beside(batch))
            else:
                await self._store(batch)
                await self._gather(len(batch) // 2)
        self._writing = False  # in the same turn of the loop as the last look, so that no mail waits unseen

    def _next_batch(self) -> list[_Waiting]:
        batch, size = [self._waiting.popleft()], 0
        while self._waiting and len(batch) < MAX_MAILS:
            size += len(batch[-1].mail.octets)
            if size + len(self._waiting[0].mail.octets) > BATCH_BYTES:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _gather(self, enough: int) -> None:
        """Wait a moment for the sessions that were just answered to come back with their next mails.

        A commit for one mail costs as much as for twenty. Whoever sends alone never waits: half of one is none.
        """
        if len(self._waiting) < enough:
            self._enough = enough
            self._gathered.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gathered.wait(), GATHER_SECONDS)

    async def _store_beside(self, batch: Sequence[_Waiting]) -> None:
        async with self._beside:
            await self._store(batch)

    async def _store(self, batch: Sequence[_Waiting]) -> None:
        try:
            async with self._db.read() as connection:
                await insert(connection, [waiting.mail for waiting in batch])
        except (Unavailable, *OUTAGES) as error:
            _refuse(batch, error)
        except Exception as error:
            if len(batch) > 1:  # one of them cannot be stored; the others shall not suffer for it
                for waiting in batch:
                    await self._store([waiting])
            else:
                _log.error("accept.failed", exc_info=error)
                _refuse(batch, error)
        else:
            _accept(batch)
            metrics.committed(len(batch))
            self._ringer.ring(*{SLOW if len(waiting.mail.octets) > SLOW_BYTES else QUICK for waiting in batch})


def _refuse(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.done.done():
            waiting.done.set_exception(StoreUnavailable(str(error)))


def _accept(batch: Sequence[_Waiting]) -> None:
    for waiting in batch:
        if not waiting.done.done():  # its session may be gone; the mail is ours all the same
            waiting.done.set_result(None)


async def insert(db: Connection, mails: Sequence[Accepted]) -> None:
    """Insert octets and queue rows: one statement, so one round trip and, outside of a transaction, one commit.

    All but the octets goes as one JSON document: an array for each column costs the driver six times as much.
    """
    rows = [row for mail in mails for row in _rows(mail)]
    await db.execute(
        """
        with mails as materialized (
            select * from rows from (
                json_to_recordset($1::json) as (
                    account_id uuid, id uuid, mail_from text, recipients json, peer_ip text, helo text, tls bool,
                    size int, slow bool, received_at timestamptz
                ),
                unnest($2::bytea[])
            ) as mail(account_id, id, mail_from, recipients, peer_ip, helo, tls, size, slow, received_at, octets)
        ), raw as (
            insert into raw_mails (account_id, id, octets) select account_id, id, octets from mails
        )
        insert into inbound_queue (account_id, id, mail_from, recipients, peer_ip, helo, tls, size, slow,
                                   received_at)
        select account_id, id, mail_from, recipients, peer_ip, helo, tls, size, slow, received_at from mails
        """,
        _encode([row for row, _ in rows]).decode(),
        [octets for _, octets in rows],
    )


class _Row(msgspec.Struct):
    """A row of the queue: a mail for one account."""

    account_id: UUID
    id: UUID
    mail_from: str | None
    recipients: list[tuple[str, str]]  # the address as it was written, the inbox
    peer_ip: str
    helo: str
    tls: bool
    size: int
    slow: bool
    received_at: datetime


_encode = msgspec.json.Encoder().encode


def _rows(mail: Accepted) -> Iterator[tuple[_Row, bytes]]:
    """Yield the rows of a mail: one for each account that receives it."""
    by_account: dict[UUID, list[tuple[str, str]]] = {}
    for recipient in mail.recipients:
        by_account.setdefault(recipient.account_id, []).append((recipient.address, recipient.inbox_id.hex))
    peer, size = mail.peer, len(mail.octets)
    for account_id, recipients in by_account.items():
        yield (
            _Row(
                account_id, ids.new(), mail.envelope.mail_from, recipients, peer.ip, peer.helo, peer.tls,
                size, size > SLOW_BYTES, mail.received_at,
            ),
            mail.octets,
        )  # fmt: skip
