"""What there is more to than a request and an answer; the generated resources extend these."""

from __future__ import annotations

import os
from collections.abc import Sequence

from daimon_email._async import AsyncEventStream, AsyncResource
from daimon_email._following import Following
from daimon_email._requests import Moment, commas, get, linked, seg
from daimon_email._verifying import Headers, verify
from daimon_email._waiting import wait
from daimon_email.models import Download, Event, EventType, Message


class AsyncMessagesByHand(AsyncResource):
    """Calls about messages."""

    async def wait(
        self,
        inbox_id: str,
        *,
        timeout: float | None = 60.0,
        after: Moment | int | None = None,
        from_: str | None = None,
        subject: str | None = None,
        has_code: bool | None = None,
    ) -> Message | None:
        """Wait for a message, and return it whole as soon as it is there; None after `timeout` seconds without one.

        Without `after` (an event's number or id, a message's id or a time), an unread message that is there already is
        returned at once. `timeout=None` waits for ever. A server that stops meanwhile is looked for until then.
        """
        wanted = {"after": after, "from": from_, "subject": subject, "has_code": has_code}
        return await self._transport.run(wait(self._retries, inbox_id, timeout, **wanted))

    async def download(self, inbox_id: str, message_id: str, attachment_id: str) -> bytes:
        """Fetch the octets of an attachment."""
        where = f"/v1/inboxes/{seg(inbox_id)}/messages/{seg(message_id)}/attachments/{seg(attachment_id)}"
        return await self._octets(linked((await self._call(get(where), Download)).url))


class AsyncEventsByHand(AsyncResource):
    """Calls about events."""

    def stream(
        self,
        *,
        after: int | str | None = None,
        events: Sequence[EventType] | None = None,
        inbox_ids: Sequence[str] | None = None,
        pod_ids: Sequence[str] | None = None,
    ) -> AsyncEventStream:
        """Follow events as they happen, behind the number or id of one, or from now on; iterate over what it returns.

        A lost connection is opened again behind the last event, so none is missed and none comes twice. Messages in
        `data` are whole.
        """
        asked = get("", after=after, event=commas(events), inbox_id=commas(inbox_ids), pod_id=commas(pod_ids)).query
        return AsyncEventStream(Following(self._config, "/v1/events/stream", asked), self._transport)


class AsyncWebhooksByHand(AsyncResource):
    """Calls about webhooks; `verify` asks nobody."""

    def verify(self, body: bytes | str, headers: Headers, secret: str) -> Event:
        """Return the event in a webhook's request, if it is ours and not older than five minutes.

        Args:
            body: The request's body, octet by octet as it came.
            headers: The request's headers, in any case; a mapping, or pairs as ASGI has them.
            secret: The webhook's secret, `whsec_…`.

        Raises:
            InvalidSignature: It was not signed with this secret, or too long ago.
        """
        return verify(body, headers, secret)


class AsyncAccountByHand(AsyncResource):
    """Calls about the account."""

    async def save_export(self, path: str | os.PathLike[str]) -> int:
        """Download everything in the account into a ZIP archive, piece by piece; return its size in octets.

        For accounts that memory may not hold: `export` returns the same. Tried once. Raises OSError.
        """
        return await self._save(get("/v1/account/export"), path)
