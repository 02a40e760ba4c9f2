"""What the operator's commands have in common: their settings, pages and output."""

import argparse

from daimon.cli.parsing import DATABASE, Commands, Run, add_json, add_settings, command, whole

PAGE, MOST_ROWS = 100, 1000


def administer(
    commands: Commands, name: str, run: Run, says: str, *settings: str, example: str = ""
) -> argparse.ArgumentParser:
    """Add a command over the server's database. It may print JSON, and takes few settings as flags."""
    parser = command(commands, name, run, says, example)
    add_json(parser)
    add_settings(parser, (*DATABASE, *settings))
    return parser


def add_limit(parser: argparse.ArgumentParser) -> None:
    """Let a list be cut."""
    parser.add_argument(
        "--limit",
        type=whole(1, MOST_ROWS),
        default=PAGE,
        metavar="N",
        help=f"at most so many, 1 to {MOST_ROWS}; default {PAGE}",
    )


def add_page(parser: argparse.ArgumentParser) -> None:
    """Let a list be read page by page."""
    add_limit(parser)
    parser.add_argument("--after", metavar="ID", help="go on after this one, the last of the page before")


def print_page(
    arguments: argparse.Namespace, name: str, rows: list[dict[str, object]], columns: tuple[str, ...], last: str | None
) -> None:
    """Print one page of a list; `last` is the id to go on after, if there is more."""
    from daimon.operate.output import as_json, as_table

    if arguments.json:
        print(as_json({name: rows, "has_more": last is not None, "after": last}))
        return
    print(as_table(rows, columns) if rows else f"No {name}.")
    if last is not None:
        print(f"\nThere are more: --after {last}")
