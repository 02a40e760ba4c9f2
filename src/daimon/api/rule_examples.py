"""What the reference shows of rules."""

from typing import Any

from daimon.api.operation import Example

_ID = "rule_019cf63f0ac57f36d7e8f90a1b2c3d4e"
_RULE: dict[str, Any] = {
    "id": _ID,
    "account_id": "acc_019cf63f0ac17c03b5d1f2a3b4c5d6e7",
    "pod_id": None,
    "inbox_id": "inbox_019cf63f0ac27d14a6c7d8e9f0a1b2c3",
    "level": "inbox",
    "direction": "inbound",
    "action": "block",
    "value": "spam.example",
    "reason": "Sends newsletters that nobody asked for",
    "client_id": None,
    "created_at": "2026-03-16T10:30:00.000Z",
}

CREATE_RULE = Example(
    body={name: _RULE[name] for name in ("direction", "action", "value", "inbox_id", "reason")}, result=_RULE
)
LIST_RULES = Example(
    result={"rules": [_RULE], "total": 1, "limit": 50, "offset": 0, "has_more": False, "next_cursor": None}
)
GET_RULE = Example(result=_RULE)
DELETE_RULE = Example(result={"id": _ID, "deleted": True})
