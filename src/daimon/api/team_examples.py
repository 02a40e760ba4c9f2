"""What the reference shows for teams."""

from typing import Any

from daimon.api.operation import Example

_AT = "2026-03-16T10:30:00.000Z"
_TEAM_ID = "team_019cf63f0ac77c39d0e1f2a3b4c5d6e7"
_VIEWER = {"role": "viewer", "pod_id": None}

_TEAM: dict[str, Any] = {
    "id": _TEAM_ID,
    "name": "Support",
    "description": "Who answers customers",
    "grants": [],
    "member_count": 0,
    "client_id": "team-support",
    "created_at": _AT,
    "updated_at": _AT,
}
_GRANTED = _TEAM | {"grants": [_VIEWER], "member_count": 1}

CREATE_TEAM = Example(
    body={"name": "Support", "description": "Who answers customers", "client_id": "team-support"}, result=_TEAM
)
LIST_TEAMS = Example(
    result={"teams": [_GRANTED], "total": 1, "limit": 50, "offset": 0, "has_more": False, "next_cursor": None}
)
GET_TEAM = Example(result=_GRANTED)
PATCH_TEAM = Example(body={"name": "Customer support"}, result=_GRANTED | {"name": "Customer support"})
DELETE_TEAM = Example(result={"id": _TEAM_ID, "deleted": True})
ADD_TEAM_MEMBER = Example(result=_GRANTED)
REMOVE_TEAM_MEMBER = Example(result=_GRANTED | {"member_count": 0})
SET_TEAM_GRANTS = Example(body={"grants": [_VIEWER]}, result=_GRANTED)
