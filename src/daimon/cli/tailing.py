"""`daimon events tail`: what happens, as it happens, until Ctrl-C."""

import argparse
import contextlib
import json
from typing import TYPE_CHECKING, Any

from daimon.cli import api, terminal
from daimon.cli.api import profiles
from daimon.cli.parsing import Commands, Parser, add_json, command, group, whole

if TYPE_CHECKING:
    from daimon.operate.following import Following


class _Enough(Exception):
    """As many events came as were asked for."""


def add(commands: Commands, name: str) -> None:
    """Add the commands about events."""
    events = group(commands, name, "what happened, and what happens")
    api.add_calls(events, name)
    says = "print events as they happen, from now on or from a place, until Ctrl-C"
    tail = command(events, "tail", _run, says, "--event message.received --json")
    add_following(tail)
    tail.add_argument("--count", type=whole(1, 10**9), metavar="N", help="end after so many events; default: never")
    add_json(tail, "print an event a line, as JSON")


def add_following(parser: Parser) -> None:
    """Add the flags that say which events are followed, and of which account."""
    told = "go on behind the number or id of an event; default: from now on"
    parser.add_argument("--after", metavar="PLACE", help=told)
    for name, metavar, what in (("event", "TYPE", "type"), ("inbox", "ID", "inbox"), ("pod", "ID", "pod")):
        told = f"only of this {what}; given once for each"
        parser.add_argument(f"--{name}", action="append", default=[], metavar=metavar, help=told)
    profiles.add_connection(parser)


def wish_of(arguments: argparse.Namespace) -> "Following":
    """Return what is followed. Raises BadUsage without a key."""
    from daimon.operate.following import Following

    connection = profiles.with_key(arguments.profile, arguments.base_url)
    return Following(
        base_url=connection.base_url,
        api_key=str(connection.api_key),
        events=tuple(arguments.event),
        inbox_ids=tuple(arguments.inbox),
        pod_ids=tuple(arguments.pod),
        after=arguments.after,
    )


def _run(arguments: argparse.Namespace) -> None:
    from daimon.operate.following import follow

    left = arguments.count

    def take(octets: bytes) -> None:
        nonlocal left
        event = json.loads(octets)
        print(terminal.one_line_of_json(event) if arguments.json else _line(event), flush=True)
        if left is not None:
            left -= 1
            if left <= 0:
                raise _Enough

    with contextlib.suppress(_Enough):
        follow(wish_of(arguments), take, terminal.say)


def _line(event: dict[str, Any]) -> str:
    from daimon.operate.output import cell

    about = event.get("inbox_id") or event.get("pod_id") or ""
    message = event["data"].get("message") or {}
    told = " ".join(str(each) for each in (message.get("from_address"), message.get("subject")) if each)
    return cell(f"{event['sequence']:>8}  {event['timestamp']}  {event['event']:<24} {about} {told}".rstrip())
