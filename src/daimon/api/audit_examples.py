"""What the reference shows for the audit trail; a test checks it against the types."""

from daimon.api.operation import Example

LIST_AUDIT = Example(
    result={
        "audit": [
            {
                "id": "aud_019cf6480e327c14a6c7d8e9f0a1b2c3",
                "number": 2,
                "at": "2026-03-16T10:30:00.000Z",
                "actor": {
                    "kind": "key",
                    "key_id": "key_019cf63f0ac37e25c6d7e8f9a0b1c2d3",
                    "member_id": None,
                    "ip": "203.0.113.7",
                },
                "action": "update_thread",
                "target": "thr_019cf6480e1f7a25b7c8d9e0f1a2b3c4",
                "pod_id": None,
                "inbox_id": "inbox_019cf63f0ac27d14a6c7d8e9f0a1b2c3",
                "before": {"labels": [], "message_count": 1, "unread_count": 1},
                "after": {"labels": [], "message_count": 1, "unread_count": 0},
                "request_id": "req_019cf6480e2e7b03b5d1f2a3b4c5d6e7",
                "hash": "8f3a0c5b1e7d42960a4bb1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506",
            }
        ],
        "has_more": False,
        "next_cursor": None,
    }
)
