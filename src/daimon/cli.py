"""The command `daimon`. What a command needs is imported when it runs, so that help comes at once."""

import argparse
import os
import sys
from collections.abc import Sequence

from daimon import __version__, config
from daimon.config import SPECS, BadSetting, Loaded

_SETTING_PREFIX = "setting_"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 called wrongly."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments) or 0)
    except BadSetting as error:
        return _fail(error, code=2)
    except KeyboardInterrupt:
        return 130
    except _known_failures() as error:
        return _fail(error, code=1)


def _known_failures() -> tuple[type[Exception], ...]:
    """Return the errors that are for the person at the terminal; looked up only once one was raised."""
    from daimon.db.errors import DatabaseUnusable
    from daimon.demo import NotSent
    from daimon.operate import NotDone
    from daimon.supervisor.errors import CannotStart

    return DatabaseUnusable, CannotStart, NotDone, NotSent


def _fail(error: Exception, *, code: int) -> int:
    print(f"daimon: {error}", file=sys.stderr)
    return code


# Commands


def _serve(arguments: argparse.Namespace) -> None:
    from daimon.supervisor import server

    loaded = _settings(arguments)
    server.serve(loaded, server.ROLES if arguments.role == "all" else (arguments.role,))


def _config(arguments: argparse.Namespace) -> None:
    if arguments.reference:
        print(config.reference(), end="")
        return
    loaded = _settings(arguments)
    for name, value in config.shown(loaded.settings).items():
        print(f"{config.variable(name)}={value}  # {loaded.origins[name]}")


def _demo_mail(arguments: argparse.Namespace) -> None:
    from daimon import demo

    settings = _settings(arguments).settings
    given = {name: value for name in ("from_", "subject", "body") if (value := getattr(arguments, name)) is not None}
    subject = demo.send(demo.DemoMail(arguments.address, **given), host=settings.smtp_host, port=settings.smtp_port)
    print(f"Accepted: {subject!r} to {arguments.address}")


def _inbound_parked(arguments: argparse.Namespace) -> None:
    from daimon import operate

    mails = operate.parked_mails(_settings(arguments).settings, limit=arguments.limit)
    print(operate.as_json(mails) if arguments.json else operate.as_table(mails))


def _inbound_retry(arguments: argparse.Namespace) -> None:
    from daimon import operate

    operate.retry_parked(_settings(arguments).settings, arguments.id)
    print(f"{arguments.id} will be tried again now")


def _operator_key(arguments: argparse.Namespace) -> None:
    from daimon import operate

    issued = operate.operator_key(_settings(arguments).settings)
    print(issued.as_json() if arguments.json else issued.as_text())


def _role(arguments: argparse.Namespace) -> None:
    from daimon.supervisor import role

    role.run(arguments.role, arguments.fd, arguments.counts)


def _settings(arguments: argparse.Namespace) -> Loaded:
    flags = {name: getattr(arguments, _SETTING_PREFIX + name) for name in SPECS}
    return config.load(os.environ, flags)


# The command line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="daimon", description="Real e-mail for AI agents.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"daimon {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)

    serve = _command(commands, "serve", _serve, "start the server: API, SMTP, workers and their database")
    serve.add_argument("--role", choices=("all", "api", "smtp", "worker"), default="all", help="run one role alone")
    _add_settings(serve)

    shown = _command(commands, "config", _config, "print the effective settings and where each came from")
    shown.add_argument("--reference", action="store_true", help="print the reference of all settings instead")
    _add_settings(shown)

    demo = commands.add_parser("demo", help="try the server out").add_subparsers(metavar="command", required=True)
    mail = _command(demo, "mail", _demo_mail, "send a mail with a verification code to an inbox, by SMTP")
    mail.add_argument("address")
    mail.add_argument("--subject")
    mail.add_argument("--body", help="plain text instead of the made-up one")
    mail.add_argument("--from", dest="from_", metavar="FROM")
    _add_settings(mail)

    inbound = commands.add_parser("inbound", help="mail that came in").add_subparsers(metavar="command", required=True)
    parked = _command(inbound, "parked", _inbound_parked, "list the mails that a step of the pipeline failed on")
    parked.add_argument("--json", action="store_true", help="print JSON")
    parked.add_argument("--limit", type=int, default=100, help="at most so many, the latest (100)")
    _add_settings(parked)
    retry = _command(inbound, "retry", _inbound_retry, "try a parked mail again at once")
    retry.add_argument("id")
    _add_settings(retry)

    operator = commands.add_parser("operator", help="what is the operator's own").add_subparsers(
        metavar="command", required=True
    )
    key = _command(operator, "key", _operator_key, "make a fresh key for mail to postmaster@ and abuse@")
    key.add_argument("--json", action="store_true", help="print JSON")
    _add_settings(key)

    role = _command(commands, "_role", _role, None)  # started by serve alone
    role.add_argument("role")
    role.add_argument("--fd", type=int)
    role.add_argument("--counts", type=int, required=True)
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, run: object, says: str | None
) -> argparse.ArgumentParser:
    if says is None:
        parser = commands.add_parser(name)
    else:
        parser = commands.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}.", allow_abbrev=False)
    parser.set_defaults(run=run)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "settings", "Each is also an environment variable: --http-port, DAIMON_HTTP_PORT."
    )
    for name, spec in SPECS.items():
        # A switch may stand alone: --smtp-proxy-protocol is --smtp-proxy-protocol=true.
        alone = {"nargs": "?", "const": "true"} if spec.default == "false" else {}
        group.add_argument(
            config.flag(name),
            dest=_SETTING_PREFIX + name,
            metavar=name.upper(),
            help=spec.doc.replace("%", "%%"),
            **alone,  # type: ignore[arg-type]
        )


if __name__ == "__main__":
    sys.exit(main())
