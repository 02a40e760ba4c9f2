"""What can be permitted. A key has some of these, and a role of a member stands for some."""

from enum import StrEnum


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


ALL: frozenset[Permission] = frozenset(Permission)
