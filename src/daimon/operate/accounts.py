"""Accounts, from the command line."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from daimon.accounts import administration, organisations
from daimon.accounts.administration import Listed
from daimon.accounts.models import Account, AccountStatus, Tier
from daimon.accounts.repository import AccountRepository
from daimon.config import Settings
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.keys import service as keys
from daimon.keys.models import IssuedKey, KeyScope
from daimon.kit import ids
from daimon.kit.clock import rfc3339, rfc3339_or_none, utc_now
from daimon.kit.errors import StateConflict
from daimon.kit.ids import Kind
from daimon.lifecycle import deletion, recovery
from daimon.operate.desk import Desk, account_id_of, change, look
from daimon.quotas import sends
from daimon.quotas import service as quotas
from daimon.quotas.tiers import read_tiers

LIST_COLUMNS = ("account_id", "tier", "status", "operator_email", "organisation", "created_at", "deleted_at")


@dataclass(frozen=True, slots=True)
class Opened:
    """A key to a whole account, shown this once."""

    account: Account
    key: IssuedKey


def accounts(
    settings: Settings, *, limit: int, after: str | None, status: AccountStatus | None
) -> tuple[list[Listed], bool]:
    """Return accounts, the newest first, and whether there are more. Raises NotDone."""
    last = None if after is None else account_id_of(after)
    found = look(settings, lambda db: administration.page(db, limit=limit + 1, after=last, status=status))
    return found[:limit], len(found) > limit


def show(settings: Settings, account: str) -> dict[str, Any]:
    """Return everything that the operator is shown of an account. Raises NotDone."""
    account_id = account_id_of(account)

    async def read(db: Connection) -> dict[str, Any]:
        scope = Scope(account_id)
        found = await AccountRepository(db, scope).get()
        organisation = await organisations.of_account(db, account_id)
        limits = read_tiers(settings.tiers)[found.tier]
        return {
            **fields(found, organisation.name if organisation else None),
            "max_inboxes": limits.max_inboxes,
            "current_inboxes": await quotas.used(db, scope, quotas.Quota.INBOXES),
            "max_sends_per_day": limits.max_sends_per_day,
            "current_sends_today": await sends.used_today(db, scope, now=utc_now()),
        }

    return look(settings, read, account=account)


def create(settings: Settings, *, tier: Tier, organisation: str | None) -> Opened:
    """Open an account with its key, in an organisation if one is named. Raises NotDone."""

    async def work(desk: Desk) -> Opened:
        account = await administration.open_with(desk.db, tier, now=desk.now)
        joined = None
        if organisation is not None:
            joined = await organisations.find(desk.db, organisation)
            await organisations.add(desk.db, joined, account.account_id)
        key = await keys.issue(desk.db, account, KeyScope.ACCOUNT, Scope(account.account_id), now=desk.now)
        shown = fields(account, joined.name if joined else None)
        await desk.note(account.account_id, "create_account", shown["account_id"], after=shown)
        return Opened(account, key)

    return change(settings, work)


def set_tier(settings: Settings, account: str, tier: Tier) -> Account:
    """Change an account's tier. Raises NotDone."""
    return _change(
        settings, account, "set_account_tier",
        lambda desk, account_id: administration.set_tier(desk.db, account_id, tier, now=desk.now),
    )  # fmt: skip


def set_status(settings: Settings, account: str, status: AccountStatus, reason: str | None = None) -> Account:
    """Suspend an account, review it, or let it go on. Raises NotDone."""
    return _change(
        settings, account, _STATUS_ACTIONS[status],
        lambda desk, account_id: administration.set_status(desk.db, account_id, status, reason, now=desk.now),
    )  # fmt: skip


_STATUS_ACTIONS = {
    AccountStatus.ACTIVE: "resume_account",
    AccountStatus.UNDER_REVIEW: "review_account",
    AccountStatus.SUSPENDED: "suspend_account",
}


def recover(settings: Settings, account: str) -> Opened:
    """Give an account a new key and revoke its account keys. Raises NotDone."""
    account_id = account_id_of(account)

    async def work(desk: Desk) -> Opened:
        key = await recovery.recover_by_operator(desk.db, account_id, now=desk.now)
        await desk.note(account_id, "recover_account", account, after={"key_id": ids.show(Kind.KEY, key.key_id)})
        return Opened(await AccountRepository(desk.db, Scope(account_id)).get(), key)

    return change(settings, work, account=account)


def delete(settings: Settings, account: str) -> Account:
    """Delete an account: erased in 30 days. Raises NotDone."""

    async def work(desk: Desk, account_id: UUID) -> tuple[Account, Account]:
        before = await AccountRepository(desk.db, Scope(account_id)).lock()
        if before.deleted_at is not None:
            raise StateConflict(f"{account} is deleted already")
        return before, await deletion.request(desk.db, before, now=desk.now)

    return _change(settings, account, "delete_account", work)


def restore(settings: Settings, account: str) -> Account:
    """Take a deletion back. Raises NotDone."""

    async def work(desk: Desk, account_id: UUID) -> tuple[Account, Account]:
        before = await AccountRepository(desk.db, Scope(account_id)).lock()
        if before.deleted_at is None:
            raise StateConflict(f"{account} is not deleted")
        return before, await deletion.restore(desk.db, before, now=desk.now)

    return _change(settings, account, "restore_account", work)


def fields(account: Account, organisation: str | None = None) -> dict[str, Any]:
    """Return an account for programs."""
    return {
        "account_id": ids.show(Kind.ACCOUNT, account.account_id),
        "tier": account.tier.value,
        "status": account.status.value,
        "status_reason": account.status_reason,
        "operator_email": account.operator_email,
        "operator_email_verified_at": rfc3339_or_none(account.operator_email_verified_at),
        "organisation": organisation,
        "created_at": rfc3339(account.created_at),
        "deleted_at": rfc3339_or_none(account.deleted_at),
        "erased_at": rfc3339_or_none(account.erased_at),
    }


def opened_fields(opened: Opened) -> dict[str, str]:
    """Return an account's new key for programs."""
    return {
        "account_id": ids.show(Kind.ACCOUNT, opened.account.account_id),
        "tier": opened.account.tier.value,
        "key_id": ids.show(Kind.KEY, opened.key.key_id),
        "account_api_key": opened.key.secret,
    }


def _change(
    settings: Settings,
    account: str,
    action: str,
    work: Callable[[Desk, UUID], Awaitable[tuple[Account, Account]]],
) -> Account:
    """Change an account and write down what of it is different now."""
    account_id = account_id_of(account)

    async def run(desk: Desk) -> Account:
        before, after = await work(desk, account_id)
        was, now_is = fields(before), fields(after)
        changed = [name for name in was if was[name] != now_is[name]]
        await desk.note(
            account_id, action, account,
            before={name: was[name] for name in changed}, after={name: now_is[name] for name in changed},
        )  # fmt: skip
        return after

    return change(settings, run, account=account)
