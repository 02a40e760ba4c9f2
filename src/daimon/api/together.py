"""Sends of one account in one transaction: each as if alone, all written by one set of statements and one commit.

Requests that change the same rows stand in line for them, each until the one before is on disk. Those that wait at the
same moment are written together here, and answered after the commit; if one is refused, each is written alone.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from daimon.api import render
from daimon.api.answer import Response
from daimon.api.auditing import entry_of
from daimon.api.deferred import Shared
from daimon.api.errors import RequestInProgress
from daimon.api.idempotency import Claim, Kept, KeyTaken, claim_of, earlier_response, keep_new
from daimon.api.operation import Operation
from daimon.api.request import Request
from daimon.audit.service import Trail
from daimon.db.ringer import Ringer
from daimon.db.scope import Scope
from daimon.db.walls import TenantDatabase
from daimon.events import rings
from daimon.kit.batches import Batches
from daimon.outbound import queue, writing
from daimon.outbound.models import Submitted
from daimon.outbound.road import Road

MOST = 64  # mails in one transaction
HEAVIEST = 16 << 20  # octets of them


class _Send(NamedTuple):
    called: Operation
    request: Request
    shared: Shared[Any]
    claim: Claim | None


class Together:
    """Writes what requests leave to be written together. Make one for each process."""

    def __init__(self, db: TenantDatabase, *, road: Road, trail: Trail, told: Ringer, posts: Ringer) -> None:
        self._db = db
        self._road = road
        self._trail = trail
        self._told = told
        self._posts = posts
        self._batches = Batches(self._write, most=MOST, weigh=_octets, heaviest=HEAVIEST)

    async def write(self, called: Operation, request: Request, shared: Shared[Any]) -> Response:
        """Return the response to a send, once it is committed. Raises what `writing.write` raises.

        A client that goes away leaves the mail to be sent.
        """
        send = _Send(called, request, shared, claim_of(request))
        try:
            return await self._batches.add(request.principal.scope.account_id, send)
        except KeyTaken:
            earlier = await earlier_response(request)
            if earlier is None:
                raise RequestInProgress(retry_after=1) from None
            return earlier

    async def _write(self, account_id: UUID, sends: Sequence[_Send]) -> list[Response]:
        with rings.noticing() as told:
            async with self._db.transaction(account_id) as db:
                mails = await writing.write(db, [send.shared.mail for send in sends], road=self._road)
                responses = [_answer(send, mail) for send, mail in zip(sends, mails, strict=True)]
                kept = [
                    Kept(send.claim, response, send.request.now)
                    for send, response in zip(sends, responses, strict=True)
                    if send.claim
                ]
                await keep_new(db, Scope(account_id), kept)
                changed = [send for send in sends if send.request.change is not None]
                await self._trail.record(db, [entry_of(send.called, send.request) for send in changed])
        self._told.ring(*told)
        self._posts.ring(queue.READY)
        return responses


def _answer(send: _Send, mail: Submitted) -> Response:
    send.request.change = None  # of an attempt that was undone nothing is left
    return render.answer(send.shared.answer(mail), send.called.status)


def _octets(send: _Send) -> int:
    return len(send.shared.mail.ready.octets)
