"""Calls without I/O: a flow yields what it needs, a request or a pause, and is handed the outcome.

A transport only carries out what a flow yields, so everything else (retries, long polls, paging, errors) is written
once for the blocking and the asynchronous client.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, Generic, TypeVar, Union

from daimon_email import _retry
from daimon_email._error_of import error_of
from daimon_email.errors import DaimonError, NoAnswer, UnexpectedAnswer

T = TypeVar("T")
_HELD = 1.0  # seconds after which whoever lets go of a long poll did hear it


@dataclass(frozen=True)
class Request:
    """One HTTP request."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)  # JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    patience: float = 0.0  # seconds that the server may take on top of the client's time-out
    repeatable: bool = True  # whether doing it twice is the same as once


@dataclass(frozen=True)
class Pause:
    """Some seconds of doing nothing."""

    seconds: float


@dataclass(frozen=True)
class Open:
    """A request whose answer is a stream; one that is refused is read whole."""

    request: Request


@dataclass(frozen=True)
class ReadMore:
    """The next octets of the stream that was opened last."""


@dataclass(frozen=True)
class Answer:
    """What the server said. Headers are found by their names in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)  # may hold keys, and tracebacks show what functions were called with


@dataclass(frozen=True)
class Lost:
    """No answer: why, and whether the server may have seen the request all the same."""

    reason: str
    maybe_done: bool


@dataclass(frozen=True)
class Piece:
    """Some octets of a stream."""

    octets: bytes


Outcome = Union[Answer, Lost, None]
Flow = Generator[Union[Request, Pause], Outcome, T]
StreamOutcome = Union[Answer, Piece, Lost, None]
StreamFlow = Generator[Union[Open, ReadMore, Pause], StreamOutcome, T]


@dataclass(frozen=True)
class Envelope(Generic[T]):
    """The two parts of a successful answer."""

    result: T = field(repr=False)
    next_steps: list[str]


def ask(request: Request, max_retries: int) -> Flow[Answer]:
    """Send a request until it is answered well, or trying on is no use. Raises DaimonError."""
    return ask_anew(lambda: request, max_retries)


def ask_anew(
    make: Callable[[], Request], max_retries: int, *, until: float | None = None, known: bool = False
) -> Flow[Answer]:
    """Do the same with a request that is made anew for each try, and with no try after `until` (monotonic).

    A server that is `known`, as it has answered before or did hold a long poll, is tried until then.
    """
    for tries in itertools.count():
        request, began = make(), time.monotonic()
        outcome = yield request
        if isinstance(outcome, Answer) and outcome.status < 300:
            return outcome
        error = error_from(outcome)
        doubtful = isinstance(outcome, Lost) and outcome.maybe_done
        known = known or (doubtful and request.patience > 0 and time.monotonic() - began >= _HELD)
        pause = _retry.pause_after(error, tries, maybe_done=doubtful, repeatable=request.repeatable)
        given_up = tries >= max_retries and not (known and max_retries)
        if pause is None or given_up or (until is not None and time.monotonic() + pause > until):
            raise error
        yield Pause(pause)
    raise AssertionError("unreachable")


def open_envelope(answer: Answer) -> Envelope[Any]:
    """Return what a successful answer holds. Raises UnexpectedAnswer if it is not of this API."""
    body = read_json(answer)
    if not isinstance(body, Mapping) or "result" not in body:
        raise UnexpectedAnswer("The answer has no result; is the base URL right?", status=answer.status)
    steps = body.get("next_steps")
    return Envelope(body["result"], steps if isinstance(steps, list) else [])


def error_from(outcome: StreamOutcome) -> DaimonError:
    """Return the error that an outcome which is no success tells of."""
    if isinstance(outcome, Answer):
        return error_of(outcome.status, read_json(outcome), outcome.headers)
    assert isinstance(outcome, Lost)
    steps = [] if outcome.maybe_done else ["See that the server runs, and is where base_url or DAIMON_BASE_URL says."]
    return NoAnswer(f"No answer came: {outcome.reason}.", maybe_done=outcome.maybe_done, next_steps=steps)


def read_json(answer: Answer) -> Any:
    """Return an answer's JSON; None if it has none."""
    try:
        return json.loads(answer.content)
    except ValueError:
        return None
