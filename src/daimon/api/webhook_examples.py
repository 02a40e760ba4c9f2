"""What the reference shows of webhooks."""

from typing import Any

from daimon.api.operation import Example

_AT = "2026-03-16T10:30:00.000Z"
_ID = "wh_019cf63f0ac57f36d7e8f90a1b2c3d4e"
_EVENT_ID = "evt_019cf63f0ac67f36d7e80000000004d2"
_WEBHOOK: dict[str, Any] = {
    "id": _ID,
    "account_id": "acc_019cf63f0ac27d14b5c6d7e8f90a1b2c",
    "pod_id": None,
    "inbox_id": None,
    "url": "https://example.com/hooks/mail",
    "description": "Production",
    "events": ["message.received"],
    "status": "active",
    "disabled_reason": None,
    "failure_count": 0,
    "last_delivered_at": None,
    "client_id": "mail-production",
    "created_at": _AT,
    "updated_at": _AT,
}
_ATTEMPT: dict[str, Any] = {
    "at": _AT,
    "url": "https://example.com/hooks/mail",
    "headers": {
        "content-type": "application/json",
        "webhook-id": _EVENT_ID,
        "webhook-timestamp": "1773657000",
        "x-daimon-event": "message.received",
        "x-daimon-sequence": "1234",
    },
    "duration_ms": 87,
    "response_status": 200,
    "response_body": "ok",
    "error": None,
    "remote_ip": "93.184.215.14",
}
_DELIVERY: dict[str, Any] = {
    "id": "dlv_019cf63f0ac77f36d7e8f90a1b2c3d4e",
    "webhook_id": _ID,
    "event": "message.received",
    "event_id": _EVENT_ID,
    "sequence": 1234,
    "replay_id": None,
    "status": "succeeded",
    "attempt_count": 1,
    "attempts": [_ATTEMPT],
    "next_attempt_at": None,
    "created_at": _AT,
    "updated_at": _AT,
}

CREATE_WEBHOOK = Example(
    body={
        "url": "https://example.com/hooks/mail",
        "events": ["message.received"],
        "description": "Production",
        "client_id": "mail-production",
    },
    result=_WEBHOOK | {"secret": "whsec_..."},
)
LIST_WEBHOOKS = Example(
    result={"webhooks": [_WEBHOOK], "total": 1, "limit": 50, "offset": 0, "has_more": False, "next_cursor": None}
)
GET_WEBHOOK = Example(result=_WEBHOOK)
PATCH_WEBHOOK = Example(
    body={"status": "disabled"}, result=_WEBHOOK | {"status": "disabled", "disabled_reason": "paused"}
)
DELETE_WEBHOOK = Example(result={"id": _ID, "deleted": True})
ROTATE_SECRET = Example(
    result={"webhook_id": _ID, "secret": "whsec_...", "old_secret_valid_until": "2026-03-17T10:30:00.000Z"}
)
TEST_WEBHOOK = Example(
    result={
        "delivered": True,
        "event_id": "evt_019cf63f0ac87f36d7e8f90a1b2c3d4e",
        "attempt": _ATTEMPT
        | {
            "headers": {
                "content-type": "application/json",
                "webhook-id": "evt_019cf63f0ac87f36d7e8f90a1b2c3d4e",
                "webhook-timestamp": "1773657000",
                "x-daimon-event": "webhook.test",
            }
        },
    }
)
LIST_DELIVERIES = Example(result={"deliveries": [_DELIVERY], "has_more": False, "next_cursor": None})
RETRY_DELIVERY = Example(result=_DELIVERY | {"status": "pending", "next_attempt_at": "2026-03-16T10:45:00.000Z"})
REPLAY = Example(
    body={"after": 1200, "before": 1235, "events": ["message.received"]},
    result={
        "id": "rpl_019cf63f0ac97f36d7e8f90a1b2c3d4e",
        "webhook_id": _ID,
        "after": 1200,
        "until": 1234,
        "events": ["message.received"],
        "created_at": _AT,
    },
)
