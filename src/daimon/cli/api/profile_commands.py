"""`daimon login` and `daimon profiles`: several accounts and servers, each under a name."""

import argparse
import os
import sys

from daimon.cli import terminal
from daimon.cli.api import profiles
from daimon.cli.parsing import BadUsage, Commands, add_json, command, group


def add(commands: Commands, name: str) -> None:
    """Add `login`, or the commands about profiles."""
    if name == "login":
        _add_login(commands)
        return
    below = group(commands, "profiles", "servers and keys under names")
    add_json(command(below, "list", _list, "list the profiles, the one in use marked; their keys are not shown"))
    for verb, run, says in (
        ("use", _use, "choose the profile that counts when no flag, DAIMON_PROFILE or DAIMON_API_KEY names another"),
        ("remove", _remove, "forget a profile; its key stays valid"),
    ):
        made = command(below, verb, run, says, "work")
        made.add_argument("name", metavar="NAME")
        add_json(made)


def _add_login(commands: Commands) -> None:
    login = command(
        commands, "login", _login, "keep a key in a profile; it is asked for, or read from standard input", None
    )
    login.add_argument("--profile", default=profiles.DEFAULT, metavar="NAME", help="its name; default: default")
    profiles.add_base_url(login)
    add_json(login)
    login.epilog = (
        f"example:\n  {login.prog} --profile work --base-url https://mail.example.com < key.txt\n"
        "The key never stands on the command line, where `ps` and the shell's history would show it."
    )


def _login(arguments: argparse.Namespace) -> None:
    url = profiles.checked_url(arguments.base_url or os.environ.get("DAIMON_BASE_URL") or profiles.DEFAULT_URL)
    key = _asked_for().strip()
    if not (key and key.isascii() and key.isprintable() and " " not in key):
        raise BadUsage("that is no key: nothing was kept")
    path = profiles.keep(arguments.profile, url, key)
    if arguments.json:
        print(terminal.one_line_of_json({"name": arguments.profile, "base_url": url, "path": str(path)}))
    else:
        print(f"The key for {url} is kept as {arguments.profile!r} in {path}.")


def _asked_for() -> str:
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        import getpass

        try:
            return getpass.getpass("API key: ")
        except EOFError:
            return ""
    return sys.stdin.buffer.readline(1000).decode("utf-8", "replace")


def _list(arguments: argparse.Namespace) -> None:
    from daimon.operate.output import as_json, as_table

    known = profiles.read()
    used = profiles.used(known)
    rows = [
        {"name": name, "base_url": each.get("base_url"), "in_use": name == used} for name, each in sorted(known.items())
    ]
    if arguments.json:
        print(as_json(rows))
    elif rows:
        shown = [row | {"in_use": "*" if row["in_use"] else ""} for row in rows]
        print(as_table(shown, ("in_use", "name", "base_url")))
    else:
        print("No profiles: `daimon login` makes one.")


def _use(arguments: argparse.Namespace) -> None:
    profiles.use(arguments.name)
    _done(arguments, f"{arguments.name} is in use.")


def _remove(arguments: argparse.Namespace) -> None:
    profiles.remove(arguments.name)
    _done(arguments, f"{arguments.name} is forgotten; its key stays valid.")


def _done(arguments: argparse.Namespace, says: str) -> None:
    print(terminal.one_line_of_json({"name": arguments.name}) if arguments.json else says)
