"""An account as the database knows it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

ERASED_AFTER = timedelta(days=30)  # an account that was deleted; until then it can be restored


class Tier(StrEnum):
    """What the account pays for; `quotas.tiers` says what each gives."""

    FREE = "free"
    DEVELOPER = "developer"
    GROWTH = "growth"
    ENTERPRISE = "enterprise"


class AccountStatus(StrEnum):
    """Under review: sends are refused. Suspended: everything but reading is."""

    ACTIVE = "active"
    UNDER_REVIEW = "under_review"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Account:
    """The account itself, without its limits and what is used of them."""

    account_id: UUID
    tier: Tier
    status: AccountStatus
    operator_email: str | None
    created_at: datetime
    operator_email_verified_at: datetime | None = None
    status_reason: str | None = None  # why it is under review or suspended
    deleted_at: datetime | None = None  # everything is erased 30 days later

    @property
    def erased_at(self) -> datetime | None:
        """When everything of the account is erased, None if it is not deleted."""
        return None if self.deleted_at is None else self.deleted_at + ERASED_AFTER
