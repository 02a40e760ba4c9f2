"""`daimon admin billing`: charges by hand, corrections, and the check of the ledger."""

import argparse
import json
import re
from typing import TYPE_CHECKING

from daimon.cli.admin.billing import STRIPE
from daimon.cli.admin.common import administer
from daimon.cli.parsing import Commands, day, one_line, settings

if TYPE_CHECKING:
    from daimon.operate.ledger import Checked

_ACCOUNT = "acc_0198c5f2a7d47c3e8f0a1b2c3d4e5f60"
_CHARGE = f"{_ACCOUNT} 49.00 --from 2026-11-01 --to 2026-11-30"
_CORRECT = f"{_ACCOUNT} agent-1@daimon.email sent -20 --day 2026-11-03 --reason 'Sent twice by us'"
_KINDS = ("received", "sent", "bounced", "stored_bytes")


def add(billing: Commands) -> None:
    """Add the commands about what is used and what is charged for it."""
    charge = administer(
        billing, "charge", _charge, "charge an account by hand, for its splits and its forecast", example=_CHARGE
    )
    charge.add_argument("account", metavar="ACCOUNT", help="its id")
    charge.add_argument("amount", metavar="AMOUNT", type=_amount, help="such as 49.00; below 0 it is a credit")
    charge.add_argument("--currency", type=_currency, default="usd", metavar="CODE", help="three letters; default usd")
    charge.add_argument("--from", dest="first", metavar="DAY", type=day, required=True, help="first UTC day it is for")
    charge.add_argument("--to", dest="last", metavar="DAY", type=day, required=True, help="last UTC day it is for")
    charge.add_argument(
        "--description", type=one_line, metavar="TEXT", default="Charge", help="one line; default: Charge"
    )
    correct = administer(
        billing, "correct", _correct, "put right what an inbox used, by a line of its own", example=_CORRECT
    )
    correct.add_argument("account", metavar="ACCOUNT", help="its id")
    correct.add_argument("inbox", metavar="INBOX", help="its id or its address")
    correct.add_argument("kind", metavar="KIND", choices=_KINDS, help=", ".join(_KINDS))
    correct.add_argument("quantity", metavar="QUANTITY", type=_quantity, help="what is added; below 0 it is taken back")
    correct.add_argument("--day", metavar="DAY", type=day, required=True, help="UTC day that it was of")
    correct.add_argument("--reason", type=one_line, metavar="TEXT", required=True, help="one line, kept with it")
    says = "find where the usage ledger, its sums and what Stripe's meters have do not agree"
    verify = administer(billing, "verify", _verify, says, "stripe_meters", *STRIPE)
    verify.add_argument("account", metavar="ACCOUNT", nargs="?", help="one account alone")


def _charge(arguments: argparse.Namespace) -> None:
    from daimon.billing.money import written
    from daimon.operate import ledger
    from daimon.operate.output import as_json

    made = ledger.charge(
        settings(arguments).settings, arguments.account, arguments.amount, arguments.currency, arguments.first,
        arguments.last, arguments.description,
    )  # fmt: skip
    fields = ledger.charge_fields(made)
    if arguments.json:
        print(as_json({"account_id": arguments.account, **fields}))
    else:
        amount = written(made.amount, made.currency)
        print(f"{arguments.account} is charged {amount} for {fields['from']} to {fields['to']}: {made.id}")


def _correct(arguments: argparse.Namespace) -> None:
    from daimon.operate import ledger
    from daimon.operate.output import as_json

    used = ledger.correct(
        settings(arguments).settings, arguments.account, arguments.inbox, arguments.day, arguments.kind,
        arguments.quantity, arguments.reason,
    )  # fmt: skip
    told = f"{arguments.inbox}, {arguments.day}: {arguments.quantity:+} {arguments.kind}"
    print(as_json(ledger.used_fields(used)) if arguments.json else told)


def _verify(arguments: argparse.Namespace) -> int:
    """Print a line an account as it is found; an array is written element by element, so that memory stays bounded."""
    from daimon.operate import ledger

    separator = "[\n  "

    def tell(checked: "Checked") -> None:
        nonlocal separator
        if arguments.json:
            print(separator + json.dumps(ledger.checked_fields(checked)), end="", flush=True)
            separator = ",\n  "
        else:
            print(ledger.checked_line(checked), flush=True)

    right = ledger.verify(settings(arguments).settings, arguments.account, tell)
    if arguments.json:
        print("[]" if separator.startswith("[") else "\n]")
    return 0 if right else 1


def _amount(text: str) -> str:
    if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,3})?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount such as 49.00")
    return text


def _currency(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{3}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a currency such as usd")
    return text.lower()


def _quantity(text: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9]{1,15}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)
