"""Messages. `inbox_id` is an inbox's id or its address."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from daimon_email import _flow, _retry
from daimon_email._calls.common import UNSET, Moment, Unset, as_model, changes, fetch, once, path, query, remove
from daimon_email._config import Config
from daimon_email._flow import Flow, Pause, Request
from daimon_email._paging import Listing, fetch_page
from daimon_email.models import Deleted, Download, Message

LONGEST_POLL = 60.0  # the server allows 120; proxies on the way often cut a silent connection earlier
SHORTEST_POLL = 1.0  # a server that answers "nothing" sooner is about to stop, and is not asked again at once


def list(
    config: Config,
    inbox_id: str,
    *,
    limit: int | None = None,
    cursor: str | None = None,
    label: str | None = None,
    unread: bool | None = None,
    thread_id: str | None = None,
    before: Moment | None = None,
    after: Moment | None = None,
    from_: str | None = None,
    q: str | None = None,
    sort: str | None = None,
    direction: str | None = None,
    include: str | None = None,
) -> Flow[Listing[Message]]:
    """List an inbox's messages, the newest first.

    `from_` is the sender's address, `q` is looked for in sender, subject and preview, `sort` is `"newest"` or
    `"oldest"`, and `include="body"` shows bodies and headers whole.
    """
    asked = query(limit=limit, cursor=cursor, label=label, unread=unread, thread_id=thread_id, before=before,
                  after=after, from_=from_, q=q, sort=sort, direction=direction, include=include)  # fmt: skip
    return fetch_page(config, path("inboxes", inbox_id, "messages"), asked, "messages", Message)


def get(config: Config, inbox_id: str, message_id: str) -> Flow[Message]:
    """Show a message whole."""
    return fetch(config, Request("GET", _path(inbox_id, message_id)), Message)


def wait(
    config: Config,
    inbox_id: str,
    *,
    timeout: float | None = 60.0,
    after: Moment | int | None = None,
    from_: str | None = None,
    subject: str | None = None,
    has_code: bool | None = None,
) -> Flow[Message | None]:
    """Wait for a message, and return it whole as soon as it is there; None after `timeout` seconds without one.

    Without `after` (an event's number or id, a message's id or a time), an unread message that is there already is
    returned at once. `timeout=None` waits for ever.
    """
    asked = query(after=after, from_=from_, subject=subject, has_code=has_code)
    where = path("inboxes", inbox_id, "messages", "wait")
    until = None if timeout is None else time.monotonic() + max(timeout, 0.0)
    while True:
        began = time.monotonic()
        answer = yield from _flow.ask_anew(lambda: _poll(where, asked, until), config.max_retries, until=until)
        envelope = _flow.open_envelope(answer)
        if envelope.result is not None:
            return as_model(envelope, Message)
        now = time.monotonic()
        if until is not None and now >= until:
            return None
        if now - began < SHORTEST_POLL:
            yield Pause(_least(_retry.jitter(SHORTEST_POLL), until, now))


def update(
    config: Config,
    inbox_id: str,
    message_id: str,
    *,
    labels: Sequence[str] | Unset = UNSET,
    read: bool | Unset = UNSET,
) -> Flow[Message]:
    """Change a message's labels or its read mark."""
    request = Request("PATCH", _path(inbox_id, message_id), body=changes(labels=labels, read=read))
    return fetch(config, request, Message)


def delete(config: Config, inbox_id: str, message_id: str) -> Flow[Deleted]:
    """Delete a message."""
    return remove(config, _path(inbox_id, message_id))


def unblock(config: Config, inbox_id: str, message_id: str, *, idempotency_key: str | None = None) -> Flow[Message]:
    """Release a message that a rule blocked: from now on it is as if it had just been received."""
    request = Request("POST", _path(inbox_id, message_id, "unblock"), body={}, headers=once(idempotency_key))
    return fetch(config, request, Message)


def raw(config: Config, inbox_id: str, message_id: str) -> Flow[bytes]:
    """Fetch the exact octets that were received."""
    answer = yield from _flow.ask(Request("GET", _path(inbox_id, message_id, "raw")), config.max_retries)
    return answer.content


def attachment(config: Config, inbox_id: str, message_id: str, attachment_id: str) -> Flow[Download]:
    """Get a link to an attachment; it needs no key and works for an hour."""
    return fetch(config, Request("GET", _path(inbox_id, message_id, "attachments", attachment_id)), Download)


def _poll(where: str, asked: dict[str, Any], until: float | None) -> Request:
    """Return the next long poll, for as long as there is time."""
    seconds = round(_least(LONGEST_POLL, until, time.monotonic()), 3)
    return Request("GET", where, {**asked, "timeout": str(seconds)}, patience=seconds)


def _least(seconds: float, until: float | None, now: float) -> float:
    return seconds if until is None else max(0.0, min(seconds, until - now))


def _path(inbox_id: str, message_id: str, *more: str) -> str:
    return path("inboxes", inbox_id, "messages", message_id, *more)
