"""`daimon webhooks`: those of an account, and what helps to build a receiver of them."""

import argparse
import os
from urllib.parse import urlsplit

from daimon.cli import api, terminal
from daimon.cli.parsing import BadUsage, Commands, add_json, command, group
from daimon.cli.tailing import add_following, wish_of


def add(commands: Commands, name: str) -> None:
    """Add the commands about webhooks."""
    webhooks = group(commands, name, "programs that are told of events")
    api.add_calls(webhooks, name)
    says = "send an account's events on to a program on this machine, signed as webhooks are, until Ctrl-C"
    listen = command(webhooks, "listen", _listen, says, "--forward http://localhost:3000/hook")
    listen.add_argument("--forward", required=True, type=_url, metavar="URL", help="such as http://localhost:3000/hook")
    add_following(listen)
    add_json(listen, "print a line of JSON for each event that was sent on")


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool((parts.hostname or "").encode("idna")) and parts.port != 0
    except ValueError:
        good = False
    if not good or not text.isascii() or not text.isprintable() or " " in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL such as http://localhost:3000/hook")
    return text


def _listen(arguments: argparse.Namespace) -> None:
    from daimon.kit import ids
    from daimon.operate import listening
    from daimon.webhooks import secret

    following = wish_of(arguments)
    given = os.environ.get("DAIMON_WEBHOOK_SECRET")
    if given and not secret.is_one(given):
        raise BadUsage("DAIMON_WEBHOOK_SECRET is not the secret of a webhook: whsec_ and base64")
    chosen = given or secret.make()
    if not given:  # it is of no webhook, but made for this program: without it nothing can be verified
        _say(arguments, f"Events are signed with {chosen} (set DAIMON_WEBHOOK_SECRET to keep one)")
    wish = listening.Wish(
        following,
        forward=arguments.forward,
        secret=chosen,
        webhook_id=ids.show(ids.Kind.WEBHOOK, ids.new()),
    )

    def told(sent: listening.Sent) -> None:
        print(terminal.one_line_of_json(sent.fields()) if arguments.json else sent.line(), flush=True)

    listening.listen(wish, told, lambda line: _say(arguments, line))


def _say(arguments: argparse.Namespace, line: str) -> None:
    """Say what is no event: among the lines for people, beside those for programs."""
    if arguments.json:
        terminal.say(line)
    else:
        print(line, flush=True)
