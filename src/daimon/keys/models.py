"""Keys and whom they speak for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias
from uuid import UUID

import msgspec

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
    expires_at: datetime | None = None
    name: str | None = None
    capped: bool = False  # whether the key has less than all that its scope, or its member's roles, give

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


class KeyStatus(StrEnum):
    """Revoked: for good. Expired: until `expires_at` is moved."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Key(msgspec.Struct, frozen=True):
    """One row of `keys`: everything but its secrets."""

    id: UUID
    account_id: UUID
    key_scope: KeyScope
    pod_id: UUID | None  # of an inbox key: the pod that the inbox is in
    inbox_id: UUID | None
    member_id: UUID | None
    name: str | None
    permissions: frozenset[Permission] | None  # None: all of its scope, or of its member's roles
    expires_at: datetime | None
    networks: tuple[Network, ...] | None
    created_by: UUID | None
    made_by_member: bool
    created_at: datetime
    last_used_at: datetime | None
    prefix: str
    is_revoked: bool
    client_id: str | None
    used_permissions: frozenset[Permission] = frozenset()

    @property
    def reach(self) -> Scope:
        """What it reaches; of a member's key, at most."""
        return Scope(self.account_id, (self.pod_id,) if self.pod_id else None, self.inbox_id)

    @property
    def effective(self) -> frozenset[Permission]:
        """What it may do; of a member's key, at most."""
        allowed = ALLOWED[self.key_scope]
        return allowed if self.permissions is None else allowed & self.permissions

    def status(self, now: datetime) -> KeyStatus:
        """Whether it works at a moment, and if not, why."""
        if self.is_revoked:
            return KeyStatus.REVOKED
        return KeyStatus.EXPIRED if self.expires_at and self.expires_at <= now else KeyStatus.ACTIVE


class NewKey(msgspec.Struct, frozen=True):
    """What a create asks for."""

    key_scope: KeyScope
    pod_id: UUID | None = None
    inbox_id: UUID | None = None
    name: str | None = None
    permissions: frozenset[Permission] | None = None  # None: all that the maker may give
    expires_at: datetime | None = None  # None: as late as the maker's own
    networks: tuple[Network, ...] | None = None  # None: the maker's own
    client_id: str | None = None


class KeyChange(msgspec.Struct, frozen=True):
    """What a PATCH asks for; UNSET leaves a field as it is."""

    name: str | msgspec.UnsetType | None = msgspec.UNSET
    permissions: frozenset[Permission] | msgspec.UnsetType | None = msgspec.UNSET
    expires_at: datetime | msgspec.UnsetType | None = msgspec.UNSET
    networks: tuple[Network, ...] | msgspec.UnsetType | None = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class KeyQuery:
    """Which keys a list shows. `offset` is for small lists; `cursor` costs the same at any depth."""

    limit: int
    now: datetime
    offset: int = 0
    cursor: str | None = None
    status: KeyStatus = KeyStatus.ACTIVE
    key_scope: KeyScope | None = None
    pod_id: UUID | None = None
    inbox_id: UUID | None = None
    q: str | None = None  # the beginning of a name

    @property
    def shows_all(self) -> bool:
        """Tell whether the list is of all keys that work."""
        narrow = (self.key_scope, self.pod_id, self.inbox_id, self.q)
        return self.status is KeyStatus.ACTIVE and all(value is None for value in narrow)


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key just made; the only moment its secret is known."""

    key_id: UUID
    secret: str
    created_at: datetime
