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
from daimon.audit.models import Entry
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.kit.batches import Batches
from daimon.outbound.mailroom import AT_ONCE, MOST_OCTETS, Mailroom
from daimon.outbound.models import Submitted


class _Send(NamedTuple):
    called: Operation
    request: Request
    shared: Shared[Any]
    claim: Claim | None


class Together:
    """Writes what requests leave to be written together. Make one for each process."""

    def __init__(self, mailroom: Mailroom) -> None:
        self._mailroom = mailroom
        self._batches = Batches(self._write, most=AT_ONCE, weigh=_octets, heaviest=MOST_OCTETS)

    async def write(self, called: Operation, request: Request, shared: Shared[Any]) -> Response:
        """Return the response to a send, once it is committed. Raises what `Mailroom.commit` raises.

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
        responses: list[Response] = []

        async def finish(db: Connection, mails: Sequence[Submitted]) -> list[Entry]:
            responses.extend(_answer(send, mail) for send, mail in zip(sends, mails, strict=True))
            answered = zip(sends, responses, strict=True)
            kept = [Kept(send.claim, response, send.request.now) for send, response in answered if send.claim]
            await keep_new(db, Scope(account_id), kept)
            return [entry_of(send.called, send.request) for send in sends if send.request.change is not None]

        await self._mailroom.commit(account_id, [send.shared.mail for send in sends], finish)
        return responses


def _answer(send: _Send, mail: Submitted) -> Response:
    send.request.change = None  # of an attempt that was undone nothing is left
    return render.answer(send.shared.answer(mail), send.called.status)


def _octets(send: _Send) -> int:
    return len(send.shared.mail.ready.octets)
