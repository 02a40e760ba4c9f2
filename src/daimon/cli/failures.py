"""What a command says and returns when it has not done what was asked.

For people a line on standard error, and what to do next below it; after `--json` the API's body of an error there.
"""

import sys
from typing import Any, TypeVar

from daimon.cli.parsing import CALLED_WRONGLY, BadUsage

Json = dict[str, Any]
_T = TypeVar("_T")

# Beside 0 done, 1 failed and 2 called wrongly; docs/how-to/use-the-command-line.md has the table.
FAILED, SERVER_FAILED, NOTHING_CAME, INTERRUPTED = 1, 9, 10, 130
_EXITS = {400: 6, 401: 3, 402: 7, 403: 3, 404: 4, 409: 5, 410: 4, 413: 6, 415: 6, 422: 6, 429: 8}


class Failure(Exception):
    """A command failed: its exit code, and the body of an error as the API has it."""

    def __init__(self, code: int, body: Json) -> None:
        super().__init__(body.get("message"))
        self.code, self.body = code, body


def refused(status: int, body: object) -> Failure:
    """Return what an answer of the API means that is no success."""
    code = _EXITS.get(status, SERVER_FAILED if status >= 500 else FAILED)
    if isinstance(body, dict) and "message" in body:
        return Failure(code, body)
    return Failure(code, _body("UNEXPECTED_ANSWER", f"the server answered {status}"))


def server_failed(error: str, message: str) -> Failure:
    """Return that the server could not be reached, or is none of ours."""
    return Failure(SERVER_FAILED, _body(error, message))


def of(error: Exception) -> Failure | None:
    """Return what a known error means to the person at the terminal; None: it is a bug, whose traceback helps."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, BadUsage):
        return Failure(CALLED_WRONGLY, _body("BAD_USAGE", str(error)))
    from daimon.config import BadSetting
    from daimon.operate.errors import NotDone

    if isinstance(error, BadSetting):
        return Failure(CALLED_WRONGLY, _body("BAD_SETTING", str(error)))
    if isinstance(error, NotDone):
        return refused(error.status or 0, _body(error.error, str(error)))
    if isinstance(error, _of_the_server()):
        return Failure(FAILED, _body("FAILED", str(error)))
    if isinstance(error, OSError):
        what = "standard output" if error.filename is None else str(error.filename)
        return Failure(FAILED, _body("FAILED", f"{what}: {error.strerror or error}"))
    return None


def _of_the_server() -> tuple[type[Exception], ...]:
    """Return what the server's own commands raise; looked up only once something was raised."""
    from daimon.db.errors import DatabaseUnusable
    from daimon.demo import NotSent
    from daimon.supervisor.errors import CannotStart

    return DatabaseUnusable, CannotStart, NotSent


def _body(error: str, message: str) -> Json:
    return {"error": error, "message": message, "next_steps": []}


def tell(failure: Failure, *, as_json: bool) -> None:
    """Say on standard error what went wrong, and what to do next."""
    from daimon.cli import terminal

    if as_json:
        print(terminal.one_line_of_json(failure.body, sys.stderr), file=sys.stderr)
        return
    for line in _lines(failure.body):
        terminal.say(line)


def _lines(body: Json) -> list[str]:
    code = body.get("code") or body.get("error")
    is_ours = code in (None, "BAD_USAGE", "BAD_SETTING", "FAILED", "UNREACHABLE", "UNEXPECTED_ANSWER")
    lines = [f"daimon: {body.get('message')}{'' if is_ours else f' ({code})'}"]
    wrong = [each for each in _of(list, body.get("details")) if isinstance(each, dict)]
    details = [f"{each.get('field')}: {each.get('message')}" for each in wrong]
    lines += [f"  {each}" for each in details if each != body.get("message")]
    lines += _steps([each for each in _of(list, body.get("next_steps")) if isinstance(each, str)])
    upgrade = _of(dict, body.get("upgrade_context"))
    if url := upgrade.get("operator_action_url"):
        lines.append(f"  {upgrade.get('operator_action_label')}: {url}")
    return lines


def _of(kind: type[_T], value: object) -> _T:
    """Return a part of an error, or an empty one where a proxy put something else."""
    return value if isinstance(value, kind) else kind()


def _steps(steps: list[str]) -> list[str]:
    if not steps:
        return []
    from daimon.cli.api.steps import as_command

    return [f"  {as_command(step)}" for step in steps]
