"""`daimon admin org`."""

import argparse

from daimon.cli.admin.common import add_page, administer, print_page
from daimon.cli.parsing import BadUsage, Commands, day, group, one_line, settings


def add(commands: Commands) -> None:
    """Add the commands about organisations."""
    org = group(commands, "org", "organisations: accounts under one name, for a joint report")
    administer(org, "create", _create, "make an organisation", example="Acme").add_argument(
        "name", metavar="NAME", type=one_line
    )
    add_page(administer(org, "list", _list, "list organisations, the oldest first"))
    for name, run, says in (
        ("add", _add, "put an account into an organisation; nothing is shared with its others"),
        ("remove", _remove, "take an account out of an organisation"),
    ):
        parser = administer(org, name, run, says, example="Acme acc_0198c5f2a7d47c3e8f0a1b2c3d4e5f60")
        parser.add_argument("organisation", metavar="ORG", type=one_line, help="its id or its name")
        parser.add_argument("account", metavar="ACCOUNT")
    says = "print what the accounts of an organisation use, each and together"
    report = administer(org, "report", _report, says, example="Acme --from 2026-11-01 --to 2026-11-30")
    report.add_argument("organisation", metavar="ORG", type=one_line, help="its id or its name")
    report.add_argument(
        "--from", dest="first", metavar="DAY", type=day, help="first UTC day; default: the first of the month"
    )
    report.add_argument("--to", dest="last", metavar="DAY", type=day, help="last UTC day; default: today")


def _create(arguments: argparse.Namespace) -> None:
    from daimon.operate import organisations
    from daimon.operate.output import as_json

    fields = organisations.fields(organisations.create(settings(arguments).settings, arguments.name))
    print(as_json(fields) if arguments.json else f"{fields['organisation_id']} is {fields['name']}")


def _list(arguments: argparse.Namespace) -> None:
    from daimon.operate import organisations

    found, more = organisations.page(settings(arguments).settings, limit=arguments.limit, after=arguments.after)
    rows: list[dict[str, object]] = [{**organisations.fields(each)} for each in found]
    last = str(rows[-1]["organisation_id"]) if more else None
    print_page(arguments, "organisations", rows, ("organisation_id", "name", "created_at"), last)


def _add(arguments: argparse.Namespace) -> None:
    from daimon.operate import organisations
    from daimon.operate.output import as_json

    joined = organisations.add(settings(arguments).settings, arguments.organisation, arguments.account)
    fields = {"account_id": arguments.account, **organisations.fields(joined)}
    print(as_json(fields) if arguments.json else f"{arguments.account} is in {joined.name}")


def _remove(arguments: argparse.Namespace) -> None:
    from daimon.operate import organisations
    from daimon.operate.output import as_json

    left = organisations.remove(settings(arguments).settings, arguments.organisation, arguments.account)
    fields = {"account_id": arguments.account, "organisation_id": None}
    print(as_json(fields) if arguments.json else f"{arguments.account} is not in {left.name} any more")


def _report(arguments: argparse.Namespace) -> None:
    from daimon.operate import organisations
    from daimon.operate.output import as_json, as_table

    if arguments.first and arguments.last and arguments.first > arguments.last:
        raise BadUsage("--from is after --to")
    told = organisations.report(settings(arguments).settings, arguments.organisation, arguments.first, arguments.last)
    fields = organisations.report_fields(told)
    if arguments.json:
        print(as_json(fields))
        return
    total = {"account_id": "total", "tier": "", "status": "", **fields["total"]}
    print(f"{told.organisation.name}, {told.first} to {told.last} (UTC)\n")
    print(as_table([*fields["accounts"], total], ("account_id", "tier", "status", *organisations.USED)))
