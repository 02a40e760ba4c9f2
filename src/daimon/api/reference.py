"""`docs/reference/`: the pages that are made from the code.

`python -m daimon.api.reference docs/reference` renews them.
"""

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import daimon
from daimon.api import commands
from daimon.api.openapi import errors_of
from daimon.api.operation import Operation
from daimon.kit.errors import DaimonError, NotFound


def pages(operations: Sequence[Operation]) -> dict[str, str]:
    """Return the pages by file name."""
    return {
        "errors.md": errors_page(),
        "endpoints.md": endpoints_page(operations),
        "api-commands.md": commands.page(commands.table(operations)),
    }


def every_error() -> set[type[DaimonError]]:
    """Return every error that a client may be told of: those of all modules called `errors` that have a name."""
    for module in pkgutil.walk_packages(daimon.__path__, "daimon."):
        if module.name.endswith(".errors"):
            importlib.import_module(module.name)
    named = {each for each in _below(DaimonError) if {"error", "code"} & vars(each).keys()}
    return {each for each in named if each.__module__.startswith("daimon.")} - {NotFound}


def _below(error: type[DaimonError]) -> set[type[DaimonError]]:
    below = set(error.__subclasses__())
    return below.union(*map(_below, below))


def errors_page() -> str:
    """Return the page of all errors: what each means, and what to do."""
    ordered = sorted(every_error(), key=lambda error: (error.status, error.error, error.code or "", error.__name__))
    return "\n".join(
        [
            "# Errors",
            "",
            "<!-- Made by `python -m daimon.api.reference docs/reference`. -->",
            "",
            'Every error is `{"error", "message", "next_steps", "request_id"}`. Where they apply there are also',
            "`details` (a list of `{field, message}`), `code` (a finer reason), `retry_after` (seconds),",
            "`current_usage` and `upgrade_context`. Match on `error` and `code`; `message` is for people and may",
            "change.",
            "",
            "| status | `error` | `code` | meaning | next steps |",
            "|---|---|---|---|---|",
            *map(_error_row, ordered),
            "",
        ]
    )


def endpoints_page(operations: Sequence[Operation]) -> str:
    """Return the page of all endpoints: who may call each, and what it may answer."""
    return "\n".join(
        [
            "# Endpoints",
            "",
            "<!-- Made by `python -m daimon.api.reference docs/reference`. -->",
            "",
            "The server shows the same with parameters and examples at `/docs`, and as OpenAPI 3.1 at `/openapi.json`.",
            "",
            "| method and path | what it does | key | permission | errors |",
            "|---|---|---|---|---|",
            *map(_endpoint_row, operations),
            "",
        ]
    )


def _error_row(error: type[DaimonError]) -> str:
    shown = error()
    code = f"`{error.code}`" if error.code else ""
    return _row(str(error.status), f"`{error.error}`", code, shown.message, " ".join(shown.steps))


def _endpoint_row(each: Operation) -> str:
    key = "none" if each.reach is None else f"{each.reach}{' or none' if each.anonymous else ''}"
    permission = f"`{each.permission}`" if each.permission else ""
    errors = ", ".join(dict.fromkeys(f"`{error.error}`" for error in errors_of(each)))
    return _row(f"`{each.method} {each.path}`", each.summary, key, permission, errors)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _write(directory: Path, made: Iterable[tuple[str, str]]) -> None:
    for name, text in made:
        (directory / name).write_text(text, "utf-8")


if __name__ == "__main__":
    from daimon.api.catalog import OPERATIONS

    _write(Path(sys.argv[1]), pages(OPERATIONS).items())
