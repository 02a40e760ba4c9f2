"""`daimon webhooks`: what helps to build a receiver of webhooks."""

import argparse
import os
from urllib.parse import urlsplit

from daimon.cli.api import profiles
from daimon.cli.parsing import BadUsage, Commands, command, group


def add(commands: Commands) -> Commands:
    """Add the commands about webhooks, and return their group."""
    webhooks = group(commands, "webhooks", "build a receiver of webhooks")
    listen = command(
        webhooks,
        "listen",
        _listen,
        "send an account's events on to a program on this machine, signed as webhooks are",
    )
    listen.add_argument("--forward", required=True, type=_url, metavar="URL", help="such as http://localhost:3000/hook")
    listen.add_argument("--event", action="append", default=[], metavar="TYPE", help="only of this type, or more")
    listen.add_argument("--inbox", action="append", default=[], metavar="ID", help="only of this inbox, or more")
    listen.add_argument("--pod", action="append", default=[], metavar="ID", help="only of this pod, or more")
    listen.add_argument("--after", metavar="PLACE", help="go on behind the number or id of an event; else from now on")
    profiles.add_connection(listen)
    return webhooks


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
    from daimon.operate import following, listening
    from daimon.webhooks import secret

    connection = profiles.connection(arguments.profile, arguments.base_url)
    if connection.api_key is None:
        raise BadUsage("there is no key: set DAIMON_API_KEY, or keep one by `daimon login`")
    given = os.environ.get("DAIMON_WEBHOOK_SECRET")
    if given and not secret.is_one(given):
        raise BadUsage("DAIMON_WEBHOOK_SECRET is not the secret of a webhook: whsec_ and base64")
    chosen = given or secret.make()
    if not given:
        print(f"Events are signed with {chosen} (set DAIMON_WEBHOOK_SECRET to keep one)", flush=True)
    wish = listening.Wish(
        following.Following(
            base_url=connection.base_url,
            api_key=connection.api_key,
            events=tuple(arguments.event),
            inbox_ids=tuple(arguments.inbox),
            pod_ids=tuple(arguments.pod),
            after=arguments.after,
        ),
        forward=arguments.forward,
        secret=chosen,
        webhook_id=ids.show(ids.Kind.WEBHOOK, ids.new()),
    )
    listening.listen(wish, lambda line: print(line, flush=True))
