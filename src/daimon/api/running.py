"""Running an operation: with the connection that it is lent, or with what it leaves to be written; once for retries."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, TypeVar

from daimon.api import render
from daimon.api.answer import Response
from daimon.api.auditing import record_change, record_read
from daimon.api.deferred import Alone, Deferred, Shared
from daimon.api.idempotency import HEADER as IDEMPOTENCY_KEY
from daimon.api.idempotency import IdempotencyRepository, claim_of, earlier_response
from daimon.api.operation import Lend, Operation
from daimon.api.request import Request
from daimon.api.together import Together
from daimon.events import rings

R = TypeVar("R")


async def run(called: Operation, request: Request, arguments: list[Any], together: Together) -> Response:
    """Return the answer of an operation, once all that it writes is committed. Raises what its handler raises."""
    if called.lend is Lend.TRANSACTION:
        work = _run_in_transaction(called, request, arguments)
        return await (_no_sooner(called.no_sooner, work) if called.no_sooner else work)
    if called.defers:
        return await _run_deferred(called, request, arguments, together)
    if called.lend is Lend.READ:
        async with request.reading() as request.db:
            given = await called.handler(request, *arguments)
    else:
        given = await called.handler(request, *arguments)
    assert not isinstance(given, Deferred)
    if request.read is not None:
        await record_read(request, request.read)  # with no connection in hand, and before a byte of the answer leaves
    return render.answer(given, called.status)


async def _run_in_transaction(called: Operation, request: Request, arguments: list[Any]) -> Response:
    if called.before is not None:
        await called.before(request, *arguments)
    async with _around(called, request):
        return await _write(called, request, partial(called.handler, request, *arguments))


async def _run_deferred(called: Operation, request: Request, arguments: list[Any], together: Together) -> Response:
    """Run a handler that writes nothing itself, and then write what it leaves to be written."""
    async with _around(called, request):
        if earlier := await earlier_response(request):
            return earlier
        deferred = await called.handler(request, *arguments)
        if isinstance(deferred, Shared):
            return await together.write(called, request, deferred)
        assert isinstance(deferred, Alone)
        return await _write(called, request, deferred.work)


async def _write(called: Operation, request: Request, work: Callable[[], Awaitable[Any]]) -> Response:
    """Do work in a transaction of the request's own, and tell of it after the commit."""
    with rings.noticing() as told:
        async with request.writing() as request.db:
            if called.method == "POST" and IDEMPOTENCY_KEY in request.headers:
                response = await _run_once(called, request, work)
            else:
                response = render.answer(await work(), called.status)
            await record_change(called, request)  # after the events: see audit/service.py for the order of locks
    request.services.ringer.ring(*told)
    if request.after_commit:
        request.after_commit()
    return response


def _around(called: Operation, request: Request) -> AbstractAsyncContextManager[None]:
    return contextlib.nullcontext() if called.around is None else called.around(request)


async def _no_sooner(seconds: float, work: Coroutine[Any, Any, R]) -> R:
    """Return what comes of the work, `seconds` after it began if it took less."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    done = await work
    await asyncio.sleep(until - clock())
    return done


async def _run_once(called: Operation, request: Request, work: Callable[[], Awaitable[Any]]) -> Response:
    claim = claim_of(request)
    assert claim is not None
    responses = IdempotencyRepository(request.db, claim.scope)
    await responses.lock(claim)
    if earlier := await responses.earlier(claim, request.now):
        return earlier
    response = render.answer(await work(), called.status)
    await responses.keep(claim, response, request.now)
    return response
