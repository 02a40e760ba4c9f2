"""The blocking client."""

from __future__ import annotations

import time
from collections.abc import Iterator
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


class Transport:
    """Carries out what flows yield."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._http = httpx.Client(headers=config.headers)

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
        arguments = _wire.arguments(self.config, request)
        return self._http.send(self._http.build_request(**arguments), stream=True)

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
            return _wire.answer(self._http.request(**_wire.arguments(self.config, wanted)))
        except httpx.RequestError as error:
            return _wire.lost(error)


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
        return Page(self._transport.run(self._following()), self._transport) if self.has_more else None


class EventStream:
    """Events as they happen: iterate over it; `close` it, or use it as a context, when it is no longer wanted."""

    def __init__(self, following: Following, transport: Transport) -> None:
        self._following = following
        self._transport = transport
        self._response: httpx.Response | None = None
        self._pieces: Iterator[bytes] = iter(())

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        flow, outcome = self._following.next(), None
        while True:
            try:
                wanted = flow.send(outcome)
            except StopIteration as end:
                event: Event = end.value
                return event
            outcome = self._carry_out(wanted)

    def close(self) -> None:
        """Close the connection."""
        if self._response is not None:
            self._response.close()
            self._response = None

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _carry_out(self, wanted: Open | ReadMore | Pause) -> StreamOutcome:
        try:
            if isinstance(wanted, Pause):
                self._transport.pause(wanted)
                return None
            return self._open(wanted.request) if isinstance(wanted, Open) else self._read_more()
        except httpx.RequestError as error:
            return _wire.lost(error)

    def _open(self, request: Request) -> Answer:
        self.close()
        self._response = self._transport.open(request)
        self._pieces = self._response.iter_bytes()
        if self._response.is_success:
            return _wire.head(self._response)
        self._response.read()
        return _wire.answer(self._response)

    def _read_more(self) -> Piece | Lost:
        octets = next(self._pieces, None)
        return Lost("the stream ended", maybe_done=True) if octets is None else Piece(octets)


def _stream(call: Callable[Concatenate[Config, P], Following]) -> Callable[Concatenate[Any, P], EventStream]:
    return bind(call, lambda self, following: EventStream(following, self._transport))


def _call(call: Callable[Concatenate[Config, P], Flow[T]]) -> Callable[Concatenate[Any, P], T]:
    return bind(call, lambda self, flow: self._transport.run(flow))


def _list(call: Callable[Concatenate[Config, P], Flow[Listing[R]]]) -> Callable[Concatenate[Any, P], Page[R]]:
    return bind(call, lambda self, flow: Page(self._transport.run(flow), self._transport))


class _Resource:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._config = transport.config


class Inboxes(_Resource):
    """Calls about inboxes."""

    create = _call(inboxes.create)
    list = _list(inboxes.list)
    get = _call(inboxes.get)
    update = _call(inboxes.update)
    delete = _call(inboxes.delete)
    rotate_key = _call(inboxes.rotate_key)
    smtp = _call(inboxes.smtp)


class Messages(_Resource):
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


class Threads(_Resource):
    """Calls about threads."""

    list = _list(threads.list)
    get = _call(threads.get)
    update = _call(threads.update)
    delete = _call(threads.delete)
    add_labels = _call(threads.add_labels)
    remove_labels = _call(threads.remove_labels)


class Domains(_Resource):
    """Calls about domains."""

    create = _call(domains.create)
    list = _list(domains.list)
    get = _call(domains.get)
    update = _call(domains.update)
    delete = _call(domains.delete)
    verify = _call(domains.verify)
    rotate_dkim = _call(domains.rotate_dkim)
    zone_file = _call(domains.zone_file)


class Events(_Resource):
    """Calls about events."""

    list = _list(events.list)
    stream = _stream(events.stream)


class Webhooks(_Resource):
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


class Drafts(_Resource):
    """Calls about drafts."""

    create = _call(drafts.create)
    list = _list(drafts.list)
    get = _call(drafts.get)
    update = _call(drafts.update)
    delete = _call(drafts.delete)
    send = _call(drafts.send)


class Rules(_Resource):
    """Calls about rules."""

    create = _call(rules.create)
    list = _list(rules.list)
    get = _call(rules.get)
    delete = _call(rules.delete)


class Suppressions(_Resource):
    """Calls about suppressed addresses."""

    add = _call(suppressions.add)
    list = _list(suppressions.list)
    get = _call(suppressions.get)
    delete = _call(suppressions.delete)


class Account(_Resource):
    """Calls about the account."""

    get = _call(account.get)
    smtp = _call(account.smtp)


class DaimonClient(_Resource):
    """A client of daimon that blocks until an answer is there. One may serve many threads.

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
        super().__init__(Transport(configure(api_key, base_url, timeout, max_retries)))
        self.inboxes = Inboxes(self._transport)
        self.messages = Messages(self._transport)
        self.threads = Threads(self._transport)
        self.domains = Domains(self._transport)
        self.events = Events(self._transport)
        self.webhooks = Webhooks(self._transport)
        self.drafts = Drafts(self._transport)
        self.rules = Rules(self._transport)
        self.suppressions = Suppressions(self._transport)
        self.account = Account(self._transport)

    whoami = _call(account.whoami)

    def close(self) -> None:
        """Close the connections; a closed client cannot be used again."""
        self._transport.close()

    def __enter__(self) -> DaimonClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"DaimonClient(base_url={self._config.base_url!r})"
