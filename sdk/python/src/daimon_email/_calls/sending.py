"""Sending. `inbox_id` is an inbox's id or its address; an address may have a name: `Ada <ada@example.com>`."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from daimon_email._calls.common import Moment, fetch, given, once, path, text_of
from daimon_email._config import Config
from daimon_email._flow import Flow, Request
from daimon_email.models import Deliveries, SentMessage

Addresses = Union[str, Sequence[str]]


@dataclass(frozen=True)
class File:
    """A part to be attached. With `content_id`, the HTML can show it by `cid:`."""

    filename: str
    content: bytes
    content_type: str = "application/octet-stream"
    content_id: str | None = None


def send(
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
    client_id: str | None = None,
    dry_run: bool | None = None,
    send_at: Moment | None = None,
    draft_id: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[SentMessage]:
    """Send a mail. When this returns it is stored; what becomes of it is in `deliveries` and in events.

    With `client_id`, the same send again returns the message that it made. With `dry_run`, nothing is sent. With
    `send_at` it is sent by itself at that moment; with `draft_id` a draft is sent, changed by what else is given.
    """
    mail = given(to=to, subject=subject, body=body, body_html=body_html, cc=cc, bcc=bcc, reply_to=reply_to,
                 attachments=files(attachments), headers=headers, labels=labels, in_reply_to=in_reply_to,
                 references=references, thread_id=thread_id, client_id=client_id, dry_run=dry_run,
                 send_at=text_of(send_at), draft_id=draft_id)  # fmt: skip
    return _post(config, path("inboxes", inbox_id, "send"), mail, idempotency_key)


def reply(
    config: Config,
    inbox_id: str,
    message_id: str,
    *,
    body: str | None = None,
    body_html: str | None = None,
    to: Addresses | None = None,
    cc: Addresses | None = None,
    bcc: Addresses | None = None,
    subject: str | None = None,
    attachments: Sequence[File] | None = None,
    labels: Sequence[str] | None = None,
    client_id: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[SentMessage]:
    """Answer whom a message is from, in its thread."""
    mail = given(body=body, body_html=body_html, to=to, cc=cc, bcc=bcc, subject=subject,
                 attachments=files(attachments), labels=labels, client_id=client_id)  # fmt: skip
    return _post(config, _of(inbox_id, message_id, "reply"), mail, idempotency_key)


def reply_all(
    config: Config,
    inbox_id: str,
    message_id: str,
    *,
    body: str | None = None,
    body_html: str | None = None,
    bcc: Addresses | None = None,
    subject: str | None = None,
    attachments: Sequence[File] | None = None,
    labels: Sequence[str] | None = None,
    client_id: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[SentMessage]:
    """Answer whom a message is from, and all others whom it went to."""
    mail = given(body=body, body_html=body_html, bcc=bcc, subject=subject, attachments=files(attachments),
                 labels=labels, client_id=client_id)  # fmt: skip
    return _post(config, _of(inbox_id, message_id, "reply-all"), mail, idempotency_key)


def forward(
    config: Config,
    inbox_id: str,
    message_id: str,
    *,
    to: Addresses,
    body: str | None = None,
    cc: Addresses | None = None,
    bcc: Addresses | None = None,
    subject: str | None = None,
    attachments: Sequence[File] | None = None,
    labels: Sequence[str] | None = None,
    client_id: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[SentMessage]:
    """Hand a message on, with its attachments, below what `body` says."""
    mail = given(to=to, body=body, cc=cc, bcc=bcc, subject=subject, attachments=files(attachments), labels=labels,
                 client_id=client_id)  # fmt: skip
    return _post(config, _of(inbox_id, message_id, "forward"), mail, idempotency_key)


def deliveries(config: Config, inbox_id: str, message_id: str) -> Flow[Deliveries]:
    """Show what became of each recipient of a sent message, attempt by attempt."""
    return fetch(config, Request("GET", _of(inbox_id, message_id, "deliveries")), Deliveries)


def _post(config: Config, where: str, mail: dict[str, Any], idempotency_key: str | None) -> Flow[SentMessage]:
    return fetch(config, Request("POST", where, body=mail, headers=once(idempotency_key)), SentMessage)


def _of(inbox_id: str, message_id: str, what: str) -> str:
    return path("inboxes", inbox_id, "messages", message_id, what)


def files(given_files: Sequence[File] | None) -> list[dict[str, Any]] | None:
    """Return files as they are sent; None for none given."""
    if given_files is None:
        return None
    return [
        given(
            filename=file.filename,
            content=base64.b64encode(file.content).decode(),
            content_type=file.content_type,
            content_id=file.content_id,
        )
        for file in given_files
    ]
