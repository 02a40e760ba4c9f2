"""`daimon demo`, `daimon inbound` and `daimon operator`: mail that goes in, and mail to the operator."""

import argparse

from daimon.cli.parsing import DATABASE, Commands, add_json, add_settings, command, group, settings, whole


def add(commands: Commands, name: str) -> None:
    """Add one of the groups."""
    {"demo": _add_demo, "inbound": _add_inbound, "operator": _add_operator}[name](commands)


def _add_demo(commands: Commands) -> None:
    says = "send a mail with a verification code to an inbox, by SMTP"
    mail = command(group(commands, "demo", "try the server out"), "mail", _demo_mail, says, "agent-1@daimon.email")
    mail.add_argument("address", metavar="ADDRESS")
    mail.add_argument("--subject", metavar="SUBJECT", help="default: one about a code")
    mail.add_argument("--body", metavar="BODY", help="plain text instead of the made-up one")
    mail.add_argument("--from", dest="from_", metavar="FROM", help="the sender's address; default: a made-up one")
    add_json(mail)
    add_settings(mail, ("smtp_host", "smtp_port"))


def _add_inbound(commands: Commands) -> None:
    inbound = group(commands, "inbound", "mail that came in and could not be read")
    parked = command(inbound, "parked", _parked, "list the mails that a step of the pipeline failed on", "--limit 10")
    add_json(parked)
    parked.add_argument(
        "--limit", type=whole(1, 1000), default=100, metavar="N", help="at most so many, the latest; default 100"
    )
    add_settings(parked, DATABASE)
    retry = command(inbound, "retry", _retry, "try a parked mail again at once", "msg_0198c5f2a7d47c3e8f0a1b2c3d4e5f60")
    retry.add_argument("id", metavar="ID", help="as `daimon inbound parked` lists it")
    add_json(retry)
    add_settings(retry, DATABASE)


def _add_operator(commands: Commands) -> None:
    operator = group(commands, "operator", "what is the operator's own")
    says = "make a fresh key for mail to postmaster@ and abuse@, and print it"
    key = command(operator, "key", _operator_key, says)
    add_json(key)
    add_settings(key, (*DATABASE, "service_domain", "public_url", "http_host", "http_port"))


def _demo_mail(arguments: argparse.Namespace) -> None:
    from daimon import demo
    from daimon.cli import terminal
    from daimon.operate.output import plain

    chosen = settings(arguments).settings
    given = {name: value for name in ("from_", "subject", "body") if (value := getattr(arguments, name)) is not None}
    subject = demo.send(demo.DemoMail(arguments.address, **given), host=chosen.smtp_host, port=chosen.smtp_port)
    if arguments.json:
        print(terminal.one_line_of_json({"address": arguments.address, "subject": subject}))
    else:
        print(plain(f"Accepted: {subject!r} to {arguments.address}"))


def _parked(arguments: argparse.Namespace) -> None:
    from daimon.operate import mail

    mails = mail.parked_mails(settings(arguments).settings, limit=arguments.limit)
    print(mail.as_json(mails) if arguments.json else mail.as_table(mails))


def _retry(arguments: argparse.Namespace) -> None:
    from daimon.cli import terminal
    from daimon.operate import mail

    mail.retry_parked(settings(arguments).settings, arguments.id)
    print(
        terminal.one_line_of_json({"id": arguments.id}) if arguments.json else f"{arguments.id} will be tried again now"
    )


def _operator_key(arguments: argparse.Namespace) -> None:
    from daimon.operate import mail

    issued = mail.operator_key(settings(arguments).settings)
    print(issued.as_json() if arguments.json else issued.as_text())
