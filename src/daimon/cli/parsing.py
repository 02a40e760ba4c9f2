"""How commands are declared, and how each gets its settings."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import IO, TYPE_CHECKING, Any, NoReturn, TypeAlias

if TYPE_CHECKING:
    from datetime import date

    from daimon.config import Loaded

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
Run: TypeAlias = Callable[[argparse.Namespace], int | None]

_SETTING_PREFIX = "setting_"
MOST_CHARS = 200  # of a reason or a name
CALLED_WRONGLY = 2
DATABASE = ("data_dir", "database_url", "secret_key")  # the settings of a command over the server's database


class BadUsage(Exception):
    """The arguments do not go together."""


class _Layout(argparse.HelpFormatter):
    """The columns of a help: as wide as the terminal, but not wider than is read with ease."""

    def __init__(self, prog: str) -> None:
        from daimon.operate.output import terminal_width

        super().__init__(prog, max_help_position=28, width=max(40, min(terminal_width() or 100, 100)))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Keep the lines of an example as they are, that they can be pasted."""
        if "\n" in text:
            return "".join(f"{indent}{line}\n" for line in text.splitlines())
        return super()._fill_text(text, width, indent)


class Parser(argparse.ArgumentParser):
    """A parser that says what was nearly right, and whose help begins with one short line of usage."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{"allow_abbrev": False, "formatter_class": _Layout, **given})

    def error(self, message: str) -> NoReturn:
        """Raise BadUsage."""
        raise BadUsage(f"{message} (see `{self.prog} --help`)")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Refuse what a command does not know, where it can be said what was meant."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown and self._subparsers is None:
            self.error(self._unknown(unknown[0]))
        return found, unknown

    def format_help(self) -> str:
        """Return the help, with the flags that must be given in its first line."""
        if self.usage is None and self._subparsers is None:
            self.usage = self._short_usage().replace("%", "%%")
        return super().format_help()

    def _print_message(self, message: str, file: IO[str] | None = None) -> None:  # type: ignore[override]
        """Print it; that it could not be written is not passed over, as by argparse."""
        (file or sys.stderr).write(message)

    def _short_usage(self) -> str:
        must = [each for each in self._actions if each.required and each.option_strings]
        places = [each for each in self._actions if not each.option_strings]
        words = [f"[{_shown(each)}]" if each.nargs == "?" else _shown(each) for each in places]
        return " ".join([self.prog, *words, *(f"{each.option_strings[-1]} {_shown(each)}" for each in must), "[flags]"])

    def _unknown(self, word: str) -> str:
        if not word.startswith("-") or word == "-":
            return f"{word!r} is one word too many"
        name = word.partition("=")[0]
        return f"there is no flag {name}{_meant(name, self._option_string_actions)}"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(each) for each in action.choices if not str(each).startswith("_")]
        if isinstance(action, argparse._SubParsersAction):
            raise argparse.ArgumentError(None, f"there is no command {value!r}{_meant(value, choices)}")
        raise argparse.ArgumentError(action, f"{value!r} is none of {', '.join(choices)}{_meant(value, choices)}")


def _shown(action: argparse.Action) -> str:
    if action.metavar is None and action.choices is not None:
        return f"{{{','.join(map(str, action.choices))}}}"
    return str(action.metavar or action.dest.upper())


def _meant(word: str, known: Iterable[str]) -> str:
    """Return what somebody may have meant, to be put behind what is wrong."""
    import difflib

    near = difflib.get_close_matches(str(word), list(known), 3, 0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def command(commands: Commands, name: str, run: Run, says: str | None, example: str | None = "") -> Parser:
    """Add a command; one that says nothing is not for people and not in the help.

    The example is what stands behind the command's own words, line by line; None: one is set later.
    """
    if says is None:
        parser = commands.add_parser(name)
    else:
        parser = commands.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:].rstrip('.')}.")
        if example is not None:
            show_example(parser, *example.split("\n"))
    parser.set_defaults(run=run)
    return parser


def show_example(parser: Parser, *examples: str) -> None:
    """Let a help end with examples; each is what stands behind the command's own words."""
    lines = "\n".join(f"  {parser.prog} {each}".rstrip().replace("%", "%%") for each in examples)
    parser.epilog = f"example:\n{lines}"


def group(commands: Commands, name: str, says: str) -> Commands:
    """Add a word that commands come after; alone, it shows them."""
    parser = commands.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}.")
    parser.epilog = f"`{parser.prog} COMMAND --help` shows flags and an example."
    return add_commands(parser)


def add_commands(parser: Parser) -> Commands:
    """Let commands come after a word."""
    below = parser.add_subparsers(metavar="COMMAND", title="commands", parser_class=Parser)
    parser.set_defaults(run=partial(_show_help, parser))
    parser.usage = f"{parser.prog} COMMAND [flags]"
    return below


def _show_help(parser: Parser, _: argparse.Namespace) -> int:
    """Say what could have been called: nothing was."""
    parser.print_help(sys.stderr)
    return CALLED_WRONGLY


def add_json(parser: argparse._ActionsContainer, says: str = "print JSON") -> None:
    """Let a command print for programs."""
    parser.add_argument("--json", action="store_true", help=says)


def add_settings(parser: argparse.ArgumentParser, names: Iterable[str] | None = None) -> None:
    """Let settings be given as flags: all of them, or those that the command has a use for."""
    from daimon import config

    shown = parser.add_argument_group(
        "settings",
        "Each is also an environment variable: --http-port, DAIMON_HTTP_PORT. A secret is better given there: `ps`"
        " shows flags to everybody.",
    )
    for name in config.SPECS if names is None else names:
        spec = config.SPECS[name]
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


def day(text: str) -> "date":
    """Return a day."""
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-03-16") from None


def settings(arguments: argparse.Namespace) -> "Loaded":
    """Return the settings of a command: its flags, then the environment. Raises BadSetting."""
    from daimon import config

    flags = {name: getattr(arguments, _SETTING_PREFIX + name, None) for name in config.SPECS}
    return config.load(os.environ, flags)
