"""One attempt: an event is signed, sent, and what comes back is judged."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidTag

from daimon.feed.models import Told, encoded
from daimon.kit.clock import Clock
from daimon.kit.ids import Kind, show
from daimon.kit.safe_http import Failed, Failure, Reply, SafeHttp
from daimon.webhooks import ladder, metrics, signing
from daimon.webhooks.leasing import Leased
from daimon.webhooks.models import Attempt
from daimon.webhooks.secret import Vault

ANSWER_KEPT = 2048  # octets of an answer that the log shows
_GONE: Final = 410
_BUSY: Final = (429, 503)  # whose Retry-After is heeded
_SEALED_OTHERWISE: Final = "The server's secret key is another one now: rotate the webhook's."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt."""

    attempt: Attempt
    succeeded: bool
    gone: bool = False
    not_before: datetime | None = None


async def attempt(http: SafeHttp, vault: Vault, hook: Leased, told: Told, clock: Clock) -> Outcome:
    """Send an event to a webhook once."""
    at = clock()
    try:
        secrets = secrets_of(hook, vault, at)
    except InvalidTag:
        return Outcome(Attempt(at, hook.url, {}, 0, error=_SEALED_OTHERWISE), succeeded=False)
    body = encoded(told, webhook_id=hook.id)
    headers = signing.headers(
        event_id=show(Kind.EVENT, told.id),
        event=told.event,
        sequence=told.sequence,
        at=at,
        body=body,
        secrets=secrets,
    )
    outcome = await send(http, hook.url, body, headers, at, clock)
    metrics.attempted("succeeded" if outcome.succeeded else "failed")
    metrics.answered(outcome.attempt.duration_ms / 1000)
    return outcome


async def send(http: SafeHttp, url: str, body: bytes, headers: dict[str, str], at: datetime, clock: Clock) -> Outcome:
    """Send a signed body to a URL once."""
    shown = {name: value for name, value in headers.items() if name not in signing.SECRET_HEADERS}
    try:
        reply = await http.post(url, body, headers)
    except Failed as failed:
        return Outcome(_failed(failed, at, url, shown), succeeded=False)
    return _judged(reply, at, url, shown, clock())


def secrets_of(hook: Leased, vault: Vault, now: datetime) -> list[str]:
    """Return the secrets that sign at a moment, the newest first."""
    both = hook.previous_secret is not None and hook.previous_until is not None and hook.previous_until > now
    return [vault.open(hook.secret), *([vault.open(hook.previous_secret)] if both and hook.previous_secret else [])]


def _judged(reply: Reply, at: datetime, url: str, shown: dict[str, str], now: datetime) -> Outcome:
    succeeded = 200 <= reply.status < 300
    tried = Attempt(
        at=at,
        url=url,
        headers=shown,
        duration_ms=reply.duration_ms,
        status=reply.status,
        error=None if succeeded else _fault(reply.status),
        answer=reply.body[:ANSWER_KEPT].decode("utf-8", "replace"),
        remote_ip=reply.remote_ip,
    )
    return Outcome(
        tried,
        succeeded,
        gone=reply.status == _GONE,
        not_before=ladder.pause(reply.headers.get("retry-after"), now) if reply.status in _BUSY else None,
    )


def _fault(status: int) -> str:
    if 300 <= status < 400:
        return f"The endpoint answered {status}; redirects are not followed: give the URL that it leads to."
    return f"The endpoint answered {status}, not 2xx."


def _failed(failed: Failed, at: datetime, url: str, shown: dict[str, str]) -> Attempt:
    return Attempt(
        at=at,
        url=url,
        headers=shown,
        duration_ms=failed.duration_ms,
        status=failed.status if failed.kind is not Failure.REFUSED else None,
        error=failed.reason,
        remote_ip=failed.remote_ip,
    )
