"""Drafts: mails that are being written, or wait for their moment. `inbox_id` is an inbox's id or its address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daimon_email._calls.common import UNSET, Moment, Unset, changes, fetch, given, once, path, query, remove, text_of
from daimon_email._calls.sending import Addresses, File, files
from daimon_email._config import Config
from daimon_email._flow import Flow, Request
from daimon_email._paging import Listing, fetch_page
from daimon_email.models import Deleted, Draft, SentMessage


def create(
    config: Config,
    inbox_id: str,
    *,
    to: Addresses | None = None,
    subject: str | None = None,
    body: str | None = None,
    body_html: str | None = None,
    cc: Addresses | None = None,
    bcc: Addresses | None = None,
    reply_to: Addresses | None = None,
    attachments: Sequence[File] | None = None,
    headers: Mapping[str, str] | None = None,
    labels: Sequence[str] | None = None,
    in_reply_to: str | None = None,
    references: Sequence[str] | None = None,
    thread_id: str | None = None,
    send_at: Moment | None = None,
    client_id: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[Draft]:
    """Write a draft. With `send_at`, it is sent by itself at that moment."""
    fields = given(to=to, subject=subject, body=body, body_html=body_html, cc=cc, bcc=bcc, reply_to=reply_to,
                   attachments=files(attachments), headers=headers, labels=labels, in_reply_to=in_reply_to,
                   references=references, thread_id=thread_id, send_at=text_of(send_at),
                   client_id=client_id)  # fmt: skip
    request = Request("POST", path("inboxes", inbox_id, "drafts"), body=fields, headers=once(idempotency_key))
    return fetch(config, request, Draft)


def list(
    config: Config,
    inbox_id: str,
    *,
    limit: int | None = None,
    cursor: str | None = None,
    status: str | None = None,
) -> Flow[Listing[Draft]]:
    """List an inbox's drafts, the newest first, without their bodies."""
    asked = query(limit=limit, cursor=cursor, status=status)
    return fetch_page(config, path("inboxes", inbox_id, "drafts"), asked, "drafts", Draft)


def get(config: Config, inbox_id: str, draft_id: str) -> Flow[Draft]:
    """Show a draft whole, but for the contents of its files."""
    return fetch(config, Request("GET", _path(inbox_id, draft_id)), Draft)


def update(
    config: Config,
    inbox_id: str,
    draft_id: str,
    *,
    to: Addresses | Unset = UNSET,
    subject: str | Unset = UNSET,
    body: str | Unset | None = UNSET,
    body_html: str | Unset | None = UNSET,
    cc: Addresses | Unset = UNSET,
    bcc: Addresses | Unset = UNSET,
    reply_to: Addresses | Unset = UNSET,
    attachments: Sequence[File] | Unset = UNSET,
    labels: Sequence[str] | Unset = UNSET,
    thread_id: str | Unset | None = UNSET,
    send_at: Moment | Unset | None = UNSET,
) -> Flow[Draft]:
    """Change a draft, schedule it by `send_at`, or take that back with None."""
    fields = changes(to=to, subject=subject, body=body, body_html=body_html, cc=cc, bcc=bcc, reply_to=reply_to,
                     attachments=attachments if isinstance(attachments, Unset) else files(attachments),
                     labels=labels, thread_id=thread_id,
                     send_at=send_at if isinstance(send_at, Unset) else text_of(send_at))  # fmt: skip
    return fetch(config, Request("PATCH", _path(inbox_id, draft_id), body=fields), Draft)


def delete(config: Config, inbox_id: str, draft_id: str) -> Flow[Deleted]:
    """Delete a draft; one that is scheduled is not sent."""
    return remove(config, _path(inbox_id, draft_id))


def send(config: Config, inbox_id: str, draft_id: str, *, idempotency_key: str | None = None) -> Flow[SentMessage]:
    """Send a draft now. It is sent once."""
    request = Request("POST", f"{_path(inbox_id, draft_id)}/send", headers=once(idempotency_key))
    return fetch(config, request, SentMessage)


def _path(inbox_id: str, draft_id: str) -> str:
    return path("inboxes", inbox_id, "drafts", draft_id)
