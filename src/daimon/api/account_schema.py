"""The account, and whom a key speaks for, as clients read them."""

import msgspec

from daimon.accounts.models import Account, AccountStatus, Tier
from daimon.keys.models import KeyScope, Principal
from daimon.keys.permissions import Permission
from daimon.kit.clock import Time, rfc3339, rfc3339_or_none
from daimon.kit.ids import Kind, show, show_or_none
from daimon.kit.written import Ours
from daimon.quotas.tiers import TierLimits


class Limits(msgspec.Struct):
    """What the account may use and what it uses; null is unlimited."""

    max_inboxes: int | None
    current_inboxes: int
    max_sends_per_day: int | None
    current_sends_today: int
    webhooks_enabled: bool
    custom_domains_enabled: bool
    burst_per_minute: int
    concurrent_sends: int
    max_custom_domains: int | None


class AccountView(msgspec.Struct):
    """An account. `status_reason` tells why it is not active, `erased_at` when a deleted one is gone for good."""

    account_id: Ours
    tier: Tier
    status: AccountStatus
    limits: Limits
    operator_email: str | None
    created_at: Time
    status_reason: str | None
    operator_email_verified: bool
    deleted_at: Time | None
    erased_at: Time | None


class Whoami(msgspec.Struct):
    """What the key that was sent is, reaches and may do."""

    key_id: Ours
    name: str | None
    scope: KeyScope
    account_id: Ours
    pod_id: Ours | None
    inbox_id: Ours | None
    member_id: Ours | None
    permissions: list[Permission]
    expires_at: Time | None
    tier: Tier
    status: AccountStatus


def account_view(account: Account, limits: TierLimits, inboxes_used: int, sent_today: int) -> AccountView:
    """Return an account as clients read it."""
    return AccountView(
        account_id=show(Kind.ACCOUNT, account.account_id),
        tier=account.tier,
        status=account.status,
        limits=Limits(
            max_inboxes=limits.max_inboxes,
            current_inboxes=inboxes_used,
            max_sends_per_day=limits.max_sends_per_day,
            current_sends_today=sent_today,
            webhooks_enabled=limits.webhooks_enabled,
            custom_domains_enabled=limits.custom_domains_enabled,
            burst_per_minute=limits.burst_per_minute,
            concurrent_sends=limits.concurrent_sends,
            max_custom_domains=limits.max_custom_domains,
        ),
        operator_email=account.operator_email,
        created_at=rfc3339(account.created_at),
        status_reason=account.status_reason,
        operator_email_verified=account.operator_email_verified_at is not None,
        deleted_at=rfc3339_or_none(account.deleted_at),
        erased_at=rfc3339_or_none(account.erased_at),
    )


def whoami_view(who: Principal) -> Whoami:
    """Return a principal as clients read it."""
    return Whoami(
        key_id=show(Kind.KEY, who.key_id),
        name=who.name,
        scope=who.key_scope,
        account_id=show(Kind.ACCOUNT, who.scope.account_id),
        pod_id=show_or_none(Kind.POD, who.pod_id),
        inbox_id=show_or_none(Kind.INBOX, who.scope.inbox_id),
        member_id=show_or_none(Kind.MEMBER, who.member_id),
        permissions=sorted(who.permissions),
        expires_at=rfc3339_or_none(who.expires_at),
        tier=who.account.tier,
        status=who.account.status,
    )
