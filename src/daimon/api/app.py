"""The ASGI application: find the operation, check who asks and what, run it, answer."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable, Sequence
from time import perf_counter
from typing import Any, TypeVar

from daimon.api import cross_origin, metrics, render
from daimon.api.answer import Response
from daimon.api.auth import admitted_again, authenticate, check_account, check_reach, narrowed, refuse
from daimon.api.body import receive_body
from daimon.api.catalog import OPERATIONS
from daimon.api.errors import ClientGone, MethodNotAllowed, UpgradeRequired
from daimon.api.naming import with_ids
from daimon.api.operation import Operation
from daimon.api.request import Request
from daimon.api.responding import send_response
from daimon.api.router import Route, Router
from daimon.api.running import run
from daimon.api.services import Services
from daimon.api.sockets import PATH as SOCKET_PATH
from daimon.api.sockets import converse
from daimon.api.together import Together
from daimon.api.upgrade import UPGRADABLE, with_upgrade_context
from daimon.kit.asgi import Receive, Scope, Send
from daimon.kit.errors import DaimonError, NotFound, Unavailable
from daimon.kit.log import Log

R = TypeVar("R")

_log = Log("daimon.api")


class Api:
    """The HTTP edge of one process."""

    def __init__(self, services: Services, operations: Iterable[Operation] = OPERATIONS) -> None:
        self._services = services
        self._router = Router(operations)
        self._access_log = services.access_log
        self._together = Together(services.mailroom)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
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
        await send_response(request, response, send)
        if response.stream is None:  # how long somebody followed events says nothing about how fast they are
            took = perf_counter() - started
        metrics.answered(request.method, request.route, response.status, took)
        if self._access_log:
            self._access_log.write(request, response.status, took)

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
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
            return render.error(with_ids(with_upgrade_context(error, request), request), request.id)
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
            return await run(called, request, arguments, self._together)
        except UPGRADABLE:
            if not await _was_upgraded(called, request):
                raise
            return await run(called, request, arguments, self._together)


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
