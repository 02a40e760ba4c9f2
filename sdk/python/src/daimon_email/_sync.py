"""What the blocking client is made of."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

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


class Transport:
    """Carries out what flows yield."""

    def __init__(self, config: Config) -> None:
        from daimon_email import _wire  # imports httpx: not before somebody calls

        self.config = config
        self._wire = _wire
        self._http = _wire.client(config)
        self._process = os.getpid()

    def run(self, flow: Flow[T]) -> T:
        """Return what a flow returns."""
        outcome: Outcome = None
        while True:
            try:
                wanted = flow.send(outcome)
            except StopIteration as end:
                result: T = end.value
                return result
            outcome = self._carry_out(wanted)

    def open(self, request: Request) -> httpx.Response:
        """Send a request and return its response before the body came."""
        http = self._connections()
        return http.send(http.build_request(**self._wire.arguments(self.config, request)), stream=True)

    def pause(self, wanted: Pause) -> None:
        """Do nothing for a while."""
        time.sleep(wanted.seconds)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _carry_out(self, wanted: Request | Pause) -> Outcome:
        if isinstance(wanted, Pause):
            self.pause(wanted)
            return None
        try:
            return self._wire.answer(self._connections().request(**self._wire.arguments(self.config, wanted)))
        except self._wire.RequestError as error:
            return self._wire.lost(error)

    def _connections(self) -> httpx.Client:
        """Return this process's own: by those of the one that it was forked from it could get that one's answers."""
        if self._process != os.getpid() and not self._http.is_closed:
            self._http, self._process = self._wire.client(self.config), os.getpid()
        return self._http


class Page(PageData[R]):
    """A page of a list: `result` holds its items; iterating over it goes on to the pages after it."""

    def __init__(self, listing: Listing[R], transport: Transport) -> None:
        super().__init__(listing)
        self._transport = transport

    def __iter__(self) -> Iterator[R]:
        page: Page[R] | None = self
        while page is not None:
            yield from page.result
            page = page.next_page()

    def next_page(self) -> Page[R] | None:
        """Fetch the page after this one; None after the last."""
        return type(self)(self._transport.run(self._following()), self._transport) if self.has_more else None


class EventStream:
    """Events as they happen: iterate over it; `close` it, or use it as a context, when it is no longer wanted."""

    def __init__(self, following: Following, transport: Transport) -> None:
        self._following = following
        self._transport = transport
        self._is_closed = False
        self._response: httpx.Response | None = None
        self._pieces: Iterator[bytes] = iter(())

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        flow, outcome = self._following.next(), None
        while not self._is_closed:
            try:
                wanted = flow.send(outcome)
            except StopIteration as end:
                event: Event = end.value
                return event
            outcome = self._carry_out(wanted)
        raise StopIteration

    def close(self) -> None:
        """Close the connection; there are no further events."""
        self._is_closed = True
        self._let_go()

    def _let_go(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _carry_out(self, wanted: Open | ReadMore | Pause) -> StreamOutcome:
        from daimon_email import _wire

        try:
            if isinstance(wanted, Pause):
                self._transport.pause(wanted)
                return None
            return self._open(wanted.request) if isinstance(wanted, Open) else self._read_more()
        except _wire.RequestError as error:
            return _wire.lost(error)

    def _open(self, request: Request) -> Answer:
        from daimon_email import _wire

        self._let_go()
        self._response = self._transport.open(request)
        self._pieces = self._response.iter_bytes()
        if self._response.is_success:
            return _wire.head(self._response)
        self._response.read()
        return _wire.answer(self._response)

    def _read_more(self) -> Piece | Lost:
        octets = next(self._pieces, None)
        return Lost("the stream ended", maybe_done=True) if octets is None else Piece(octets)


class Resource:
    """Calls of one kind."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._config = transport.config
        self._retries = transport.config.max_retries

    def _call(self, request: Request, model: type[R]) -> R:
        return self._transport.run(fetch(request, model, self._retries))

    def _call_maybe(self, request: Request, model: type[R]) -> R | None:
        return self._transport.run(fetch_maybe(request, model, self._retries))

    def _page(self, request: Request, items: str, model: type[R], page: type[Any] | None = None) -> Any:
        listing = self._transport.run(fetch_page(request, items, model, self._retries))
        return (page or Page)(listing, self._transport)

    def _octets(self, request: Request) -> bytes:
        return self._transport.run(fetch_octets(request, self._retries))

    def _text(self, request: Request) -> str:
        return self._transport.run(fetch_text(request, self._retries))

    def _json(self, request: Request) -> dict[str, Any]:
        return self._transport.run(fetch_json(request, self._retries))

    def _save(self, request: Request, path: str | os.PathLike[str]) -> int:
        """Write what comes into a file, which is there once all came; return its size. Tried once."""
        from daimon_email import _wire

        partial = f"{os.fspath(path)}.{uuid.uuid4().hex[:12]}.part"  # no other call's, which may save there, too
        try:
            response = self._transport.open(request)
            with closing(response):
                if not response.is_success:
                    response.read()
                    raise error_from(_wire.answer(response))
                with open(partial, "wb") as file:
                    file.writelines(response.iter_bytes())
            os.replace(partial, path)
        except _wire.RequestError as error:
            raise error_from(_wire.lost(error)) from error
        finally:
            with suppress(FileNotFoundError):  # it is where it belongs
                os.unlink(partial)
        return os.path.getsize(path)
