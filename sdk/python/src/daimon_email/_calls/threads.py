"""Threads. `inbox_id` is an inbox's id or its address."""

from __future__ import annotations

from collections.abc import Sequence

from daimon_email._calls.common import UNSET, Moment, Unset, changes, fetch, once, path, query, remove
from daimon_email._config import Config
from daimon_email._flow import Flow, Request
from daimon_email._paging import Listing, fetch_page
from daimon_email.models import Deleted, Thread


def list(
    config: Config,
    inbox_id: str | None = None,
    *,
    limit: int | None = None,
    cursor: str | None = None,
    label: str | None = None,
    unread: bool | None = None,
    before: Moment | None = None,
    after: Moment | None = None,
    q: str | None = None,
    order: str | None = None,
    pod_id: str | None = None,
) -> Flow[Listing[Thread]]:
    """List an inbox's threads, or without `inbox_id` those of all inboxes; the one with the newest message first.

    `order` is `"desc"` or `"asc"`; `q` is looked for in subject and preview.
    """
    asked = query(limit=limit, cursor=cursor, label=label, unread=unread, before=before, after=after, q=q, order=order,
                  pod_id=pod_id)  # fmt: skip
    where = path("threads") if inbox_id is None else path("inboxes", inbox_id, "threads")
    return fetch_page(config, where, asked, "threads", Thread)


def get(config: Config, inbox_id: str, thread_id: str) -> Flow[Thread]:
    """Show a thread."""
    return fetch(config, Request("GET", _path(inbox_id, thread_id)), Thread)


def update(
    config: Config,
    inbox_id: str,
    thread_id: str,
    *,
    labels: Sequence[str] | Unset = UNSET,
    read: bool | Unset = UNSET,
) -> Flow[Thread]:
    """Change a thread's labels, or mark all its messages read or unread."""
    return fetch(config, Request("PATCH", _path(inbox_id, thread_id), body=changes(labels=labels, read=read)), Thread)


def delete(config: Config, inbox_id: str, thread_id: str) -> Flow[Deleted]:
    """Delete a thread and its messages."""
    return remove(config, _path(inbox_id, thread_id))


def add_labels(config: Config, inbox_id: str, thread_id: str, labels: Sequence[str]) -> Flow[Thread]:
    """Add labels to a thread."""
    body = {"labels": labels}
    return fetch(config, Request("POST", _path(inbox_id, thread_id, "labels"), body=body, headers=once()), Thread)


def remove_labels(config: Config, inbox_id: str, thread_id: str, labels: Sequence[str]) -> Flow[Thread]:
    """Take labels off a thread."""
    # In the query: not every proxy passes on the body of a DELETE.
    return fetch(config, Request("DELETE", _path(inbox_id, thread_id, "labels"), query(label=labels)), Thread)


def _path(inbox_id: str, thread_id: str, *more: str) -> str:
    return path("inboxes", inbox_id, "threads", thread_id, *more)
