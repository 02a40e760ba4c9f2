"""`daimon events tail`: what happens, as it happens, until Ctrl-C."""

import argparse
import contextlib
import json
import sys
from typing import Any

from daimon.cli.api import profiles, showing
from daimon.cli.parsing import BadUsage, Commands, command


class _Enough(Exception):
    """As many events came as were asked for."""


def add(commands: Commands) -> None:
    """Add the command."""
    tail = command(commands, "tail", _run, "print events as they happen, from now on or from a place")
    tail.add_argument("--after", metavar="PLACE", help="go on behind the number or id of an event")
    tail.add_argument("--event", action="append", default=[], metavar="TYPE", help="only of this type, or more")
    tail.add_argument("--inbox", action="append", default=[], metavar="ID", help="only of this inbox, or more")
    tail.add_argument("--pod", action="append", default=[], metavar="ID", help="only of this pod, or more")
    tail.add_argument("--count", type=int, metavar="N", help="end after so many")
    profiles.add_connection(tail)
    tail.add_argument("--json", action="store_true", help="print an event a line")


def _run(arguments: argparse.Namespace) -> None:
    from daimon.operate.following import Following, follow

    connection = profiles.connection(arguments.profile, arguments.base_url)
    if connection.api_key is None:
        raise BadUsage("there is no key: set DAIMON_API_KEY, or keep one by `daimon login`")
    wish = Following(
        connection.base_url, connection.api_key, tuple(arguments.event), tuple(arguments.inbox), tuple(arguments.pod),
        arguments.after,
    )  # fmt: skip
    left = arguments.count

    def take(octets: bytes) -> None:
        nonlocal left
        print(octets.decode() if arguments.json else _line(json.loads(octets)), flush=True)
        if left is not None:
            left -= 1
            if left <= 0:
                raise _Enough

    with contextlib.suppress(_Enough):
        follow(wish, take, lambda line: print(line, file=sys.stderr, flush=True))


def _line(event: dict[str, Any]) -> str:
    about = event.get("inbox_id") or event.get("pod_id") or ""
    message = event["data"].get("message") or {}
    told = " ".join(str(each) for each in (message.get("from_address"), message.get("subject")) if each)
    return showing.plain(f"{event['sequence']:>8}  {event['timestamp']}  {event['event']:<24} {about} {told}".rstrip())
