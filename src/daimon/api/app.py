"""The ASGI application: find the operation, check who asks and what, run it, answer."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

from daimon.api import cross_origin, metrics, render
from daimon.api.answer import Response
from daimon.api.auditing import record_change, record_read
from daimon.api.auth import admitted_again, authenticate, check_account, check_reach, narrowed, refuse
from daimon.api.body import receive_body
from daimon.api.catalog import OPERATIONS
from daimon.api.deferred import Alone, Deferred, Shared
from daimon.api.errors import ClientGone, MethodNotAllowed, UpgradeRequired
from daimon.api.idempotency import HEADER as IDEMPOTENCY_KEY
from daimon.api.idempotency import IdempotencyRepository, claim_of, earlier_response
from daimon.api.operation import Lend, Operation
from daimon.api.request import Message, Receive, Request, Send
from daimon.api.request import Scope as AsgiScope
from daimon.api.router import Route, Router
from daimon.api.services import Services
from daimon.api.sockets import PATH as SOCKET_PATH
from daimon.api.sockets import converse
from daimon.api.streaming import send_stream
from daimon.api.together import Together
from daimon.api.upgrade import UPGRADABLE, with_upgrade_context
from daimon.events import rings
from daimon.kit.errors import DaimonError, NotFound, PayloadTooLarge, Unavailable
from daimon.kit.log import Log

R = TypeVar("R")

_log = Log("daimon.api")

# After a body was refused for its size, this much of it is still read and dropped: a client that sends first
# and listens later would otherwise see a reset connection instead of the 413.
_LINGER_BYTES = 64 << 20
_LINGER_SECONDS = 5.0


class Api:
    """The HTTP edge of one process."""

    def __init__(self, services: Services, operations: Iterable[Operation] = OPERATIONS) -> None:
        self._services = services
        self._router = Router(operations)
        self._access_log = services.access_log
        self._together = Together(services.mailroom)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] == "websocket":
            await self._converse(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        started = perf_counter()
        request = Request(scope, receive, self._services)
        try:
            response = await self._respond(request)
        except ClientGone:
            return
        took = perf_counter() - started
        await _send(request, response, send)
        if response.stream is None:  # how long somebody followed events says nothing about how fast they are
            took = perf_counter() - started
        metrics.answered(request.method, request.route, response.status, took)
        if self._access_log:
            self._access_log.write(request, response.status, took)

    async def _converse(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Open a WebSocket, or refuse it with the answer that any other request would get."""
        started = perf_counter()
        request = Request({**scope, "method": "GET"}, receive, self._services)
        response = await self._answered(request, self._admit_socket(request))
        status = 101 if response is None else response.status
        metrics.answered(request.method, request.route, status, perf_counter() - started)
        if self._access_log:
            self._access_log.write(request, status, perf_counter() - started)
        if response is None:
            await converse(request, receive, send)
            return
        headers = [*response.headers, (b"x-request-id", request.id.encode())]
        await send({"type": "websocket.http.response.start", "status": response.status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": response.body})

    async def _admit_socket(self, request: Request) -> None:
        """Raise what a GET of the path would be refused with; UpgradeRequired is for who did not ask for a socket."""
        if request.raw_path != SOCKET_PATH.encode():
            raise NotFound("There is no WebSocket at this path.", next_steps=[f"Open {SOCKET_PATH}."])
        with contextlib.suppress(UpgradeRequired):
            await self._perform(request)

    async def _respond(self, request: Request) -> Response:
        return await self._answered(request, self._perform(request))

    async def _answered(self, request: Request, work: Coroutine[Any, Any, R]) -> R | Response:
        """Return what comes of the work, or the response that tells what went wrong."""
        try:
            return await work
        except DaimonError as error:
            return render.error(with_upgrade_context(error, request), request.id)
        except asyncio.CancelledError:  # the server stops and this request outlived its patience
            return render.error(Unavailable(retry_after=1), request.id)
        except ClientGone:
            raise
        except Exception as error:
            _log.error("bug", exc_info=error, request_id=request.id, method=request.method, route=request.route)
            return render.bug(request.id)

    async def _perform(self, request: Request) -> Response:
        if allowed := cross_origin.preflight(request.method, request.raw_path, request.headers):
            return allowed
        route = self._router.find(request.raw_path)
        called = route.operations.get(request.method)
        if called is None:
            return _answer_without_operation(request, route)
        request.route = called.path
        if called.reach is not None:
            request.key = await authenticate(request)
            check_reach(called, request.key)
        values = _read_path(called, route.values)
        who = request.key
        if who is not None:
            reaching = narrowed(called, who)
            if reaching is None:
                await refuse(request, called, values, who)
            request.key = reaching
            check_account(called, who)
            self._services.key_uses.note(who, called.permission)
        try:
            return await self._run(called, request, await _arguments(called, request, values))
        except NotFound:
            if who is not None and request.key is not who:  # his key reaches it, and his roles there do not allow this
                await refuse(request, called, values, who)
            raise

    async def _run(self, called: Operation, request: Request, arguments: list[Any]) -> Response:
        """Run an operation; again if money is wanted that was paid since the key was looked up."""
        try:
            return await _run(called, request, arguments, self._together)
        except UPGRADABLE:
            if not await _was_upgraded(called, request):
                raise
            return await _run(called, request, arguments, self._together)


async def _was_upgraded(called: Operation, request: Request) -> bool:
    """Look at who asks anew, as what is remembered of him may be a second old; tell whether his tier is another."""
    if request.key is None:
        return False
    tier, request.change = request.key.account.tier, None
    request.services.keys.forget_one(request.headers[b"authorization"].partition(b" ")[2].strip().decode("ascii"))
    reaching = narrowed(called, await admitted_again(request))
    if reaching is None or reaching.account.tier is tier:
        return False
    request.key = reaching
    return True


def _answer_without_operation(request: Request, route: Route) -> Response:
    if request.method != "OPTIONS":
        response = render.error(MethodNotAllowed(), request.id)
        response.headers.append((b"allow", route.allow))
        return response
    return Response(204, [(b"allow", route.allow)], b"")


def _read_path(called: Operation, raw: Sequence[bytes]) -> tuple[Any, ...]:
    if not raw:
        return ()
    return tuple([_read_segment(param, text) for (_, param), text in zip(called.params, raw, strict=True)])


def _read_segment(param: Any, raw: bytes) -> Any:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        missing: type[NotFound] = param.missing
        raise missing from None
    return param.read(text)


async def _arguments(called: Operation, request: Request, values: tuple[Any, ...]) -> list[Any]:
    query = called.query.read(request.query_string)
    if called.body is None:
        return [*values, query] if called.takes else [*values]
    headers = request.headers
    request.body = await receive_body(request.receive, headers.get(b"content-length"), called.body.max_bytes)
    given = {"query": query, "body": called.body.read(request.body, headers.get(b"content-type"))}
    return [*values, *(given[name] for name in called.takes)]


async def _run(called: Operation, request: Request, arguments: list[Any], together: Together) -> Response:
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


async def _send(request: Request, response: Response, send: Send) -> None:
    headers = response.headers
    headers.append((b"x-request-id", request.id.encode()))
    headers += cross_origin.readable(request.raw_path, request.headers)
    start: Message = {"type": "http.response.start", "status": response.status, "headers": headers}
    if response.stream is not None:
        await send_stream(request, response.stream, start, send)
        return
    if response.status != 204:
        headers.append((b"content-length", b"%d" % len(response.body)))
    if response.status == PayloadTooLarge.status:
        headers.append((b"connection", b"close"))
        await send(start)
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        await _linger(request.receive)
        await send({"type": "http.response.body", "body": b""})
        return
    await send(start)
    await send({"type": "http.response.body", "body": response.body})


async def _linger(receive: Receive) -> None:
    left = _LINGER_BYTES
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            while left > 0:
                message = await receive()
                if not message.get("more_body"):
                    return
                left -= len(message["body"])
    except TimeoutError:
        return
