"""`daimon serve`, `daimon config`, and the roles that `serve` starts."""

import argparse

from daimon.cli.parsing import Commands, add_json, add_settings, command, settings


def add(commands: Commands, name: str) -> None:
    """Add one of the commands of the server itself."""
    {"serve": _add_serve, "config": _add_config, "_role": _add_role}[name](commands)


def _add_serve(commands: Commands) -> None:
    says = "start the server: API, SMTP, workers and their database"
    serve = command(commands, "serve", _serve, says, "--data-dir ./data --http-port 8080")
    serve.add_argument("--role", choices=("all", "api", "smtp", "worker"), default="all", help="run one role alone")
    add_settings(serve)


def _add_config(commands: Commands) -> None:
    shown = command(commands, "config", _config, "print the effective settings and where each came from")
    add_json(shown)
    shown.add_argument("--reference", action="store_true", help="print the reference of all settings instead")
    add_settings(shown)


def _add_role(commands: Commands) -> None:
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
    from daimon import config
    from daimon.operate.output import as_json, plain

    if arguments.reference:
        print(config.reference(), end="")
        return
    loaded = settings(arguments)
    shown = config.shown(loaded.settings)
    if arguments.json:
        print(as_json({name: {"value": value, "origin": loaded.origins[name]} for name, value in shown.items()}))
        return
    for name, value in shown.items():
        print(plain(f"{config.variable(name)}={value}  # {loaded.origins[name]}"))


def _role(arguments: argparse.Namespace) -> None:
    from daimon.supervisor import role

    role.run(arguments.role, arguments.fd, arguments.counts)
