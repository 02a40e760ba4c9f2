"""`daimon admin domain`."""

import argparse

from daimon.cli.admin.common import administer
from daimon.cli.parsing import Commands, group, settings

_SETTINGS = ("service_domain", "smtp_hostname", "mx_hosts")


def add(commands: Commands) -> None:
    """Add the commands about the service domain."""
    domain = group(commands, "domain", "the service domain's own DNS records and DKIM keys")
    administer(domain, "list", _list, "list the records that the service domain needs, its DKIM keys too", *_SETTINGS)
    administer(
        domain, "rotate-dkim", _rotate, "make new DKIM keys; each signs once the DNS shows its record", *_SETTINGS
    )


def _list(arguments: argparse.Namespace) -> None:
    from daimon.operate import domains

    _print(arguments, domains.records(settings(arguments).settings))


def _rotate(arguments: argparse.Namespace) -> None:
    from daimon.operate import domains

    _print(arguments, domains.rotate_dkim(settings(arguments).settings))


def _print(arguments: argparse.Namespace, records: list[dict[str, object]]) -> None:
    from daimon.operate import domains
    from daimon.operate.output import as_json, as_table

    print(as_json({"records": records}) if arguments.json else as_table(records, domains.COLUMNS))
