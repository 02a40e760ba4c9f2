"""How commands are declared, and how each gets its settings."""

import argparse
import os
from collections.abc import Callable, Iterable
from datetime import date
from typing import TypeAlias

from daimon import config
from daimon.config import SPECS, Loaded

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Run: TypeAlias = Callable[[argparse.Namespace], int | None]

_SETTING_PREFIX = "setting_"
MOST_CHARS = 200  # of a reason or a name


class BadUsage(Exception):
    """The arguments do not go together."""


def command(commands: Commands, name: str, run: Run, says: str | None) -> argparse.ArgumentParser:
    """Add a command; one that says nothing is not for people and not in the help."""
    if says is None:
        parser = commands.add_parser(name)
    else:
        parser = commands.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}.", allow_abbrev=False)
    parser.set_defaults(run=run)
    return parser


def group(commands: Commands, name: str, says: str) -> Commands:
    """Add a word that commands come after."""
    return commands.add_parser(name, help=says).add_subparsers(metavar="command", required=True)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Let a command print for programs."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_settings(parser: argparse.ArgumentParser, names: Iterable[str] = SPECS) -> None:
    """Let settings be given as flags: all of them, or those that the command has a use for."""
    shown = parser.add_argument_group(
        "settings", "Each is also an environment variable: --http-port, DAIMON_HTTP_PORT."
    )
    for name in names:
        spec = SPECS[name]
        # A switch may stand alone: --smtp-proxy-protocol is --smtp-proxy-protocol=true.
        alone = {"nargs": "?", "const": "true"} if spec.default == "false" else {}
        shown.add_argument(
            config.flag(name),
            dest=_SETTING_PREFIX + name,
            metavar=name.upper(),
            help=spec.doc.replace("%", "%%"),
            **alone,  # type: ignore[arg-type]
        )


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number between two."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text[:20]) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def one_line(text: str) -> str:
    """Return a name or a reason, without spaces around it."""
    stripped = text.strip()
    if not stripped.isprintable() or not 1 <= len(stripped) <= MOST_CHARS:
        raise argparse.ArgumentTypeError(f"must be one line of 1 to {MOST_CHARS} characters")
    return stripped


def day(text: str) -> date:
    """Return a day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-03-16") from None


def settings(arguments: argparse.Namespace) -> Loaded:
    """Return the settings of a command: its flags, then the environment. Raises BadSetting."""
    flags = {name: getattr(arguments, _SETTING_PREFIX + name, None) for name in SPECS}
    return config.load(os.environ, flags)
