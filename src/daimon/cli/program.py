"""Running one command: from its words to an exit code."""

import sys
from collections.abc import Sequence

from daimon import __version__
from daimon.cli import EndedAtOnce, failures, registry, terminal
from daimon.cli.parsing import BadUsage, Parser, add_commands

_ALONE = ("-h", "--help", "--version")
_SERVERS = (["serve"], ["_role"])  # whose operator wants to know where a file or a socket failed


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 called wrongly; `failures` has the others."""
    try:
        return _told(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:
        return failures.INTERRUPTED
    except BrokenPipeError:
        return terminal.cut_off()


def _told(given: list[str]) -> int:
    """Run it, and say in words what went wrong; of a bug, Python tells."""
    try:
        terminal.prepare()
        code = _run(given)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except Exception as error:
        failure = failures.of(error)
        if failure is None or (isinstance(error, OSError) and given[:1] in _SERVERS):
            raise
        failures.tell(failure, as_json="--json" in given)
        return failure.code
    return code


def _run(given: list[str]) -> int:
    if given[:1] == ["help"]:
        given = [*given[1:], "--help"]
    if given and given[0].startswith("-") and given[0] not in _ALONE:
        raise BadUsage(f"flags stand behind a command, such as `daimon inboxes list {given[0]}`")
    with EndedAtOnce():
        parser = parser_of(given)
    try:
        arguments = parser.parse_args(given)
        return int(arguments.run(arguments) or 0)
    except SystemExit as end:  # argparse has shown help or version; what it wrote may not have left yet
        return int(end.code or 0)


def parser_of(argv: Sequence[str] | None = None) -> Parser:
    """Return the parser of a command line; of all commands without one."""
    parser = registry.Top(prog="daimon")
    parser.add_argument("--version", action="version", version=f"daimon {__version__}")
    registry.add(add_commands(parser), argv)
    return parser
