"""The mails to one destination: over how many lines they go, and when it is better to wait.

A destination that is new gets two lines, and one more with every mail that it takes; one that cannot be reached gets
none for a while, and what waits for it waits in the queue.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from random import Random
from typing import NamedTuple

from daimon.kit.clock import Clock
from daimon.kit.log import Log
from daimon.outbound.attempts import Peer, Trial
from daimon.outbound.lines import Abandoned, Courier, Down, Letter, Line, Lost, NoWay, Said
from daimon.outbound.local import Arriving
from daimon.outbound.models import QueuedMail
from daimon.outbound.recording import Recorder, Result

FIRST_LINES, MOST_LINES = 2, 20
MOST_WAITING = 64  # in one lane; more of the same destination stays in the queue, and others have their turn
MOST_RECIPIENTS = 50  # of one mail in one go
MAILS_PER_LINE = 100
IDLE_SECONDS = 2.0  # that a line stays open for the next mail
DOWN_SECONDS, MOST_DOWN_SECONDS = 30.0, 600.0

_log = Log(__name__)


Fetch = Callable[[QueuedMail], Awaitable[bytes | None]]


class InHand(NamedTuple):
    """A mail that this worker has a lease on; its octets, unless they are so many that they are fetched last."""

    mail: QueuedMail
    octets: bytes | None


@dataclass(frozen=True, slots=True)
class Hands:
    """What all lanes of a worker work with."""

    courier: Courier
    recorder: Recorder
    fetch: Fetch
    holds: Callable[[Sequence[QueuedMail]], bool]  # whether the worker still has a lease on all of them
    done: Callable[[Sequence[QueuedMail]], None]  # is told which mails the worker has in hand no more
    clock: Clock
    random: Random


class Lane:
    """The mails to one destination that are in hand."""

    def __init__(self, destination: str, hands: Hands) -> None:
        self.destination = destination
        self._hands = hands
        self._waiting: deque[InHand] = deque()
        self._more = asyncio.Event()
        self._window = FIRST_LINES
        self._lines: set[asyncio.Task[None]] = set()
        self._idle = 0
        self._failures = 0
        self._down_until = 0.0
        self._why_down = ""

    @property
    def is_full(self) -> bool:
        """Tell whether it can take no more at present."""
        return len(self._waiting) >= MOST_WAITING

    @property
    def is_over(self) -> bool:
        """Tell whether nothing is left to do or to remember."""
        return not self._waiting and not self._lines and time.monotonic() >= self._down_until

    def add(self, mails: Sequence[InHand]) -> None:
        """Send mails when their turn comes."""
        self._waiting.extend(mails)
        self._more.set()
        self.go_on()

    def go_on(self) -> None:
        """Have what waits served by as many lines as there may be: what fails in a way of its own ends its line."""
        wanted = min(len(self._waiting) - self._idle, int(self._window) - len(self._lines))
        for _ in range(wanted):
            task = asyncio.create_task(self._serve())
            self._lines.add(task)
            task.add_done_callback(self._lines.discard)

    async def close(self) -> None:
        """Finish what is being sent; what waits is the caller's again."""
        if self._lines:
            await asyncio.wait(self._lines)

    def abandon(self) -> list[QueuedMail]:
        """Return what waits, and forget it."""
        left = [each.mail for each in self._waiting]
        self._waiting.clear()
        self._more.set()
        return left

    async def _serve(self) -> None:
        """Send one mail after the other over one line, opened when it is needed."""
        line: Line | None = None
        sent = 0
        try:
            while group := await self._next(patient=line is not None):
                held, line = line, None
                try:
                    line = await self._carry(held, group)
                finally:
                    self._hands.done([each.mail for each in group])
                sent += 1
                if line is not None and sent >= MAILS_PER_LINE:
                    await line.close()
                    line, sent = None, 0
        except Exception as error:
            _log.error("outbound.lane_failed", destination=self.destination, exc_info=error)
        finally:
            if line is not None:
                await line.close()

    async def _next(self, *, patient: bool) -> list[InHand]:
        """Return the next mail with all its recipients that wait here; none if nothing comes."""
        if not self._waiting and patient:
            self._idle += 1
            self._more.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), IDLE_SECONDS)
            self._idle -= 1
        if not self._waiting:
            return []
        group = [self._waiting.popleft()]
        first = group[0].mail
        while self._waiting and len(group) < MOST_RECIPIENTS:
            other = self._waiting[0].mail
            if (other.account_id, other.raw_id) != (first.account_id, first.raw_id):
                break
            group.append(self._waiting.popleft())
        return group

    async def _carry(self, line: Line | None, group: Sequence[InHand]) -> Line | None:
        """Send one mail and write down what came of it; return the line if it can be used again, else it is closed."""
        hands, began, started = self._hands, self._hands.clock(), time.monotonic()
        group = [each for each in group if hands.holds([each.mail])]
        if not group:
            return line

        def trials(peer: Peer) -> list[Trial]:
            return [Trial(each.mail, began, time.monotonic() - started, peer) for each in group]

        if time.monotonic() < self._down_until:
            await self._put_off(group)
            return line
        reused = line is not None
        try:
            line = line or await hands.courier.open(self.destination)
            may_finish = partial(hands.holds, [each.mail for each in group])
            said = await line.send(await self._letter(group), may_finish)
        except NoWay as error:
            results = [
                trial.impossible(error.enhanced_status, error.reason, recipients_fault=error.recipients_fault)
                for trial in trials(Peer())
            ]
        except Down as error:
            self._suspend(error.reason)
            results = [self._unreached(trial, error) for trial in trials(error.peer)]
        except Lost as error:
            assert line is not None
            peer = line.peer
            await line.close()
            if reused and not error.ambiguous and not error.refused:  # it was closed while nobody looked: no attempt
                return await self._carry(None, group)
            results = [self._lost(trial, error) for trial in trials(peer)]
            line = None
        except Abandoned:
            assert line is not None
            await line.close()
            return None
        except Exception:
            if line is not None:
                await line.close()
            raise
        else:
            results = [self._result(trial, each) for trial, each in zip(trials(line.peer), said, strict=True)]
            self._went_well()
        await self._write(results)
        return line

    async def _letter(self, group: Sequence[InHand]) -> Letter:
        mail, octets = group[0]
        if octets is None:
            octets = await self._hands.fetch(mail)
        if octets is None:
            raise NoWay("the mail was erased", "5.6.0", recipients_fault=False)
        recipients = [each.mail.recipient for each in group]
        utf8 = any(each.mail.smtputf8 for each in group)
        return Letter(mail.mail_from, recipients, octets, utf8, mail.attempt_count + 1)

    def _result(self, trial: Trial, said: Said) -> Result:
        code, enhanced_status, text, answer = said
        if not 200 <= code < 300:
            return trial.refused(code, enhanced_status, text, self._hands.random)
        result = trial.accepted(code, enhanced_status, text)
        return replace(result, arriving=Arriving(*answer, trial.began)) if answer else result

    def _lost(self, trial: Trial, error: Lost) -> Result:
        if said := error.refused.get(trial.mail.recipient):
            return self._result(trial, said)
        return trial.unreached("4.4.2", error.reason, self._hands.random, ambiguous=error.ambiguous)

    def _unreached(self, trial: Trial, error: Down) -> Result:
        """Return that nobody took the mail. Who does not want to talk today may want to tomorrow."""
        code = error.said.code if error.said else None
        enhanced_status = error.said.enhanced_status if error.said else error.enhanced_status
        return trial.unreached(enhanced_status, error.reason, self._hands.random, code=code)

    async def _put_off(self, group: Sequence[InHand]) -> None:
        now: datetime = self._hands.clock()
        reason = f"not tried, as the destination cannot be reached: {self._why_down}"
        trials = [Trial(each.mail, now, 0.0, Peer()) for each in group]
        await self._write([trial.unreached("4.4.1", reason, self._hands.random) for trial in trials])

    async def _write(self, results: Sequence[Result]) -> None:
        """Write results down before anything else is sent over the line: what a crash can send twice is one mail."""
        await asyncio.gather(*(self._hands.recorder.write(result) for result in results))

    def _went_well(self) -> None:
        self._failures = 0
        if self._window < MOST_LINES:
            self._window += 1
            self.add(())

    def _suspend(self, why: str) -> None:
        self._why_down, self._window = why, 1
        self._down_until = time.monotonic() + min(DOWN_SECONDS * 2**self._failures, MOST_DOWN_SECONDS)
        self._failures = min(self._failures + 1, 10)
