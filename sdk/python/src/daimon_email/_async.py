"""The asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, TypeVar

import httpx

from daimon_email import _wire
from daimon_email._binding import bind
from daimon_email._calls import (
    account,
    claims,
    domains,
    drafts,
    events,
    inboxes,
    messages,
    rules,
    sending,
    suppressions,
    threads,
    webhooks,
)
from daimon_email._config import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT, Config, configure
from daimon_email._flow import Answer, Flow, Lost, Open, Outcome, Pause, Piece, ReadMore, Request, StreamOutcome
from daimon_email._following import Following
from daimon_email._paging import Listing, PageData
from daimon_email._verifying import verify
from daimon_email.models import Event, Result

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    P = ParamSpec("P")

T = TypeVar("T")
R = TypeVar("R", bound=Result)


class AsyncTransport:
    """Carries out what flows yield."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._http = httpx.AsyncClient(headers=config.headers)

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
        arguments = _wire.arguments(self.config, request)
        return await self._http.send(self._http.build_request(**arguments), stream=True)

    async def pause(self, wanted: Pause) -> None:
        """Do nothing for a while."""
        await asyncio.sleep(wanted.seconds)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _carry_out(self, wanted: Request | Pause) -> Outcome:
        if isinstance(wanted, Pause):
            await self.pause(wanted)
            return None
        try:
            return _wire.answer(await self._http.request(**_wire.arguments(self.config, wanted)))
        except httpx.RequestError as error:
            return _wire.lost(error)


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
        return AsyncPage(await self._transport.run(self._following()), self._transport) if self.has_more else None


class AsyncEventStream:
    """Events as they happen: iterate over it; `aclose` it, or use it as a context, when it is no longer wanted."""

    def __init__(self, following: Following, transport: AsyncTransport) -> None:
        self._following = following
        self._transport = transport
        self._response: httpx.Response | None = None
        self._pieces: AsyncIterator[bytes] | None = None

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        flow, outcome = self._following.next(), None
        while True:
            try:
                wanted = flow.send(outcome)
            except StopIteration as end:
                event: Event = end.value
                return event
            outcome = await self._carry_out(wanted)

    async def aclose(self) -> None:
        """Close the connection."""
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
        try:
            if isinstance(wanted, Pause):
                await self._transport.pause(wanted)
                return None
            return await (self._open(wanted.request) if isinstance(wanted, Open) else self._read_more())
        except httpx.RequestError as error:
            return _wire.lost(error)

    async def _open(self, request: Request) -> Answer:
        await self.aclose()
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


def _stream(call: Callable[Concatenate[Config, P], Following]) -> Callable[Concatenate[Any, P], AsyncEventStream]:
    return bind(call, lambda self, following: AsyncEventStream(following, self._transport))


def _call(call: Callable[Concatenate[Config, P], Flow[T]]) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    return bind(call, lambda self, flow: self._transport.run(flow))


def _list(
    call: Callable[Concatenate[Config, P], Flow[Listing[R]]],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, AsyncPage[R]]]:
    async def run(self: _Resource, flow: Flow[Listing[R]]) -> AsyncPage[R]:
        return AsyncPage(await self._transport.run(flow), self._transport)

    return bind(call, run)


class _Resource:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self._config = transport.config


class AsyncInboxes(_Resource):
    """Calls about inboxes."""

    create = _call(inboxes.create)
    list = _list(inboxes.list)
    get = _call(inboxes.get)
    update = _call(inboxes.update)
    delete = _call(inboxes.delete)
    rotate_key = _call(inboxes.rotate_key)
    smtp = _call(inboxes.smtp)


