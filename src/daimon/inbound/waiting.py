"""Mails that were read and wait for DNS, outside of any transaction: no lane, and no other mail, waits with them.

They stay in the queue, and the lanes pass them over until their answers are there. What is remembered here can be lost:
then a mail is read, and asked for, again.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from uuid import UUID

from daimon.inbound.accept import QUICK, SLOW
from daimon.inbound.authentication import Authenticator
from daimon.inbound.models import ReadMail
from daimon.inbound.queue import Claim
from daimon.kit.log import Log
from daimon.mail.auth_results import AuthResults

MOST_MAILS, MOST_OF_ACCOUNT = 1000, 250
MOST_OCTETS = 64 * 1024 * 1024
AT_HAND_SECONDS = 0.005  # what is remembered, or known nearby, is there by then
_KEPT_SECONDS = 30.0  # with its answers; another worker may have shown it meanwhile

_log = Log(__name__)
_Name = tuple[UUID, UUID]  # account, mail


@dataclass(slots=True)
class Waiting:
    """Those mails. `ring` wakes the lanes when one has its answers; it takes the words of the acceptor's channel."""

    authenticator: Authenticator
    ring: Callable[[str], None]
    _asking: dict[_Name, ReadMail] = field(default_factory=dict)
    _answered: dict[_Name, ReadMail] = field(default_factory=dict)
    _tasks: set["asyncio.Task[AuthResults]"] = field(default_factory=set)

    def names(self) -> list[UUID]:
        """Return the mails that are still asked for: there is nothing to be done with them."""
        return [mail for _, mail in self._asking]

    def take(self, claims: Iterable[Claim]) -> list[ReadMail]:
        """Return those of some mails that have their answers, once."""
        return [read for each in claims if (read := self._answered.pop((each.account_id, each.id), None))]

    async def ask(self, batch: Sequence[ReadMail]) -> list[ReadMail]:
        """Return the mails whose results are at hand; the others wait here."""
        ready: list[ReadMail] = []
        asked: list[tuple[ReadMail, asyncio.Task[AuthResults]]] = []
        for read in batch:
            if read.content.chain.links:  # there may be many to verify, and others have something to do meanwhile
                await asyncio.sleep(0)
            if results := self.authenticator.at_once(read.mail, read.content):
                ready.append(replace(read, authentication=results))
            else:
                asked.append((read, asyncio.create_task(self.authenticator.authenticate(read.mail, read.content))))
        if asked:
            await asyncio.wait([task for _, task in asked], timeout=AT_HAND_SECONDS)
        for read, task in asked:
            if task.done():
                ready.append(self._with_results(read, task))
            elif self._has_room_for(read):
                self._wait(read, task)
            else:
                task.cancel()
                ready.append(self._without_results(read))
        return ready

    def close(self) -> None:
        """Ask no more; the mails stay in the queue."""
        for task in self._tasks:
            task.cancel()

    def _has_room_for(self, read: ReadMail) -> bool:
        """Whoever sends much that DNS is slow for gets `temperror` for it, and does not crowd out other accounts."""
        of_account = sum(account == read.mail.account_id for account, _ in self._asking)
        size = sum(each.mail.size for each in self._asking.values())
        return len(self._asking) < MOST_MAILS and of_account < MOST_OF_ACCOUNT and size + read.mail.size <= MOST_OCTETS

    def _wait(self, read: ReadMail, task: "asyncio.Task[AuthResults]") -> None:
        self._asking[_name(read)] = replace(read, mail=replace(read.mail, octets=b""))
        self._tasks.add(task)
        task.add_done_callback(partial(self._answer, _name(read)))

    def _answer(self, name: _Name, task: "asyncio.Task[AuthResults]") -> None:
        self._tasks.discard(task)
        read = self._asking.pop(name)
        if task.cancelled():
            return
        self._answered[name] = self._with_results(read, task)
        task.get_loop().call_later(_KEPT_SECONDS, self._answered.pop, name, None)
        self.ring(f"{QUICK} {SLOW}")

    def _with_results(self, read: ReadMail, task: "asyncio.Task[AuthResults]") -> ReadMail:
        if error := task.exception():
            _log.error("inbound.authentication_failed", mail=read.mail.id.hex, exc_info=error)
            return self._without_results(read)
        return replace(read, authentication=task.result())

    def _without_results(self, read: ReadMail) -> ReadMail:
        return replace(read, authentication=self.authenticator.unasked(read.mail, read.content))


def _name(read: ReadMail) -> _Name:
    return read.mail.account_id, read.mail.id
