"""The commands that call the API: a group for each kind of thing, a verb for each operation (see api/commands.py).

What has a flag stands in `commands.json`, which is read in a millisecond. Of a group only the one that is called is
built, so that help comes at once.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from daimon.cli.api import profiles, running, tailing
from daimon.cli.parsing import Commands, command, group

Json = dict[str, Any]

_SHORT = {"send": ("messages", "send"), "whoami": ("account", "whoami")}
_ABOUT = {
    "account": "the account, and what its key may do",
    "audit": "the trail of changes",
    "billing": "what is paid, and how it is split",
    "domains": "domains of your own",
    "drafts": "mails that are written and not sent",
    "events": "what happened",
    "inboxes": "inboxes with addresses",
    "keys": "API keys",
    "members": "people of the account",
    "messages": "mails: wait, read, send, answer",
    "pods": "groups of inboxes, such as customers",
    "rules": "whom mail may be from and to",
    "suppressions": "addresses that nothing is sent to",
    "teams": "members together",
    "threads": "conversations",
    "usage": "what was used",
    "webhooks": "programs that are told of events",
}


def table() -> Json:
    """Return the commands by group and verb."""
    found: Json = json.loads(Path(__file__).with_name("commands.json").read_text("utf-8"))
    return found


def add(commands: Commands, started: Mapping[str, Commands], argv: Sequence[str] | None) -> None:
    """Add the commands; `started` are groups that have others already, `argv` says which group is called, None all."""
    known = table()
    for name, verbs in known.items():
        called = argv is None or name in argv
        if name in started:
            into = started[name]
        elif called:
            into = group(commands, name, _ABOUT.get(name, name))
        else:
            commands.add_parser(name, help=_ABOUT.get(name, name))
            continue
        for verb, call in verbs.items():
            if called:
                _add_call(into, verb, call)
        if name == "events" and called:
            tailing.add(into)
    for short, (name, verb) in _SHORT.items():
        if argv is None or short in argv:
            _add_call(commands, short, known[name][verb])
        else:
            commands.add_parser(short, help=known[name][verb]["help"])
    profiles.add(commands)


def _add_call(commands: Commands, verb: str, call: Json) -> None:
    parser = command(commands, verb, partial(_run, call), call["help"].replace("%", "%%"))
    for name, told in call["arguments"].items():
        parser.add_argument(name, help=_told(told))
    for place in ("query", "body"):
        for name, flag in call[place].items():
            if name not in call["arguments"]:
                _add_flag(parser, f"{place}:{name}", name, flag)
    profiles.add_connection(parser)
    parser.add_argument("--json", action="store_true", help="print the API's answer")
    parser.add_argument("--show-secret", action="store_true", help="print keys and secrets")
    if call["octets"] or call["links"]:
        parser.add_argument("--output", metavar="FILE", help="write the octets there")
    if call["operation"] == "create_inbox":
        parser.add_argument("--save", metavar="PROFILE", help="keep the account's key in this profile")


def _add_flag(parser: argparse.ArgumentParser, at: str, name: str, flag: Json) -> None:
    option, told = f"--{name.replace('_', '-')}", _told(flag.get("help", ""))
    given: Json = {"dest": at, "default": None, "help": told, "required": flag.get("required", False)}
    kind = flag["kind"]
    if kind == "boolean":
        parser.add_argument(option, action=argparse.BooleanOptionalAction, **given)
    elif kind == "files":
        given["help"] = "a file, given for each one"
        parser.add_argument("--attach", action="append", metavar="FILE", **given)
    elif kind == "strings":
        parser.add_argument(option, action="append", metavar=name.upper(), choices=flag.get("values"), **given)
    else:
        readers: dict[str, Callable[[str], Any]] = {"integer": int, "number": float, "json": running.read_json}
        read = readers.get(kind, running.read_text)
        metavar = "JSON" if kind == "json" else name.upper()
        parser.add_argument(option, type=read, metavar=metavar, choices=flag.get("values"), **given)


def _told(text: str) -> str:
    return text.replace("%", "%%")


def _run(call: Json, arguments: argparse.Namespace) -> int:
    return running.run(call, vars(arguments))
