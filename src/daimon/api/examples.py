"""What the reference shows for each operation; a test checks each against the types."""

from typing import Any

from daimon.api.operation import Example

_AT = "2026-03-16T10:30:00.000Z"
_ACCOUNT_ID = "acc_019cf63f0ac17c03b5d1f2a3b4c5d6e7"
_INBOX_ID = "inbox_019cf63f0ac27d14a6c7d8e9f0a1b2c3"
_THREAD_ID = "thr_019cf6480e1f7a25b7c8d9e0f1a2b3c4"
_MESSAGE_ID = "msg_019cf6480e20714697a8b9c0d1e2f3a4"
_ATTACHMENT_ID = "att_019cf6480e217b36a1b2c3d4e5f60718"
_KEY_ID = "key_019cf63f0ac37e25c6d7e8f9a0b1c2d3"

_INBOX: dict[str, Any] = {
    "id": _INBOX_ID,
    "account_id": _ACCOUNT_ID,
    "pod_id": None,
    "username": "platform-admin",
    "domain": "daimon.email",
    "email": "platform-admin@daimon.email",
    "display_name": None,
    "status": "active",
    "tier": "free",
    "message_count": 0,
    "thread_count": 0,
    "unread_count": 0,
    "last_received_at": None,
    "client_id": "bootstrap-001",
    "metadata": {},
    "view_url": f"https://api.daimon.email/console/inboxes/{_INBOX_ID}",
    "created_at": _AT,
    "updated_at": _AT,
}
_THREAD: dict[str, Any] = {
    "id": _THREAD_ID,
    "inbox_id": _INBOX_ID,
    "pod_id": None,
    "subject": "Your code",
    "participants": ["login@example.com", "platform-admin@daimon.email"],
    "labels": ["signup"],
    "message_count": 1,
    "unread_count": 1,
    "last_message_at": _AT,
    "preview": "Your code is 123456.",
    "created_at": _AT,
    "updated_at": _AT,
}
_LISTED_MESSAGE: dict[str, Any] = {
    "id": _MESSAGE_ID,
    "account_id": _ACCOUNT_ID,
    "pod_id": None,
    "inbox_id": _INBOX_ID,
    "thread_id": _THREAD_ID,
    "direction": "inbound",
    "status": "received",
    "from_address": "login@example.com",
    "from_name": "Example",
    "to": [{"address": "platform-admin@daimon.email", "name": None}],
    "cc": [],
    "bcc": [],
    "reply_to": [],
    "subject": "Your code",
    "body_text": "Your code is 123456.\n",
    "reply_body": "Your code is 123456.",
    "preview": "Your code is 123456.",
    "links": [],
    "cta_links": [],
    "codes": [{"code": "123456", "kind": "verification"}],
    "labels": [],
    "read": False,
    "message_id": "<20260316.1@example.com>",
    "in_reply_to": None,
    "references": [],
    "attachments": [
        {
            "id": _ATTACHMENT_ID,
            "filename": "terms.pdf",
            "content_type": "application/pdf",
            "size": 18231,
            "inline": False,
            "content_id": None,
        }
    ],
    "authentication": {"spf": "pass", "dkim": "pass", "dmarc": "pass", "arc": "none", "aligned": True},
    "safety": {"spam_score": 0.0, "verdict": "clean", "findings": []},
    "size": 25913,
    "sent_at": _AT,
    "received_at": _AT,
    "deleted_at": None,
}
_MESSAGE = _LISTED_MESSAGE | {"body_html": None, "headers": {"subject": ["Your code"]}}
_FREE_LIMITS = {
    "max_inboxes": 10,
    "current_inboxes": 2,
    "max_sends_per_day": 0,
    "current_sends_today": 0,
    "webhooks_enabled": True,
    "custom_domains_enabled": False,
    "burst_per_minute": 10,
    "concurrent_sends": 0,
    "max_custom_domains": 0,
}

