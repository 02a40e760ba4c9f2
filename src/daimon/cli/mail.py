"""`daimon demo`, `daimon inbound` and `daimon operator`: mail that goes in, and mail to the operator."""

import argparse

from daimon.cli.parsing import Commands, add_json, add_settings, command, group, settings


def add(commands: Commands) -> None:
    """Add the commands about mail."""
    mail = command(
        group(commands, "demo", "try the server out"),
        "mail",
        _demo_mail,
        "send a mail with a verification code to an inbox, by SMTP",
    )
    mail.add_argument("address")
    mail.add_argument("--subject")
    mail.add_argument("--body", help="plain text instead of the made-up one")
    mail.add_argument("--from", dest="from_", metavar="FROM")
    add_settings(mail)

    inbound = group(commands, "inbound", "mail that came in")
    parked = command(inbound, "parked", _parked, "list the mails that a step of the pipeline failed on")
    add_json(parked)
    parked.add_argument("--limit", type=int, default=100, help="at most so many, the latest (100)")
    add_settings(parked)
    retry = command(inbound, "retry", _retry, "try a parked mail again at once")
    retry.add_argument("id")
    add_settings(retry)

    operator = group(commands, "operator", "what is the operator's own")
    key = command(operator, "key", _operator_key, "make a fresh key for mail to postmaster@ and abuse@")
    add_json(key)
    add_settings(key)


def _demo_mail(arguments: argparse.Namespace) -> None:
    from daimon import demo

    chosen = settings(arguments).settings
    given = {name: value for name in ("from_", "subject", "body") if (value := getattr(arguments, name)) is not None}
    subject = demo.send(demo.DemoMail(arguments.address, **given), host=chosen.smtp_host, port=chosen.smtp_port)
    print(f"Accepted: {subject!r} to {arguments.address}")


def _parked(arguments: argparse.Namespace) -> None:
    from daimon.operate import mail

    mails = mail.parked_mails(settings(arguments).settings, limit=arguments.limit)
    print(mail.as_json(mails) if arguments.json else mail.as_table(mails))


def _retry(arguments: argparse.Namespace) -> None:
    from daimon.operate import mail

    mail.retry_parked(settings(arguments).settings, arguments.id)
    print(f"{arguments.id} will be tried again now")


def _operator_key(arguments: argparse.Namespace) -> None:
    from daimon.operate import mail

    issued = mail.operator_key(settings(arguments).settings)
    print(issued.as_json() if arguments.json else issued.as_text())
