"""`daimon admin billing`: what is done with Stripe."""

import argparse

from daimon.cli.admin.common import administer
from daimon.cli.parsing import Commands, settings

STRIPE = ("stripe_secret_key", "stripe_webhook_secret", "stripe_api_base")


def add(commands: Commands) -> None:
    """Add the commands about Stripe."""
    says = "compare every account with Stripe, and mend what differs"
    administer(commands, "reconcile", _reconcile, says, *STRIPE)
    says = "make the products, prices and meters at Stripe that are missing to sell the tiers"
    administer(commands, "setup", _setup, says, "tiers", "stripe_meters", *STRIPE)


def _reconcile(arguments: argparse.Namespace) -> int:
    from daimon.operate import billing
    from daimon.operate.output import as_json, as_table

    report = billing.reconcile(settings(arguments).settings)
    if arguments.json:
        print(as_json(report.fields()))
        return 0 if report.is_clean else 1
    print(f"{report.accounts} accounts and {report.invoices} invoices compared, {len(report.drift)} differences.")
    if report.drift:
        print("\n" + as_table(report.fields()["drift"], billing.DRIFT_COLUMNS))
    if report.unknown:
        print(
            "\nSubscriptions of customers that are no account's:\n\n"
            + as_table(report.unknown, billing.UNKNOWN_COLUMNS)
        )
    return 0 if report.is_clean else 1


def _setup(arguments: argparse.Namespace) -> None:
    from daimon.operate import billing
    from daimon.operate.output import as_json, as_table

    sold = billing.sell(settings(arguments).settings)
    print(as_json({"sold": sold}) if arguments.json else as_table(sold, billing.SOLD_COLUMNS))
