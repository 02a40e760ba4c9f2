"""The headers of a webhook: Standard Webhooks (https://www.standardwebhooks.com), and our own shorter signature."""

import base64
from collections.abc import Sequence
from datetime import datetime

from daimon.kit.crypto import sign
from daimon.webhooks.secret import key_of

SECRET_HEADERS = ("webhook-signature", "x-daimon-signature")  # that no log shows


def headers(
    *, event_id: str, event: str, sequence: int | None, at: datetime, body: bytes, secrets: Sequence[str]
) -> dict[str, str]:
    """Return the headers of one attempt.

    Args:
        event_id: The same for each attempt and each replay of an event: what receivers tell repeats by.
        event: Its type.
        sequence: Its number, None for a test.
        at: When this attempt is made; receivers refuse what is too old.
        body: What is sent.
        secrets: The webhook's secret, and the one before it while both sign.
    """
    timestamp = str(int(at.timestamp()))
    signed = b".".join((event_id.encode(), timestamp.encode(), body))
    keys = [key_of(secret) for secret in secrets]
    made = {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(sign(key, signed)).decode()}" for key in keys),
        "x-daimon-signature": ",".join(f"sha256={sign(secret.encode(), body).hex()}" for secret in secrets),
        "x-daimon-event": event,
    }
    return made if sequence is None else made | {"x-daimon-sequence": str(sequence)}
