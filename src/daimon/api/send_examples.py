"""What the reference shows of sending."""

from typing import Any

from daimon.api.operation import Example

_AT = "2026-03-16T10:30:00.000Z"
_INBOX_ID = "inbox_019cf63f0ac27d14a6c7d8e9f0a1b2c3"
_MESSAGE_ID = "msg_019cf6480e20714697a8b9c0d1e2f3a5"
_SENT: dict[str, Any] = {
    "id": _MESSAGE_ID,
    "message_id": "<019cf6480e20714697a8b9c0d1e2f3a5@daimon.email>",
    "inbox_id": _INBOX_ID,
    "thread_id": "thr_019cf6480e1f7a25b7c8d9e0f1a2b3c4",
    "status": "queued",
    "recipients": [{"address": "ada@example.com", "kind": "to", "status": "queued"}],
    "size": 2315,
    "dry_run": False,
}
_TEXT = "Dear Ada,\n\nyour invoice is attached.\n"
_FILE = {"filename": "invoice.pdf", "content_type": "application/pdf", "content": "JVBERi0xLjcK"}

SEND = Example(
    _SENT,
    body={
        "to": "Ada <ada@example.com>",
        "subject": "Your invoice",
        "body": _TEXT,
        "attachments": [_FILE],
        "client_id": "invoice-4711",
    },
)
REPLY = Example(_SENT, body={"body": "Thank you, it has arrived."})
REPLY_ALL = Example(_SENT, body={"body": "Thank you all."})
FORWARD = Example(_SENT, body={"to": ["ada@example.com"], "body": "For your files."})
CANCEL = Example(
    _SENT | {"status": "cancelled", "recipients": [{"address": "ada@example.com", "kind": "to", "status": "cancelled"}]}
)
DELIVERIES = Example(
    {
        "deliveries": [
            {
                "id": "dlv_019cf6480e217b36a1b2c3d4e5f60718",
                "recipient": "ada@example.com",
                "kind": "to",
                "status": "delivered",
                "next_attempt_at": None,
                "created_at": _AT,
                "updated_at": _AT,
                "attempts": [
                    {
                        "at": _AT,
                        "duration_ms": 412,
                        "outcome": "delivered",
                        "host": "mx1.example.com",
                        "address": "192.0.2.1",
                        "tls": "TLSv1.3",
                        "code": 250,
                        "enhanced_status": "2.0.0",
                        "reply": "queued as 4711",
                        "scope": None,
                        "ambiguous": False,
                    }
                ],
            }
        ]
    }
)
