"""What the reference shows for members and invitations."""

from typing import Any

from daimon.api.operation import Example

_AT = "2026-03-16T10:30:00.000Z"
_MEMBER_ID = "mem_019cf63f0ac57a17b8c9d0e1f2a3b4c5"
_POD_ID = "pod_019cf63f0ac67b28c9d0e1f2a3b4c5d6"
_TEAM_ID = "team_019cf63f0ac77c39d0e1f2a3b4c5d6e7"
_GRANT = {"role": "developer", "pod_id": _POD_ID}

MEMBER: dict[str, Any] = {
    "id": _MEMBER_ID,
    "email": "ada@example.com",
    "name": "Ada",
    "status": "invited",
    "grants": [_GRANT],
    "teams": [],
    "client_id": None,
    "created_at": _AT,
    "updated_at": _AT,
}
_ACTIVE = MEMBER | {"status": "active", "teams": [{"id": _TEAM_ID, "name": "Support"}]}
_LINK = {
    "invitation_url": "https://api.daimon.email/invitations/Vq8x...",
    "invitation_expires_at": "2026-03-23T10:30:00.000Z",
}

CREATE_MEMBER = Example(
    body={"email": "ada@example.com", "name": "Ada", "grants": []}, result=MEMBER | {"grants": []} | _LINK
)
LIST_MEMBERS = Example(
    result={"members": [_ACTIVE], "total": 1, "limit": 50, "offset": 0, "has_more": False, "next_cursor": None}
)
GET_MEMBER = Example(result=_ACTIVE)
PATCH_MEMBER = Example(
    body={"name": "Ada Lovelace", "grants": [{"role": "viewer", "pod_id": None}]},
    result=_ACTIVE | {"name": "Ada Lovelace", "grants": [{"role": "viewer", "pod_id": None}]},
)
DELETE_MEMBER = Example(result={"id": _MEMBER_ID, "deleted": True})
INVITE_MEMBER = Example(result={"member_id": _MEMBER_ID, "email": "ada@example.com"} | _LINK)
