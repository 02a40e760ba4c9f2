"""`daimon mcp`: the API for a model, on standard input and output."""

import argparse

from daimon.cli.api import profiles
from daimon.cli.parsing import BadUsage, Commands, command


def add(commands: Commands, _: str) -> None:
    """Add the command."""
    made = command(
        commands,
        "mcp",
        _run,
        "serve the Model Context Protocol on standard input and output; the key is DAIMON_API_KEY, or that of a profile"
        " that is named, and without one the first inbox opens an account",
        "--profile agent-1",
    )
    made.add_argument("--profile", metavar="NAME", help="whose server and key; default: $DAIMON_PROFILE, or none")
    profiles.add_base_url(made)


def _run(arguments: argparse.Namespace) -> None:
    import asyncio

    from daimon.mcp import stdio

    # The profile in use is a person's, with the key of a whole account: a model gets it only by name.
    found = profiles.connection(arguments.profile, arguments.base_url, default=False)
    try:
        asyncio.run(stdio.run(found.base_url, found.api_key))
    except stdio.CannotStart as error:
        raise BadUsage(str(error)) from error
