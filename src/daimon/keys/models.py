"""Keys and whom they speak for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias
from uuid import UUID

from daimon.accounts.models import Account
from daimon.db.scope import Scope
from daimon.keys.permissions import ALL, Permission
from daimon.keys.roles import PERMISSIONS as ROLE_PERMISSIONS
from daimon.keys.roles import Grant, Role

Network: TypeAlias = IPv4Network | IPv6Network


class KeyScope(StrEnum):
    """How far a key reaches, widest first."""

    ACCOUNT = "account"
    POD = "pod"
    INBOX = "inbox"
    MEMBER = "member"  # as far as the member's grants reach


_NOT_IN_A_POD = frozenset(p for p in Permission if p.split(":")[0] in {"teams", "billing", "audit"})
_IN_AN_INBOX = frozenset(
    p for p in Permission if p.split(":")[0] in {"messages", "drafts", "rules", "approvals", "inboxes"}
)

# All that a scope can be allowed. What reaches beyond the scope, such as making an inbox with an inbox key,
# is refused by the operation's own scope, not here.
ALLOWED: dict[KeyScope, frozenset[Permission]] = {
    KeyScope.ACCOUNT: ALL,
    KeyScope.POD: ALL - _NOT_IN_A_POD,
    KeyScope.INBOX: _IN_AN_INBOX,
    KeyScope.MEMBER: ALL,
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever sent the request: one key, its account as it is now, and what it may reach and do.

    A member's key reaches what his grants reach; `permissions` is the union of them, and `allowed` tells where each
    one holds.
    """

    key_id: UUID
    key_scope: KeyScope
    permissions: frozenset[Permission]
    scope: Scope
    account: Account
    pod_id: UUID | None = None  # that the key, or the inbox of the key, is in
    pod_suspended: bool = False
    member_id: UUID | None = None
    grants: tuple[Grant, ...] = ()
    networks: tuple[Network, ...] | None = None  # None: from anywhere

    def allowed(self, permission: Permission) -> Scope | None:
        """Return where this permission holds, None for nowhere."""
        if permission not in self.permissions:
            return None
        if self.key_scope is not KeyScope.MEMBER:
            return self.scope
        return reach_of([grant for grant in self.grants if permission in ROLE_PERMISSIONS[grant.role]], self.scope)

    @property
    def is_unrestricted(self) -> bool:
        """Whether it may do everything in the whole account."""
        return self.scope.is_account and all(self.allowed(permission) == self.scope for permission in ALL)

    @property
    def is_owner(self) -> bool:
        """Whether it stands for the account itself: an account key that may do everything, or an owner's key."""
        if self.key_scope is KeyScope.MEMBER:
            return self.is_unrestricted and Grant(Role.OWNER) in self.grants
        return self.is_unrestricted


def reach_of(grants: Sequence[Grant], scope: Scope) -> Scope:
    """Return the part of an account that grants reach together."""
    pods = {grant.pod_id for grant in grants}
    return scope if None in pods else Scope(scope.account_id, tuple(sorted(pod for pod in pods if pod)))


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key just made; the only moment its secret is known."""

    key_id: UUID
    secret: str
    created_at: datetime
