"""An account's ownership as clients write and read it."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daimon.accounts.models import Account
from daimon.kit.clock import Time, rfc3339, rfc3339_or_none
from daimon.kit.ids import Kind, show
from daimon.kit.written import Ours

Email = Annotated[str, Meta(min_length=1, max_length=320, description="An e-mail address.")]


class AccountPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to an account; what is left out stays as it is."""

    operator_email: Email | UnsetType | None = UNSET


class RecoveryRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose accounts are to be recovered."""

    email: Email


class RecoveryAccepted(msgspec.Struct, frozen=True):
    """The request was taken; what comes of it is said by mail alone."""

    accepted: bool = True


class RecoveredAccount(msgspec.Struct, frozen=True):
    """An account's new key, which is shown this once."""

    account_id: str
    account_api_key: str


class DeletedAccount(msgspec.Struct, frozen=True):
    """A deleted account: until `erased_at` it can be read and restored."""

    id: Ours
    deleted: bool
    deleted_at: Time
    erased_at: Time


def deleted_view(account: Account) -> DeletedAccount:
    """Return a deleted account as clients read it."""
    assert account.deleted_at
    assert account.erased_at
    return DeletedAccount(
        show(Kind.ACCOUNT, account.account_id), True, rfc3339(account.deleted_at), rfc3339(account.erased_at)
    )


def email_state(account: Account) -> dict[str, object]:
    """Return the operator's address for the audit trail."""
    return {
        "operator_email": account.operator_email,
        "operator_email_verified": account.operator_email_verified_at is not None,
    }


def deletion_state(account: Account) -> dict[str, object]:
    """Return whether and when the account was deleted for the audit trail."""
    return {"deleted_at": rfc3339_or_none(account.deleted_at)}