CREATE_INBOX = Example(
    body={"username": "platform-admin", "client_id": "bootstrap-001"},
    result=_INBOX | {"inbox_api_key": "dm_free_inbox123...", "account_api_key": "dm_free_account456..."},
)
LIST_INBOXES = Example(
    result={"inboxes": [_INBOX], "total": 1, "limit": 50, "offset": 0, "has_more": False, "next_cursor": None}
)
GET_INBOX = Example(result=_INBOX)
PATCH_INBOX = Example(
    body={"display_name": "Platform", "metadata": {"team": "core"}},
    result=_INBOX | {"display_name": "Platform", "metadata": {"team": "core"}},
)
DELETE_INBOX = Example(result={"id": _INBOX_ID, "deleted": True})
ROTATE_INBOX_KEY = Example(
    body={"grace_seconds": 3600},
    result={
        "inbox_id": _INBOX_ID,
        "email": "platform-admin@daimon.email",
        "key_id": _KEY_ID,
        "inbox_api_key": "dm_free_inbox789...",
        "old_key_valid_until": "2026-03-16T11:30:00.000Z",
    },
)
GET_ACCOUNT = Example(
    result={
        "account_id": _ACCOUNT_ID,
        "tier": "free",
        "status": "active",
        "limits": _FREE_LIMITS,
        "operator_email": None,
        "created_at": _AT,
        "status_reason": None,
        "operator_email_verified": False,
        "deleted_at": None,
        "erased_at": None,
    }
)
WHOAMI = Example(
    result={
        "key_id": _KEY_ID,
        "name": "reader",
        "scope": "inbox",
        "account_id": _ACCOUNT_ID,
        "pod_id": None,
        "inbox_id": _INBOX_ID,
        "member_id": None,
        "permissions": ["inboxes:read", "messages:read"],
        "expires_at": None,
        "tier": "free",
        "status": "active",
    }
)
LIST_MESSAGES = Example(result={"messages": [_LISTED_MESSAGE], "has_more": False, "next_cursor": None})
WAIT_FOR_MESSAGE = Example(result=_MESSAGE)
GET_MESSAGE = Example(result=_MESSAGE)
PATCH_MESSAGE = Example(body={"read": True, "labels": ["done"]}, result=_MESSAGE | {"read": True, "labels": ["done"]})
_LEASE_ID = "lease_019cf63f0ac87f36d7e8f90a1b2c3d4e"
CLAIM_MESSAGE = Example(
    body={"lease_seconds": 300, "filter": {"label": "invoices"}},
    result={
        "message": _MESSAGE | {"labels": ["invoices"]},
        "claim": {"lease_id": _LEASE_ID, "claim_count": 1, "leased_until": "2026-03-16T10:35:00.000Z"},
    },
)
ACK_MESSAGE = Example(body={"lease_id": _LEASE_ID}, result=_MESSAGE)
RELEASE_MESSAGE = Example(body={"lease_id": _LEASE_ID}, result=_MESSAGE)
UNBLOCK_MESSAGE = Example(result=_MESSAGE)
DELETE_MESSAGE = Example(result={"id": _MESSAGE_ID, "deleted": True})
GET_ATTACHMENT = Example(
    result={
        "url": "https://api.daimon.email/v1/downloads/lcQQAZz2Pwr...",
        "expires_at": "2026-03-16T11:30:00.000Z",
        "filename": "terms.pdf",
        "content_type": "application/pdf",
        "size": 18231,
    }
)
LIST_THREADS = Example(result={"threads": [_THREAD], "has_more": False, "next_cursor": None})
GET_THREAD = Example(result=_THREAD)
PATCH_THREAD = Example(body={"read": True}, result=_THREAD | {"unread_count": 0})
DELETE_THREAD = Example(result={"id": _THREAD_ID, "deleted": True})
ADD_LABELS = Example(body={"labels": ["urgent"]}, result=_THREAD | {"labels": ["signup", "urgent"]})
REMOVE_LABELS = Example(body={"labels": ["signup"]}, result=_THREAD | {"labels": []})
