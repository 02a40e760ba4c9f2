"""What the reference shows of suppressions."""

from typing import Any

from daimon.api.operation import Example

_ADDRESS = "gone@example.com"
_SUPPRESSION: dict[str, Any] = {
    "address": _ADDRESS,
    "account_id": "acc_019cf63f0ac17c03b5d1f2a3b4c5d6e7",
    "pod_id": None,
    "reason": "bounce",
    "message_id": "msg_019cf6480e20714697a8b9c0d1e2f3a4",
    "detail": "550 5.1.1 No such user",
    "created_at": "2026-03-16T10:30:00.000Z",
}
_MANUAL = _SUPPRESSION | {"reason": "manual", "message_id": None, "detail": "Asked by telephone"}

ADD_SUPPRESSION = Example(body={"address": _ADDRESS, "detail": "Asked by telephone"}, result=_MANUAL)
LIST_SUPPRESSIONS = Example(result={"suppressions": [_SUPPRESSION], "has_more": False, "next_cursor": None})
GET_SUPPRESSION = Example(result=_SUPPRESSION)
DELETE_SUPPRESSION = Example(result={"id": _ADDRESS, "deleted": True})
