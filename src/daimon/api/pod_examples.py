"""What the reference shows of pods."""

from typing import Any

from daimon.api import examples
from daimon.api.operation import Example

_POD_ID = "pod_019cf63f0ac47f36d7e8f90a1b2c3d4e"
_AT = "2026-03-16T10:30:00.000Z"
_POD: dict[str, Any] = {
    "id": _POD_ID,
    "name": "Customer A",
    "description": None,
    "subdomain": "customer-a",
    "client_id": "customer-a",
    "metadata": {"plan": "gold"},
    "status": "active",
    "limits": {"max_inboxes": 5, "max_sends_per_day": None},
    "inbox_count": 0,
    "cost_center": "4711",
    "created_at": _AT,
    "updated_at": _AT,
}

CREATE_POD = Example(
    body={
        "name": "Customer A",
        "subdomain": "customer-a",
        "client_id": "customer-a",
        "metadata": {"plan": "gold"},
        "limits": {"max_inboxes": 5},
        "cost_center": "4711",
    },
    result=_POD | {"pod_api_key": "dm_free_pod456..."},
)
LIST_PODS = Example(
    result={"pods": [_POD], "total": 1, "limit": 50, "offset": 0, "has_more": False, "next_cursor": None}
)
GET_POD = Example(result=_POD)
PATCH_POD = Example(body={"name": "Customer A Ltd"}, result=_POD | {"name": "Customer A Ltd"})
DELETE_POD = Example(result={"id": _POD_ID, "deleted": True})
ROTATE_POD_KEY = Example(
    body={"grace_seconds": 3600},
    result={
        "pod_id": _POD_ID,
        "key_id": "key_019cf63f0ac37e25c6d7e8f9a0b1c2d3",
        "pod_api_key": "dm_free_pod789...",
        "old_key_valid_until": "2026-03-16T11:30:00.000Z",
    },
)
LIST_POD_INBOXES = examples.LIST_INBOXES
LIST_POD_THREADS = examples.LIST_THREADS
