"""`daimon serve`, `daimon config`, and the roles that `serve` starts."""

import argparse

from daimon import config
from daimon.cli.parsing import Commands, add_settings, command, settings


def add(commands: Commands) -> None:
    """Add the commands of the server itself."""
    serve = command(commands, "serve", _serve, "start the server: API, SMTP, workers and their database")
    serve.add_argument("--role", choices=("all", "api", "smtp", "worker"), default="all", help="run one role alone")
    add_settings(serve)

    shown = command(commands, "config", _config, "print the effective settings and where each came from")
    shown.add_argument("--reference", action="store_true", help="print the reference of all settings instead")
    add_settings(shown)


def add_role(commands: Commands) -> None:
    """Add the command that runs a role: started by `serve` alone."""
    role = command(commands, "_role", _role, None)
    role.add_argument("role")
    role.add_argument("--fd", type=int, action="append", default=[])
    role.add_argument("--counts", type=int, required=True)


def _serve(arguments: argparse.Namespace) -> None:
    from daimon.supervisor import server

    loaded = settings(arguments)
    server.serve(loaded, server.ROLES if arguments.role == "all" else (arguments.role,))


def _config(arguments: argparse.Namespace) -> None:
    if arguments.reference:
        print(config.reference(), end="")
        return
    loaded = settings(arguments)
    for name, value in config.shown(loaded.settings).items():
        print(f"{config.variable(name)}={value}  # {loaded.origins[name]}")


def _role(arguments: argparse.Namespace) -> None:
    from daimon.supervisor import role

    role.run(arguments.role, arguments.fd, arguments.counts)
