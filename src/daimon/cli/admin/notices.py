"""`daimon admin notices`."""

import argparse

from daimon.cli.admin.common import add_limit, administer
from daimon.cli.parsing import Commands, settings


def add(commands: Commands) -> None:
    """Add the command about mail from the server to people."""
    add_limit(administer(commands, "notices", _notices, "print the server's own mail that waits to be sent"))


def _notices(arguments: argparse.Namespace) -> None:
    from daimon.operate import notices
    from daimon.operate.output import as_json

    waiting, more = notices.waiting(settings(arguments).settings, limit=arguments.limit)
    if arguments.json:
        print(as_json({"notices": [notices.fields(each) for each in waiting], "has_more": more}))
        return
    print("\n\n".join(map(notices.as_text, waiting)) or "No mail waits.")
    if more:
        print(f"\nThere are more than {len(waiting)}.")
