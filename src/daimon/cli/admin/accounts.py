"""`daimon admin account`."""

import argparse
from typing import TYPE_CHECKING

from daimon.cli.admin.common import add_page, administer, print_page
from daimon.cli.parsing import Commands, Run, group, one_line, settings

if TYPE_CHECKING:
    from daimon.accounts.models import Account
    from daimon.operate.accounts import Opened

TIERS = ("free", "developer", "growth", "enterprise")
_EXAMPLE = "acc_0198c5f2a7d47c3e8f0a1b2c3d4e5f60"
STATUSES = ("active", "under_review", "suspended")


def add(commands: Commands) -> None:
    """Add the commands about accounts."""
    account = group(commands, "account", "accounts")
    listed = administer(
        account, "list", _list, "list accounts, the newest first", example="--status suspended --limit 20"
    )
    add_page(listed)
    listed.add_argument("--status", choices=STATUSES, help="only those of this status")
    _of_one(account, "show", _show, "show an account, its limits and what it uses of them", "tiers")

    made = administer(
        account, "create", _create, "open an account and print its key, this once", example="--tier growth"
    )
    made.add_argument("--tier", choices=TIERS, default="free", help="default: free")
    made.add_argument("--org", metavar="ORG", type=one_line, help="put it into this organisation")
    tier = _of_one(
        account, "set-tier", _set_tier, "change an account's tier; a lower one deletes nothing", behind=" growth"
    )
    tier.add_argument("tier", choices=TIERS)

    for name, run, says in (
        ("suspend", _suspend, "let an account be read and change nothing; it keeps receiving"),
        ("review", _review, "refuse an account's sends until it was looked at; it keeps receiving"),
    ):
        made = _of_one(account, name, run, says, behind=" --reason 'Spam was reported'")
        made.add_argument("--reason", type=one_line, metavar="REASON", help="shown to the account; one line")
    _of_one(account, "resume", _resume, "let a suspended account, or one under review, go on")
    _of_one(account, "recover", _recover, "print a new key for an account, this once, and revoke its account keys")
    _of_one(account, "delete", _delete, "delete an account: its mail is refused, and all is erased in 30 days")
    _of_one(account, "restore", _restore, "take the deletion of an account back")


def _of_one(
    commands: Commands, name: str, run: Run, says: str, *settings: str, behind: str = ""
) -> argparse.ArgumentParser:
    parser = administer(commands, name, run, says, *settings, example=f"{_EXAMPLE}{behind}")
    parser.add_argument("account", metavar="ACCOUNT", help="its id, such as acc_0192f3a0…")
    return parser


def _list(arguments: argparse.Namespace) -> None:
    from daimon.accounts.models import AccountStatus
    from daimon.operate import accounts

    found, more = accounts.accounts(
        settings(arguments).settings,
        limit=arguments.limit,
        after=arguments.after,
        status=AccountStatus(arguments.status) if arguments.status else None,
    )
    rows: list[dict[str, object]] = [accounts.fields(each.account, each.organisation) for each in found]
    print_page(arguments, "accounts", rows, accounts.LIST_COLUMNS, str(rows[-1]["account_id"]) if more else None)


def _show(arguments: argparse.Namespace) -> None:
    from daimon.operate import accounts
    from daimon.operate.output import as_json, as_list

    shown = accounts.show(settings(arguments).settings, arguments.account)
    print(as_json(shown) if arguments.json else as_list(shown))


def _create(arguments: argparse.Namespace) -> None:
    from daimon.accounts.models import Tier
    from daimon.operate import accounts

    opened = accounts.create(settings(arguments).settings, tier=Tier(arguments.tier), organisation=arguments.org)
    _print_key(arguments, opened, f"Account {{}} of the {opened.account.tier} tier. Its key, shown this once:")


def _recover(arguments: argparse.Namespace) -> None:
    from daimon.operate import accounts

    opened = accounts.recover(settings(arguments).settings, arguments.account)
    _print_key(arguments, opened, "New key of {}, shown this once; its other account keys are void:")


def _set_tier(arguments: argparse.Namespace) -> None:
    from daimon.accounts.models import Tier
    from daimon.operate import accounts

    changed = accounts.set_tier(settings(arguments).settings, arguments.account, Tier(arguments.tier))
    _print_changed(arguments, changed, f"is {changed.tier} now")


def _suspend(arguments: argparse.Namespace) -> None:
    _set_status(arguments, "suspended", "is suspended")


def _review(arguments: argparse.Namespace) -> None:
    _set_status(arguments, "under_review", "is under review")


def _resume(arguments: argparse.Namespace) -> None:
    arguments.reason = None
    _set_status(arguments, "active", "is active again")


def _set_status(arguments: argparse.Namespace, status: str, says: str) -> None:
    from daimon.accounts.models import AccountStatus
    from daimon.operate import accounts

    chosen = settings(arguments).settings
    changed = accounts.set_status(chosen, arguments.account, AccountStatus(status), arguments.reason)
    _print_changed(arguments, changed, says)


def _delete(arguments: argparse.Namespace) -> None:
    from daimon.kit.clock import rfc3339_or_none
    from daimon.operate import accounts

    changed = accounts.delete(settings(arguments).settings, arguments.account)
    _print_changed(arguments, changed, f"is deleted, and erased after {rfc3339_or_none(changed.erased_at)}")


def _restore(arguments: argparse.Namespace) -> None:
    from daimon.operate import accounts

    changed = accounts.restore(settings(arguments).settings, arguments.account)
    _print_changed(arguments, changed, "is restored")


def _print_changed(arguments: argparse.Namespace, changed: "Account", says: str) -> None:
    from daimon.operate import accounts
    from daimon.operate.output import as_json

    print(as_json(accounts.fields(changed)) if arguments.json else f"{arguments.account} {says}")


def _print_key(arguments: argparse.Namespace, opened: "Opened", says: str) -> None:
    from daimon.operate import accounts
    from daimon.operate.output import as_json

    shown = accounts.opened_fields(opened)
    if arguments.json:
        print(as_json(shown))
    else:
        print(f"{says.format(shown['account_id'])}\n\n  {opened.key.secret}")
