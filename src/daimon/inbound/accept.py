"""Acceptance: the commit behind every `250`. One commit serves all mails that are waiting at that moment."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec

from daimon.db.engine import OUTAGES, Database
from daimon.db.ringer import Ringer
from daimon.inbound import metrics
from daimon.inbound.errors import StoreUnavailable
from daimon.inbound.models import Accepted, Recipient
from daimon.kit import ids
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log

CHANNEL = "daimon_inbound"  # NOTIFY: there is something in the queue, for the quick lanes or for the slow one
QUICK, SLOW = "quick", "slow"
SLOW_BYTES = 4 * 1024 * 1024  # larger mails wait in the slow lane, where they hold up nobody
MAX_MAILS = 256  # in one commit
GATHER_SECONDS = 0.002  # for how long, at the most, a commit waits for more mails
LARGE_BYTES = 128 * 1024  # a larger mail is committed alone, so that small ones need not wait until it is written
LARGE_AT_ONCE = 3

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
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself holds tasks only weakly

    def commit(self, mail: Accepted) -> "asyncio.Future[None]":
        """Return a future that is done when envelope and octets are committed.

        It raises StoreUnavailable, and then nothing was kept. A future, and not a coroutine, because a task a mail
        costs as much as all else here.
        """
        waiting = _Waiting(mail, asyncio.get_running_loop().create_future())
        if len(mail.octets) > LARGE_BYTES:
            self._run(self._store_large(waiting))
        else:
            self._waiting.append(waiting)
            if len(self._waiting) >= self._enough:
                self._gathered.set()
            if not self._writing:
                self._writing = True
                self._run(self._write())
        return waiting.done

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(task := asyncio.create_task(work))
        task.add_done_callback(self._tasks.discard)

    async def _write(self) -> None:
        """Commit what waits, batch by batch. One writer: two would share the same mails out into smaller commits."""
        await asyncio.sleep(0)  # let every session that is ready in this turn of the loop join the commit
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_MAILS))]
            await self._store(batch)
            await self._gather(len(batch) // 2)
        self._writing = False  # in the same turn of the loop as the last look, so that no mail waits unseen

    async def _gather(self, enough: int) -> None:
        """Wait a moment for the sessions that were just answered to come back with their next mails.

        A commit for one mail costs as much as for twenty. Whoever sends alone never waits: half of one is none.
        """
        if len(self._waiting) < enough:
            self._enough = enough
            self._gathered.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gathered.wait(), GATHER_SECONDS)

    async def _store_large(self, waiting: _Waiting) -> None:
        async with self._large:
            await self._store([waiting])

    async def _store(self, batch: Sequence[_Waiting]) -> None:
        try:
            await _insert(self._db, [waiting.mail for waiting in batch])
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


async def _insert(db: Database, mails: Sequence[Accepted]) -> None:
    """Insert octets and queue rows: one statement, so one round trip and one commit."""
    rows = [row for mail in mails for row in _rows(mail)]
    async with db.read() as connection:
        await connection.execute(
            """
            with raw as (
                insert into raw_mails (account_id, id, octets) select * from unnest($1::uuid[], $2::uuid[], $3::bytea[])
            ), queued as (
                insert into inbound_queue (account_id, id, mail_from, recipients, peer_ip, helo, tls, size, slow,
                                           received_at)
                select * from unnest($1::uuid[], $2::uuid[], $4::text[], $5::json[], $6::text[], $7::text[], $8::bool[],
                                     $9::int[], $10::bool[], $11::timestamptz[])
            )
            select
            """,
            *zip(*rows, strict=True),
        )


def _rows(mail: Accepted) -> list[tuple[object, ...]]:
    """Return the rows of a mail: one for each account that receives it."""
    by_account = groupby(sorted(mail.recipients, key=_account), key=_account)
    return [
        (
            account_id, ids.new(), mail.octets, mail.envelope.mail_from, _recipients(list(group)),
            mail.peer.ip, mail.peer.helo, mail.peer.tls, len(mail.octets), len(mail.octets) > SLOW_BYTES,
            mail.received_at,
        )
        for account_id, group in by_account
    ]  # fmt: skip


def _account(recipient: Recipient) -> UUID:
    return recipient.account_id


def _recipients(recipients: Sequence[Recipient]) -> str:
    return msgspec.json.encode([(r.address, r.inbox_id.hex) for r in recipients]).decode()
