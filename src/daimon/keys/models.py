"""Keys and whom they speak for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from daimon.accounts.models import Account
from daimon.db.scope import Scope


class Permission(StrEnum):
    """What a key may do within its scope."""

    INBOXES_READ = "inboxes:read"
    INBOXES_WRITE = "inboxes:write"
    MESSAGES_READ = "messages:read"
    MESSAGES_WRITE = "messages:write"
    MESSAGES_SEND = "messages:send"
    DRAFTS_READ = "drafts:read"
    DRAFTS_WRITE = "drafts:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    DOMAINS_READ = "domains:read"
    DOMAINS_WRITE = "domains:write"
    PODS_READ = "pods:read"
    PODS_WRITE = "pods:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    TEAMS_READ = "teams:read"
    TEAMS_WRITE = "teams:write"
    BILLING_READ = "billing:read"
    BILLING_WRITE = "billing:write"
    AUDIT_READ = "audit:read"
    RULES_READ = "rules:read"
    RULES_WRITE = "rules:write"
    APPROVALS_WRITE = "approvals:write"


class KeyScope(StrEnum):
    """How far a key reaches, widest first."""

    ACCOUNT = "account"
    POD = "pod"
    INBOX = "inbox"


ALL: frozenset[Permission] = frozenset(Permission)
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
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever sent the request: one key, its account as it is now, and what it may reach and do."""

    key_id: UUID
    key_scope: KeyScope
    permissions: frozenset[Permission]
    scope: Scope
    account: Account


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key just made; the only moment its secret is known."""

    key_id: UUID
    secret: str
    created_at: datetime
