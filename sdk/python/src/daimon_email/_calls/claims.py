"""Working through an inbox: each message is one caller's at a time. `inbox_id` is an inbox's id or its address."""

from __future__ import annotations

from daimon_email import _flow
from daimon_email._calls.common import as_model, given, once, path
from daimon_email._config import Config
from daimon_email._flow import Flow, Request
from daimon_email.models import Claimed, Message


def claim(
    config: Config,
    inbox_id: str,
    *,
    lease_seconds: int | None = None,
    label: str | None = None,
    from_: str | None = None,
    subject: str | None = None,
    thread_id: str | None = None,
    has_code: bool | None = None,
    idempotency_key: str | None = None,
) -> Flow[Claimed | None]:
    """Take the oldest message that nobody has handled, and hold it; None when nothing waits.

    It is nobody else's for `lease_seconds` (300). Then `ack` it, or `release` it; a lease that runs out gives it back.
    """
    wanted = given(label=label, from_=from_, subject=subject, thread_id=thread_id, has_code=has_code)
    body = given(lease_seconds=lease_seconds, filter=wanted or None)
    request = Request("POST", path("inboxes", inbox_id, "messages", "claim"), body=body, headers=once(idempotency_key))
    envelope = _flow.open_envelope((yield from _flow.ask(request, config.max_retries)))
    return None if envelope.result is None else as_model(envelope, Claimed)


def ack(config: Config, inbox_id: str, message_id: str, lease_id: str) -> Flow[Message]:
    """Say that a claimed message is handled. Raises StateConflict if somebody else has it by now."""
    return _end(config, inbox_id, message_id, "ack", lease_id)


def release(config: Config, inbox_id: str, message_id: str, lease_id: str) -> Flow[Message]:
    """Give a claimed message back at once; the claim does not count. Raises StateConflict as `ack` does."""
    return _end(config, inbox_id, message_id, "release", lease_id)


def _end(config: Config, inbox_id: str, message_id: str, how: str, lease_id: str) -> Flow[Message]:
    where = path("inboxes", inbox_id, "messages", message_id, how)
    request = Request("POST", where, body={"lease_id": lease_id}, headers=once())
    return as_model(_flow.open_envelope((yield from _flow.ask(request, config.max_retries))), Message)
