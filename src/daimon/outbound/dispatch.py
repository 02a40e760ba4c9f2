"""One worker's share of the queue: taken a little at a time, handed out to lanes, kept by a lease that is renewed."""

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from uuid import UUID

from daimon.db.engine import Database
from daimon.kit import ids
from daimon.kit.clock import Clock, ticks
from daimon.kit.log import Log
from daimon.outbound import queue
from daimon.outbound.attempts import Peer, Trial
from daimon.outbound.held import Held
from daimon.outbound.lane import Hands, InHand, Lane
from daimon.outbound.lines import Courier
from daimon.outbound.local import HOST, Arriving, Inbox, Inboxes
from daimon.outbound.models import QueuedMail
from daimon.outbound.recording import Recorder, Result

MOST_IN_HAND = 1_000
MOST_TAKEN = 256  # at one time
FETCHED_OCTETS = 64 * 1024  # a mail that is larger is fetched when it is sent
WOKEN = 1_000  # of those that wait, in one go
_FIRST: queue.Turn = ("", UUID(int=0))

_log = Log(__name__)


class Dispatcher:
    """Takes mails and has them sent. `ticks` is what leases are measured by: seconds that only grow."""

    def __init__(
        self,
        db: Database,
        inboxes: Inboxes,
        courier: Courier,
        clock: Clock,
        *,
        ticks: Callable[[], float] = ticks,
        random: Random | None = None,
    ) -> None:
        self.worker = ids.new()
        self.room = asyncio.Event()  # is set when some mails in hand are done
        self._db = db
        self._inboxes = inboxes
        self._courier = courier
        self._clock = clock
        self._ticks = ticks
        self._random = random or Random()  # noqa: S311 - waits are not secrets
        self._recorder = Recorder(db, self.worker, inboxes)
        self._lanes: dict[str, Lane] = {}
        self._held = Held()
        self._turn = _FIRST
        self._hands = Hands(courier, self._recorder, self._fetch, self._holds, self._done, clock, self._random)
        self._local: set[asyncio.Task[None]] = set()

    async def take(self) -> int:
        """Take the next mails and hand them out; return how many looks at the queue are worth another one."""
        most = min(MOST_IN_HAND - len(self._held), MOST_TAKEN)
        if most <= 0:
            return 0
        began = self._ticks()
        busy = [lane.destination for lane in self._lanes.values() if lane.is_full]
        after = self._turn
        async with self._db.transaction() as db:
            mails, self._turn = await queue.take(db, self.worker, after=after, busy=busy, most=most)
        fresh = self._held.take(mails, began)
        try:
            await self._hand_out(fresh)
        except BaseException:
            self._held.let_go(fresh)  # their leases end, and they are taken again
            raise
        return len(mails) or int(after != _FIRST)

    async def wake(self) -> int:
        """Make ready what has waited long enough."""
        async with self._db.transaction() as db:
            return await queue.wake(db, limit=WOKEN)

    async def renew(self) -> None:
        """Keep what is in hand, have it served where all lines have ended, and forget lanes that are over."""
        began = self._ticks()
        async with self._db.read() as db:
            renewed = await queue.renew(db, self.worker, self._held.keys)
        self._held.renew(renewed, began)
        self._lanes = {name: lane for name, lane in self._lanes.items() if not lane.is_over}
        for lane in self._lanes.values():
            lane.go_on()

    async def close(self) -> None:
        """Finish what is being sent, and give back what is not."""
        left = [mail for lane in self._lanes.values() for mail in lane.abandon()]
        try:
            if left:
                async with self._db.read() as db:
                    await queue.give_back(db, self.worker, left)
        except Exception as error:  # their leases end by themselves
            _log.warning("outbound.not_given_back", mails=len(left), error=repr(error))
        closing = (*(lane.close() for lane in self._lanes.values()), *self._local)
        await asyncio.gather(*closing, return_exceptions=True)

    def _holds(self, mails: Sequence[QueuedMail]) -> bool:
        return self._held.holds(mails, self._ticks())

    def _done(self, mails: Sequence[QueuedMail]) -> None:
        self._held.let_go(mails)
        self.room.set()

    async def _fetch(self, mail: QueuedMail) -> bytes | None:
        async with self._db.read() as db:
            return await queue.octets_of(db, mail)

    async def _hand_out(self, mails: Sequence[QueuedMail]) -> None:
        if not mails:
            return
        async with self._db.read() as db:
            here = await self._inboxes.find(db, list({mail.recipient for mail in mails}))
            octets = await queue.all_octets(db, [mail for mail in mails if mail.size <= FETCHED_OCTETS])
        for mail in mails:
            in_hand = InHand(mail, octets.get((mail.account_id, mail.raw_id)))
            if mail.recipient in here:
                task = asyncio.create_task(self._deliver_here(in_hand, here[mail.recipient]))
                self._local.add(task)
                task.add_done_callback(self._local.discard)
            else:
                self._lane_of(mail).add([in_hand])

    def _lane_of(self, mail: QueuedMail) -> Lane:
        name = self._courier.lane(mail.destination)
        if name not in self._lanes:
            self._lanes[name] = Lane(name, self._hands)
        return self._lanes[name]

    async def _deliver_here(self, in_hand: InHand, inbox: Inbox | None) -> None:
        """Let a mail arrive in an inbox of this server, in the commit that takes it out of the queue."""
        mail, octets = in_hand
        try:
            trial = Trial(mail, self._clock(), 0.0, Peer(host=HOST))
            if octets is None:
                octets = await self._fetch(mail)
            if octets is None:
                result = trial.impossible("5.6.0", "the mail was erased", recipients_fault=False)
            elif inbox is None:
                result = trial.refused(550, "5.1.1", "there is no such inbox here", self._random)
            else:
                result = _arriving(trial, inbox, octets)
            await self._recorder.write(result)
        finally:
            self._done([mail])


def _arriving(trial: Trial, inbox: Inbox, octets: bytes) -> Result:
    result = trial.accepted(250, "2.0.0", "it is in the inbox")
    mail = trial.mail
    return Result(mail, result.attempt, arriving=Arriving(mail.mail_from, mail.recipient, octets, trial.began, inbox))
