"""What each role of a member may do. A member holds roles in the whole account or in single pods."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from daimon.keys.permissions import ALL, Permission


class Role(StrEnum):
    """A role, widest first."""

    OWNER = "owner"  # all; the last one cannot be removed
    ADMIN = "admin"  # all but deleting the account, and owners
    DEVELOPER = "developer"
    AGENT_OPERATOR = "agent_operator"
    VIEWER = "viewer"
    BILLING = "billing"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in one pod, or (None) in the whole account."""

    role: Role
    pod_id: UUID | None = None


def _all_of(*kinds: str) -> frozenset[Permission]:
    return frozenset(p for p in Permission if p.partition(":")[0] in kinds)


# What is on the roads of mail and in the account's make-up; not what it costs, who changed what, and its keys.
_READS = frozenset(p for p in Permission if p.endswith(":read")) - _all_of("billing", "audit", "keys")

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: ALL,
    Role.ADMIN: ALL,  # an owner is more by `Principal.is_owner`, not by a permission
    Role.DEVELOPER: _all_of("inboxes", "messages", "drafts", "webhooks", "domains", "keys", "rules")
    | {Permission.PODS_READ},
    Role.AGENT_OPERATOR: _READS | {Permission.MESSAGES_SEND, Permission.APPROVALS_WRITE},
    Role.VIEWER: _READS,
    Role.BILLING: _all_of("billing"),
}
