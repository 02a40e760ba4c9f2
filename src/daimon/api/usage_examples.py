"""What the reference shows of usage."""

from typing import Any

from daimon.api.operation import Example

_POD_ID = "pod_019cf63f0ac47f36d7e8f90a1b2c3d4e"
_USED = {"received": 42, "sent": 0, "bounced": 0, "stored_bytes": 181_402}
_LINE: dict[str, Any] = {"day": "2026-03-16", "pod_id": None, "inbox_id": None, **_USED}
_REPORT: dict[str, Any] = {
    "usage": [_LINE],
    "totals": _USED,
    "first_day": "2026-02-15",
    "last_day": "2026-03-16",
    "by": "account",
    "limit": 50,
    "has_more": False,
    "next_cursor": None,
}

GET_USAGE = Example(result=_REPORT)
GET_POD_USAGE = Example(result=_REPORT | {"usage": [_LINE | {"pod_id": _POD_ID}], "by": "pod"})
