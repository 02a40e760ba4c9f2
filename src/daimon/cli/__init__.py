"""The command `daimon`. What a command needs is imported when it runs, so that help comes at once.

A module a group of commands; `main` runs one and says what went wrong in one line.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from daimon import __version__
from daimon.cli import admin, api, audit, completion, mail, mcp, serving, webhooks
from daimon.cli.parsing import BadUsage
from daimon.config import BadSetting


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 called wrongly."""
    given = sys.argv[1:] if argv is None else argv
    arguments = _parser(given).parse_args(given)
    try:
        code = int(arguments.run(arguments) or 0)
        sys.stdout.flush()
    except (BadSetting, BadUsage) as error:
        return _fail(error, code=2)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return _cut_off()
    except _known_failures() as error:
        return _fail(error, code=1)
    return code


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


def _cut_off() -> int:
    """Whoever read the output has enough of it, such as `head`: end as other programs do, by SIGPIPE's code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes at its end
    return 141


def _parser(argv: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """Return the parser of a command line; of all commands without one."""
    parser = argparse.ArgumentParser(prog="daimon", description="Real e-mail for AI agents.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"daimon {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)
    serving.add(commands)
    mail.add(commands)
    mcp.add(commands)
    api.add(commands, {"webhooks": webhooks.add(commands), "audit": audit.add(commands)}, argv)
    admin.add(commands)
    completion.add(commands, _parser)
    serving.add_role(commands)
    return parser