class AsyncMessages(_Resource):
    """Calls about messages."""

    list = _list(messages.list)
    get = _call(messages.get)
    wait = _call(messages.wait)
    update = _call(messages.update)
    delete = _call(messages.delete)
    raw = _call(messages.raw)
    attachment = _call(messages.attachment)
    send = _call(sending.send)
    reply = _call(sending.reply)
    reply_all = _call(sending.reply_all)
    forward = _call(sending.forward)
    deliveries = _call(sending.deliveries)
    claim = _call(claims.claim)
    ack = _call(claims.ack)
    release = _call(claims.release)
    unblock = _call(messages.unblock)


class AsyncThreads(_Resource):
    """Calls about threads."""

    list = _list(threads.list)
    get = _call(threads.get)
    update = _call(threads.update)
    delete = _call(threads.delete)
    add_labels = _call(threads.add_labels)
    remove_labels = _call(threads.remove_labels)


class AsyncDomains(_Resource):
    """Calls about domains."""

    create = _call(domains.create)
    list = _list(domains.list)
    get = _call(domains.get)
    update = _call(domains.update)
    delete = _call(domains.delete)
    verify = _call(domains.verify)
    rotate_dkim = _call(domains.rotate_dkim)
    zone_file = _call(domains.zone_file)


class AsyncEvents(_Resource):
    """Calls about events."""

    list = _list(events.list)
    stream = _stream(events.stream)


class AsyncWebhooks(_Resource):
    """Calls about webhooks; `verify` asks nobody."""

    create = _call(webhooks.create)
    list = _list(webhooks.list)
    get = _call(webhooks.get)
    update = _call(webhooks.update)
    delete = _call(webhooks.delete)
    test = _call(webhooks.test)
    rotate_secret = _call(webhooks.rotate_secret)
    deliveries = _list(webhooks.deliveries)
    retry = _call(webhooks.retry)
    replay = _call(webhooks.replay)
    verify = staticmethod(verify)


class AsyncDrafts(_Resource):
    """Calls about drafts."""

    create = _call(drafts.create)
    list = _list(drafts.list)
    get = _call(drafts.get)
    update = _call(drafts.update)
    delete = _call(drafts.delete)
    send = _call(drafts.send)


class AsyncRules(_Resource):
    """Calls about rules."""

    create = _call(rules.create)
    list = _list(rules.list)
    get = _call(rules.get)
    delete = _call(rules.delete)


class AsyncSuppressions(_Resource):
    """Calls about suppressed addresses."""

    add = _call(suppressions.add)
    list = _list(suppressions.list)
    get = _call(suppressions.get)
    delete = _call(suppressions.delete)


class AsyncAccount(_Resource):
    """Calls about the account."""

    get = _call(account.get)
    smtp = _call(account.smtp)


class AsyncDaimonClient(_Resource):
    """A client of daimon for asyncio: the same calls as DaimonClient, awaited.

    `api_key` and `base_url` come from DAIMON_API_KEY and DAIMON_BASE_URL where they are not given; without a key only
    `inboxes.create` works. `timeout` is in seconds, for each connection and for each wait on it. What fails without
    an answer, with 429 or with 5xx is tried again up to `max_retries` times where that is safe.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_MAX_RETRIES,
    ) -> None:
        super().__init__(AsyncTransport(configure(api_key, base_url, timeout, max_retries)))
        self.inboxes = AsyncInboxes(self._transport)
        self.messages = AsyncMessages(self._transport)
        self.threads = AsyncThreads(self._transport)
        self.domains = AsyncDomains(self._transport)
        self.events = AsyncEvents(self._transport)
        self.webhooks = AsyncWebhooks(self._transport)
        self.drafts = AsyncDrafts(self._transport)
        self.rules = AsyncRules(self._transport)
        self.suppressions = AsyncSuppressions(self._transport)
        self.account = AsyncAccount(self._transport)

    whoami = _call(account.whoami)

    async def aclose(self) -> None:
        """Close the connections; a closed client cannot be used again."""
        await self._transport.aclose()

    async def __aenter__(self) -> AsyncDaimonClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncDaimonClient(base_url={self._config.base_url!r})"
