"""`daimon mcp`: the API for a model, on standard input and output."""

import argparse
import asyncio
import os

from daimon.cli.parsing import BadUsage, Commands, command

_DEFAULT_URL = "http://127.0.0.1:8080"


def add(commands: Commands) -> None:
    """Add the command."""
    made = command(
        commands,
        "mcp",
        _run,
        "serve the Model Context Protocol on standard input and output; the key is DAIMON_API_KEY, and without one the"
        " first inbox opens an account",
    )
    made.add_argument("--base-url", metavar="URL", help=f"the API's ($DAIMON_BASE_URL, {_DEFAULT_URL})")


def _run(arguments: argparse.Namespace) -> None:
    from daimon.mcp import stdio

    url = arguments.base_url or os.environ.get("DAIMON_BASE_URL") or _DEFAULT_URL
    try:
        asyncio.run(stdio.run(url, os.environ.get("DAIMON_API_KEY") or None))
    except stdio.CannotStart as error:
        raise BadUsage(str(error)) from error
