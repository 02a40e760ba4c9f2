"""What the reference shows of events."""

from daimon.api.operation import Example

LIST_EVENTS = Example(
    result={
        "events": [
            {
                "event": "inbox.created",
                "event_id": "evt_019cf63f0ac77c39d0e1000000000001",
                "sequence": 1,
                "timestamp": "2026-03-16T10:30:00.000Z",
                "account_id": "acc_019cf63f0ac47f36d7e8f90a1b2c3d4e",
                "pod_id": None,
                "inbox_id": "inbox_019cf63f0ac57a36d7e8f90a1b2c3d4e",
                "data": {"inbox": {"id": "inbox_019cf63f0ac57a36d7e8f90a1b2c3d4e", "email": "agent@daimon.email"}},
            }
        ],
        "has_more": False,
        "next_cursor": "1",
    }
)
