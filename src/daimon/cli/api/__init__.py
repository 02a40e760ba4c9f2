"""The commands that call the API: a group for each kind of thing, a verb for each operation (see api/commands.py).

What has a flag stands in `commands.json`, which is read in a millisecond, and only once a group of it is called.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from daimon.cli.api import profiles, reading
from daimon.cli.parsing import Commands, Parser, add_json, command, group, show_example

Json = dict[str, Any]

SHORT = {"send": ("messages", "send"), "whoami": ("account", "whoami")}
_READERS = {"integer": reading.integer, "number": reading.number, "json": reading.json_value, "string": reading.text}


@cache
def table() -> Json:
    """Return the commands by group and verb."""
    found: Json = json.loads(Path(__file__).with_name("commands.json").read_text("utf-8"))
    return found


def add(commands: Commands, name: str) -> None:
    """Add a group with all of its verbs, or what is short for one of them."""
    from daimon.cli.registry import ENTRIES

    if name in SHORT:
        into, verb = SHORT[name]
        _add_call(commands, name, table()[into][verb])
    else:
        add_calls(group(commands, name, ENTRIES[name].says), name)


def add_calls(commands: Commands, name: str) -> None:
    """Add the verbs of a group."""
    for verb, call in table()[name].items():
        _add_call(commands, verb, call)


def _add_call(commands: Commands, verb: str, call: Json) -> None:
    parser = command(commands, verb, partial(_run, call), call["help"].replace("%", "%%"), None)
    show_example(parser, call["example"])
    for name, told in call["arguments"].items():
        parser.add_argument(name, metavar=name.upper(), type=reading.given, help=_told(told))
    for place in ("query", "body"):
        for name, flag in call[place].items():
            if name not in call["arguments"]:
                _add_flag(parser, f"{place}:{name}", name, flag)
    _add_common(parser.add_argument_group("connection and output"), call)


def _add_common(parser: argparse._ArgumentGroup, call: Mapping[str, Any]) -> None:
    profiles.add_connection(parser)
    if "cursor" in call["query"]:
        parser.add_argument("--all", action="store_true", help="all pages, not one; with --json a line for each")
    if call["octets"] or call["links"]:
        otherwise = "print a link to them" if call["links"] else "standard output"
        parser.add_argument("--output", metavar="FILE", help=f"write the octets there; default: {otherwise}")
    if call["method"] == "DELETE":
        parser.add_argument("--yes", action="store_true", help="do not ask; nobody is asked but at a terminal")
    if call["once"] and call["key"]:
        parser.add_argument("--save", metavar="PROFILE", help="keep the new key in this profile")
    add_json(parser, "print the API's answer as JSON; an error too, on standard error")
    parser.add_argument("--show-secret", action="store_true", help="print keys and secrets; else they are struck out")


def _add_flag(parser: Parser, at: str, name: str, flag: Json) -> None:
    option, told = f"--{name.replace('_', '-')}", _told(flag.get("help", ""))
    given: Json = {"dest": at, "default": None, "help": told, "required": flag.get("required", False)}
    kind, values = flag["kind"], flag.get("values")
    if kind == "boolean":
        parser.add_argument(option, f"--no-{option[2:]}", action=_Switch, nargs=0, **given)
    elif kind == "files":
        given["help"] = "A file to attach. May be given more than once."
        parser.add_argument("--attach", action="append", metavar="FILE", **given)
    elif kind == "strings":
        given["help"] = f"{_of(told, values)} May be given more than once.".strip()
        parser.add_argument(option, action="append", type=reading.given, metavar=name.upper(), choices=values, **given)
    else:
        given["help"] = _of(told, values)
        metavar = "JSON" if kind == "json" else name.upper()
        parser.add_argument(option, type=_READERS[kind], metavar=metavar, choices=values, **given)
        if flag.get("null"):
            parser.add_argument(
                f"--no-{option[2:]}", dest=at, action="store_const", const=reading.NULL, help="take it away"
            )


class _Switch(argparse.Action):
    """A flag that has an opposite: left out, the API decides."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Note which of both was given."""
        setattr(namespace, self.dest, not (option or "").startswith("--no-"))


def _of(told: str, values: Sequence[str] | None) -> str:
    return f"{told} One of {', '.join(values)}.".strip() if values else told


def _told(text: str) -> str:
    return text.replace("%", "%%")


def _run(call: Json, arguments: argparse.Namespace) -> int:
    from daimon.cli.api import running

    return running.run(call, vars(arguments))
