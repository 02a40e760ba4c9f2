"""The command `daimon`. What a command needs is imported when it runs, so that help comes at once.

A module a group of commands; `main` runs one and says what went wrong in one line.
"""

import argparse
import sys
from collections.abc import Sequence

from daimon import __version__
from daimon.cli import admin, audit, mail, mcp, serving, webhooks
from daimon.cli.parsing import BadUsage
from daimon.config import BadSetting


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 called wrongly."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments) or 0)
    except (BadSetting, BadUsage) as error:
        return _fail(error, code=2)
    except KeyboardInterrupt:
        return 130
    except _known_failures() as error:
        return _fail(error, code=1)


def _known_failures() -> tuple[type[Exception], ...]:
    """Return the errors that are for the person at the terminal; looked up only once one was raised."""
    from daimon.db.errors import DatabaseUnusable
    from daimon.demo import NotSent
    from daimon.operate.errors import NotDone
    from daimon.supervisor.errors import CannotStart

    return DatabaseUnusable, CannotStart, NotDone, NotSent


def _fail(error: Exception, *, code: int) -> int:
    print(f"daimon: {error}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="daimon", description="Real e-mail for AI agents.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"daimon {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)
    serving.add(commands)
    mail.add(commands)
    webhooks.add(commands)
    mcp.add(commands)
    audit.add(commands)
    admin.add(commands)
    serving.add_role(commands)
    return parser
