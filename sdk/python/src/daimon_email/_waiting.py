"""Waiting for a message, over as many long polls as it takes."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from daimon_email import _flow, _retry
from daimon_email._flow import Flow, Pause, Request
from daimon_email._reading import as_model
from daimon_email._requests import get, seg
from daimon_email.models import Message

LONGEST_POLL = 60.0  # the server allows 120; proxies on the way often cut a silent connection earlier
SHORTEST_POLL = 1.0  # a server that answers "nothing" sooner is about to stop, and is not asked again at once


def wait(max_retries: int, inbox_id: str, timeout: float | None, **wanted: Any) -> Flow[Message | None]:
    """Return the message as soon as it is there; None after so many seconds without one.

    A server that stops meanwhile is looked for until then, too.
    """
    where = f"/v1/inboxes/{seg(inbox_id)}/messages/wait"
    asked = get(where, **wanted).query
    if timeout is not None and math.isnan(timeout):
        raise ValueError("timeout must be a number of seconds, or None to wait for ever")
    until = None if timeout is None else time.monotonic() + max(timeout, 0.0)
    known = False
    while True:
        began = time.monotonic()
        answer = yield from _flow.ask_anew(lambda: _poll(where, asked, until), max_retries, until=until, known=known)
        known = True
        envelope = _flow.open_envelope(answer)
        if envelope.result is not None:
            return as_model(envelope, Message)
        now = time.monotonic()
        if until is not None and now >= until:
            return None
        if now - began < SHORTEST_POLL:
            yield Pause(_least(_retry.jitter(SHORTEST_POLL), until, now))


def _poll(where: str, asked: Mapping[str, Any], until: float | None) -> Request:
    """Return the next long poll, for as long as there is time."""
    seconds = round(_least(LONGEST_POLL, until, time.monotonic()), 3)
    return Request("GET", where, {**asked, "timeout": str(seconds)}, patience=seconds)


def _least(seconds: float, until: float | None, now: float) -> float:
    return seconds if until is None else max(0.0, min(seconds, until - now))
