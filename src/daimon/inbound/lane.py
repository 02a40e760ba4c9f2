"""Lanes over the queue. The quick one leaves to the slow one whatever takes long, so nobody waits behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from daimon.db.engine import OUTAGES, Connection, Database
from daimon.db.ringer import Ringer
from daimon.events import rings
from daimon.inbound import metrics, parked, queue
from daimon.inbound.isolation import Reader, Unread
from daimon.inbound.models import QueuedMail, ReadMail
from daimon.inbound.pipeline import show
from daimon.inbound.queue import Claim
from daimon.inbound.waiting import Waiting
from daimon.inboxes.arrival import Understood
from daimon.kit.clock import Clock
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log
from daimon.messages.content import unreadable

QUICK_CPU_SECONDS = 0.1  # a thousand times what an ordinary mail takes
SLOW_CPU_SECONDS = 1.2  # with the quick lane's try and the partial reading, still under 2 s for any mail
PARTIAL_CPU_SECONDS = 0.3

_FIRST = UUID(int=0)
_log = Log(__name__)


@dataclass(slots=True)
class Turn:
    """Whose turn it is: the account after the one that was served last, and after the last one the first."""

    served: UUID = _FIRST

    async def take(
        self, db: Connection, *, slow: bool = False, most: int = queue.MAX_MAILS, but: Sequence[UUID] = ()
    ) -> list[Claim]:
        """Lock the next mails and return them; those of `but` wait for something else."""
        claims, all_served = await queue.take(db, after=self.served, slow=slow, most=most, but=but)
        if not claims and self.served != _FIRST:
            claims, all_served = await queue.take(db, after=_FIRST, slow=slow, most=most, but=but)
        self.served = _FIRST if all_served else claims[-1].account_id
        return claims


@dataclass(slots=True)
class QuickLane:
    """Shows ordinary mails, many in one transaction."""

    db: Database
    reader: Reader
    ringer: Ringer
    waiting: Waiting | None = None  # None: mail is not authenticated
    turn: Turn = field(default_factory=Turn)

    async def process(self) -> int:
        """Take the next mails and show them; return how many were taken. Raises Unavailable without a database."""
        taken: list[Claim] = []
        shown = 0
        try:
            with rings.noticing() as told:
                async with self.db.transaction() as db:
                    taken += await self.turn.take(db, but=self.waiting.names() if self.waiting else ())
                    if taken:
                        shown = await self._show(db, taken)
        except (Unavailable, *OUTAGES):
            raise
        except Exception as error:
            _log.error("inbound.batch_failed", mails=len(taken), exc_info=error)
            await self._leave(taken)
        else:
            metrics.shown(shown)
            self.ringer.ring(*told)
        return len(taken)

    async def _show(self, db: Connection, taken: Sequence[Claim]) -> int:
        """Show the mails up to the first that cannot be read; those behind it stay in the queue for the next turn.

        So do those that wait for DNS. Returns how many are shown.
        """
        ready = self.waiting.take(taken) if self.waiting else []
        new = _without(taken, ready)
        mails = await queue.load(db, new)
        results = await self.reader.read([mail.octets for mail in mails])
        read = [ReadMail(m, r) for m, r in zip(mails, results, strict=False) if not isinstance(r, Unread)]
        ready += await self.waiting.ask(read) if self.waiting else read
        await show(db, ready)
        await queue.remove(db, [each.mail for each in ready])
        if len(read) < len(results):
            await queue.set_slow(db, new[len(read) : len(results)])
            self.turn.served = new[len(results) - 1].account_id
        return len(ready)

    async def _leave(self, taken: Sequence[Claim]) -> None:
        """Leave a batch that failed to the slow lane: alone, only the mail at fault fails."""
        async with self.db.transaction() as db:
            await queue.set_slow(db, taken)


@dataclass(slots=True)
class SlowLane:
    """Shows one mail a time: large ones, costly ones, and those whose batch failed. Parks the one that fails alone."""

    db: Database
    whole: Reader
    partial: Reader
    ringer: Ringer
    clock: Clock
    waiting: Waiting | None = None
    turn: Turn = field(default_factory=Turn)

    async def process(self) -> int:
        """Take one mail and show or park it; return how many were taken. Raises Unavailable without a database."""
        taken: list[Claim] = []
        try:
            with rings.noticing() as told:
                async with self.db.transaction() as db:
                    but = self.waiting.names() if self.waiting else ()
                    taken += await self.turn.take(db, slow=True, most=1, but=but)
                    ready = await self._ready(db, taken)
                    await show(db, ready)
                    await queue.remove(db, [each.mail for each in ready])
        except (Unavailable, *OUTAGES):
            raise
        except Exception as error:
            _log.error("inbound.parked", mail=taken[0].id.hex if taken else None, exc_info=error)
            await self._park(taken, error)
        else:
            metrics.shown(len(ready))
            self.ringer.ring(*told)
        return len(taken)

    async def _ready(self, db: Connection, taken: Sequence[Claim]) -> list[ReadMail]:
        """Return what can be shown now: nothing, if the mail has to wait for DNS."""
        if self.waiting and (ready := self.waiting.take(taken)):
            return ready
        read = [ReadMail(mail, await self._read(mail)) for mail in await queue.load(db, taken)]
        return await self.waiting.ask(read) if self.waiting else read

    async def _read(self, mail: QueuedMail) -> Understood:
        [read] = await self.whole.read([mail.octets])
        if not isinstance(read, Unread):
            return read
        metrics.unread(read.name.lower())
        _log.warning("inbound.unread", mail=mail.id.hex, why=read.value)
        [partly] = await self.partial.read([mail.octets])
        return unreadable(read.value) if isinstance(partly, Unread) else partly

    async def _park(self, taken: Sequence[Claim], error: Exception) -> None:
        async with self.db.transaction() as db:
            for claim in taken:
                await parked.park(db, claim, f"{type(error).__name__}: {error}", now=self.clock())
        metrics.parked(by=len(taken))


def _without(claims: Sequence[Claim], ready: Sequence[ReadMail]) -> list[Claim]:
    there = {(each.mail.account_id, each.mail.id) for each in ready}
    return [each for each in claims if (each.account_id, each.id) not in there]
