"""What the asynchronous client is made of."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Generic, TypeVar

from daimon_email._config import Config
from daimon_email._flow import (
    Answer,
    Flow,
    Lost,
    Open,
    Outcome,
    Pause,
    Piece,
    ReadMore,
    Request,
    StreamOutcome,
    error_from,
)
from daimon_email._following import Following
from daimon_email._paging import Listing, PageData, fetch_page
from daimon_email._reading import fetch, fetch_json, fetch_maybe, fetch_octets, fetch_text
from daimon_email._result import Result

if TYPE_CHECKING:
    import httpx

    from daimon_email.models import Event

T = TypeVar("T")
R = TypeVar("R", bound=Result)
P = TypeVar("P", bound="AsyncPage[Any]")


class AsyncTransport:
    """Carries out what flows yield."""

    def __init__(self, config: Config) -> None:
        from daimon_email import _wire  # imports httpx: not before somebody calls

        self.config = config
        self._wire = _wire
        self._by_loop: dict[object, httpx.AsyncClient] = {}
        self._is_closed = False

    async def run(self, flow: Flow[T]) -> T:
        """Return what a flow returns."""
        outcome: Outcome = None
        while True:
            try:
                wanted = flow.send(outcome)
            except StopIteration as end:
                result: T = end.value
                return result
            outcome = await self._carry_out(wanted)

    async def open(self, request: Request) -> httpx.Response:
        """Send a request and return its response before the body came."""
        http = self._connections()
        return await http.send(http.build_request(**self._wire.arguments(self.config, request)), stream=True)

    async def pause(self, wanted: Pause) -> None:
        """Do nothing for a while."""
        await self._wire.sleep(wanted.seconds)

    async def aclose(self) -> None:
        """Close the connections."""
        self._is_closed = True
        mine = self._by_loop.get(self._wire.running_loop())
        self._by_loop.clear()
        if mine is not None:
            await mine.aclose()

    async def _carry_out(self, wanted: Request | Pause) -> Outcome:
        if isinstance(wanted, Pause):
            await self.pause(wanted)
            return None
        try:
            response = await self._connections().request(**self._wire.arguments(self.config, wanted))
        except self._wire.RequestError as error:
            return self._wire.lost(error)
        return self._wire.answer(response)

    def _connections(self) -> httpx.AsyncClient:
        """Return the running loop's own, as no other can use them; those of loops that ended are forgotten."""
        if self._is_closed:
            raise RuntimeError("the client was closed")
        loop = self._wire.running_loop()
        if loop not in self._by_loop:
            running = {each: http for each, http in self._by_loop.items() if not self._wire.has_ended(each)}
            self._by_loop = {**running, loop: self._wire.async_client(self.config)}
        return self._by_loop[loop]


class AsyncPage(PageData[R]):
    """A page of a list: `result` holds its items; iterating over it goes on to the pages after it."""

    def __init__(self, listing: Listing[R], transport: AsyncTransport) -> None:
        super().__init__(listing)
        self._transport = transport

    async def __aiter__(self) -> AsyncIterator[R]:
        page: AsyncPage[R] | None = self
        while page is not None:
            for item in page.result:
                yield item
            page = await page.next_page()

    async def next_page(self) -> AsyncPage[R] | None:
        """Fetch the page after this one; None after the last."""
        return type(self)(await self._transport.run(self._following()), self._transport) if self.has_more else None


class AsyncPages(Generic[P, R]):
    """A list to be fetched: `await` it for its first page, or read all of it with `async for`."""

    def __init__(self, fetch: Callable[[], Coroutine[Any, Any, P]]) -> None:
        self._fetch = fetch

    def __await__(self) -> Generator[Any, Any, P]:
        return self._fetch().__await__()

    async def __aiter__(self) -> AsyncIterator[R]:
        page = await self._fetch()
        async for item in page:
            yield item


class AsyncEventStream:
    """Events as they happen: iterate over it; `aclose` it, or use it as a context, when it is no longer wanted."""

    def __init__(self, following: Following, transport: AsyncTransport) -> None:
        self._following = following
        self._transport = transport
        self._is_closed = False
        self._response: httpx.Response | None = None
        self._pieces: AsyncIterator[bytes] | None = None

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        flow, outcome = self._following.next(), None
        while not self._is_closed:
            try:
                wanted = flow.send(outcome)
            except StopIteration as end:
                event: Event = end.value
                return event
            outcome = await self._carry_out(wanted)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection; there are no further events."""
        self._is_closed = True
        await self._let_go()

    async def _let_go(self) -> None:
        if self._response is not None:
            await self._response.aclose()
            self._response = None

    async def __aenter__(self) -> AsyncEventStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _carry_out(self, wanted: Open | ReadMore | Pause) -> StreamOutcome:
        from daimon_email import _wire

        try:
            if isinstance(wanted, Pause):
                await self._transport.pause(wanted)
                return None
            return await (self._open(wanted.request) if isinstance(wanted, Open) else self._read_more())
        except _wire.RequestError as error:
            return _wire.lost(error)

    async def _open(self, request: Request) -> Answer:
        from daimon_email import _wire

        await self._let_go()
        self._response = await self._transport.open(request)
        self._pieces = self._response.aiter_bytes()
        if self._response.is_success:
            return _wire.head(self._response)
        await self._response.aread()
        return _wire.answer(self._response)

    async def _read_more(self) -> Piece | Lost:
        assert self._pieces is not None
        async for octets in self._pieces:
            return Piece(octets)
        return Lost("the stream ended", maybe_done=True)


class AsyncResource:
    """Calls of one kind."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self._config = transport.config
        self._retries = transport.config.max_retries

    async def _call(self, request: Request, model: type[R]) -> R:
        return await self._transport.run(fetch(request, model, self._retries))

    async def _call_maybe(self, request: Request, model: type[R]) -> R | None:
        return await self._transport.run(fetch_maybe(request, model, self._retries))

    def _page(self, request: Request, items: str, model: type[R], page: type[Any] | None = None) -> Any:
        async def fetch_first() -> Any:
            listing = await self._transport.run(fetch_page(request, items, model, self._retries))
            return (page or AsyncPage)(listing, self._transport)

        return AsyncPages(fetch_first)

    async def _octets(self, request: Request) -> bytes:
        return await self._transport.run(fetch_octets(request, self._retries))

    async def _text(self, request: Request) -> str:
        return await self._transport.run(fetch_text(request, self._retries))

    async def _json(self, request: Request) -> dict[str, Any]:
        return await self._transport.run(fetch_json(request, self._retries))

    async def _save(self, request: Request, path: str | os.PathLike[str]) -> int:
        """Write what comes into a file, which is there once all came; return its size. Tried once."""
        from daimon_email import _wire

        partial = f"{os.fspath(path)}.{uuid.uuid4().hex[:12]}.part"  # no other call's, which may save there, too
        try:
            response = await self._transport.open(request)
            try:
                if not response.is_success:
                    await response.aread()
                    raise error_from(_wire.answer(response))
                with open(partial, "wb") as file:  # noqa: ASYNC230 -- as fast as memory, mostly
                    async for piece in response.aiter_bytes():
                        file.write(piece)
            finally:
                await response.aclose()
            os.replace(partial, path)
        except _wire.RequestError as error:
            raise error_from(_wire.lost(error)) from error
        finally:
            with suppress(FileNotFoundError):  # it is where it belongs
                os.unlink(partial)
        return os.path.getsize(path)  # noqa: ASYNC240
