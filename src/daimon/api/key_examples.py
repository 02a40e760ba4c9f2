"""What the reference shows for keys; a test checks each against the types."""

from typing import Any

from daimon.api.operation import Example

_AT = "2026-03-16T10:30:00.000Z"
_KEY_ID = "key_019cf63f0ac37e25c6d7e8f9a0b1c2d3"
_POD_ID = "pod_019cf63f0ac57c36d7e8f9a0b1c2d3e4"
_KEY: dict[str, Any] = {
    "id": _KEY_ID,
    "scope": "pod",
    "pod_id": _POD_ID,
    "inbox_id": None,
    "member_id": None,
    "name": "acme, reading",
    "permissions": ["inboxes:read", "messages:read"],
    "expires_at": None,
    "allowed_networks": ["192.0.2.0/24"],
    "created_by": "key_019cf63f0ac27d14a6c7d8e9f0a1b2c3",
    "created_at": _AT,
    "last_used_at": None,
    "prefix": "dm_free_1aZ9xQ",
    "status": "active",
    "client_id": "acme-reader",
}

CREATE_KEY = Example(
    body={
        "scope": "pod",
        "pod_id": _POD_ID,
        "name": "acme, reading",
        "permissions": ["inboxes:read", "messages:read"],
        "allowed_networks": ["192.0.2.0/24"],
        "client_id": "acme-reader",
    },
    result=_KEY | {"api_key": "dm_free_1aZ9xQ..."},
)
LIST_KEYS = Example(
    result={"keys": [_KEY], "total": 1, "limit": 50, "offset": 0, "has_more": False, "next_cursor": None}
)
GET_KEY = Example(result=_KEY | {"unused_permissions": ["inboxes:read"]})
PATCH_KEY = Example(
    body={"name": "acme, mail", "permissions": ["messages:read"]},
    result=_KEY | {"name": "acme, mail", "permissions": ["messages:read"]},
)
DELETE_KEY = Example(result={"id": _KEY_ID, "deleted": True})
ROTATE_KEY = Example(
    body={"grace_seconds": 3600},
    result=_KEY | {"api_key": "dm_free_8kQ2bW...", "old_key_valid_until": "2026-03-16T11:30:00.000Z"},
)
ROTATE_ACCOUNT_KEY = Example(
    body={"grace_seconds": 3600},
    result={
        "account_id": "acc_019cf63f0ac17c03b5d1f2a3b4c5d6e7",
        "key_id": _KEY_ID,
        "account_api_key": "dm_free_account789...",
        "old_key_valid_until": "2026-03-16T11:30:00.000Z",
    },
)
REPORT_LEAKED_KEY = Example(body={"key": "dm_free_1aZ9xQ..."}, result={"received": True})
