"""Following events (server-sent events, WHATWG HTML §9.2.6): whatever breaks, it goes on behind the last one."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from daimon_email import _flow, _retry
from daimon_email._config import Config
from daimon_email._error_of import error_of
from daimon_email._flow import Answer, Open, Pause, Piece, ReadMore, Request, StreamFlow
from daimon_email._reading import decode
from daimon_email.errors import DaimonError, UnexpectedAnswer
from daimon_email.models import Event

_SHORT_SECONDS = 5.0
_SILENT_SECONDS = 20.0  # on top of the client's time-out; the server says something every 15


class Following:
    """A place in the sequence, and how to get on from there."""

    def __init__(self, config: Config, path: str, asked: Mapping[str, Any]) -> None:
        self._config = config
        self._path = path
        self._asked = dict(asked)
        self._was_open = self._is_open = False
        self._tries = 0  # in vain, one after the other
        self._opened_at = 0.0
        self._short = 0  # streams that ended at once, one after the other
        self._lines: deque[bytes] = deque()
        self._rest = b""

    def next(self) -> StreamFlow[Event]:
        """Return the next event; whatever time it takes. Raises what the server refuses to stream with."""
        while True:
            if not self._is_open:
                yield from self._open()
            event = yield from self._read()
            if event is not None:
                return event

    def _open(self) -> StreamFlow[None]:
        while not self._is_open:
            outcome = yield Open(Request("GET", self._path, self._asked, patience=_SILENT_SECONDS))
            if isinstance(outcome, Answer) and outcome.status < 300:
                if not outcome.headers.get("content-type", "").startswith("text/event-stream"):
                    raise UnexpectedAnswer("The answer is no stream of events; is the base URL right?")
                self._opened_at = time.monotonic()
                self._is_open = True
                self._lines.clear()
                self._rest = b""
                return
            yield self._before_next_try(_flow.error_from(outcome))

    def _before_next_try(self, error: DaimonError) -> Pause:
        """Return how long to wait. Raises the error where no try helps, or none helped and it was never open."""
        pause = _retry.pause_after(error, self._tries, maybe_done=False, repeatable=True)
        if pause is None or (self._tries >= self._config.max_retries and not self._was_open):
            raise error
        self._tries += 1
        return Pause(pause)

    def _read(self) -> StreamFlow[Event | None]:
        """Read up to the next event; None once the stream has ended. One that breaks off in the middle is none."""
        fields: dict[bytes, bytes] = {}
        while True:
            line = yield from self._line()
            if line is None:
                self._is_open = False
                yield Pause(self._pause())
                return None
            if line:
                name, _, value = line.partition(b": ")
                fields[name] = value
                continue
            if fields.get(b"event") == b"error":
                self._is_open = False
                yield self._before_next_try(error_of(200, _json(fields), {}))
                return None
            self._was_open, self._tries = True, 0
            if b"id" in fields:
                self._asked["after"] = fields[b"id"].decode("latin-1")
            if b"data" in fields:
                self._short = 0
                return decode(Event, _json(fields))
            fields = {}

    def _pause(self) -> float:
        """Return how long to wait before the next stream: longer and longer where each ends at once."""
        pause = _retry.back_off(self._short)
        self._short = self._short + 1 if time.monotonic() - self._opened_at < _SHORT_SECONDS else 0
        return pause

    def _line(self) -> StreamFlow[bytes | None]:
        """Return the next line. Only a line feed ends one: text may hold what else Unicode takes for the end."""
        while not self._lines:
            more = yield ReadMore()
            if not isinstance(more, Piece):
                return None
            *lines, self._rest = (self._rest + more.octets).split(b"\n")
            self._lines.extend(lines)
        return self._lines.popleft()


def _json(fields: Mapping[bytes, bytes]) -> Any:
    try:
        return json.loads(fields.get(b"data", b""))
    except ValueError:
        raise UnexpectedAnswer("An event of the stream is not JSON.") from None
