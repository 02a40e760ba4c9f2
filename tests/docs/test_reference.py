"""Whatever a user can meet is in the reference: settings, events, errors, commands, endpoints."""

import argparse
import re
from collections.abc import Iterator

import pytest

from daimon import config
from daimon.api.catalog import OPERATIONS
from daimon.api.operation import Operation
from daimon.api.reference import every_error
from daimon.cli.program import parser_of
from daimon.events.models import EventType
from daimon.inbound.isolation import Unread
from daimon.kit.errors import DaimonError
from daimon.kit.metrics import registry
from daimon.lifecycle import export
from daimon.supervisor import metrics

from .pages import read

assert metrics  # knows what all roles count


def test_every_setting_is_documented() -> None:
    """`make docs` renews the page."""
    assert read("docs/reference/settings.md") == config.reference()


@pytest.mark.parametrize("name", [name for name in registry if name.startswith("daimon_")])
def test_every_metric_is_documented(name: str) -> None:
    """In the words that a scrape shows."""
    metric = registry[name]
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
    assert f"\n| `{name}` | {metric.kind} | {labels} | {metric.doc} |\n" in read("docs/reference/metrics.md")


def test_documented_metrics_exist() -> None:
    """What was taken away is taken off the page."""
    assert set(re.findall(r"^\| `(daimon_\w+)`", read("docs/reference/metrics.md"), re.MULTILINE)) == set(registry)


@pytest.mark.parametrize("why", Unread)
def test_every_reason_of_unread_mail_is_documented(why: Unread) -> None:
    """It is a label of a metric."""
    assert f"`{why.name.lower()}`" in read("docs/reference/metrics.md")


@pytest.mark.parametrize("event", EventType)
def test_every_event_is_documented(event: EventType) -> None:
    """With the fields of its `data`."""
    assert f"\n| `{event}` | " in read("docs/reference/events.md")


@pytest.mark.parametrize("error", sorted(every_error(), key=lambda error: error.__name__))
def test_every_error_code_is_documented(error: type[DaimonError]) -> None:
    """Error and finer code stand in one row."""
    rows = [row for row in read("docs/reference/errors.md").splitlines() if f"| `{error.error}` |" in row]
    assert rows
    assert error.code is None or any(f"| `{error.code}` |" in row for row in rows)


@pytest.mark.parametrize("each", OPERATIONS, ids=lambda each: each.name)
def test_every_endpoint_is_documented(each: Operation) -> None:
    """Method and path begin a row."""
    assert f"\n| `{each.method} {each.path}` | " in read("docs/reference/endpoints.md")


def commands(parser: argparse.ArgumentParser, path: str = "daimon") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every command that does something, with its parser; those without help are not for people."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield path, parser
    for group in groups:
        shown = {choice.dest for choice in group._choices_actions}
        for name, below in group.choices.items():
            if name in shown:
                yield from commands(below, f"{path} {name}")


COMMANDS = dict(commands(parser_of()))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    """With the flags that are its own; those that set a setting are in the settings' page."""
    pages = read("docs/reference/commands.md") + read("docs/reference/api-commands.md")
    row = re.compile(rf"\| `{re.escape(command)}( [A-Z_]+)*( |`)[^a-z]")
    rows = [line for line in pages.splitlines() if row.match(line)]
    assert len(rows) == 1, rows
    settings = {config.flag(name) for name in config.SPECS}
    flags = {flag for action in COMMANDS[command]._actions for flag in action.option_strings}
    for flag in flags - settings - {"-h", "--help"}:
        assert f"`{flag}" in rows[0], flag


@pytest.mark.parametrize("command", [name for name in COMMANDS if name.startswith(("daimon admin ", "daimon audit "))])
def test_every_command_of_the_operator_prints_json(command: str) -> None:
    """For programs, as for people."""
    assert "--json" in {flag for action in COMMANDS[command]._actions for flag in action.option_strings}


@pytest.mark.parametrize("file", [table.file for table in export._TABLES])
def test_every_file_of_an_export_is_documented(file: str) -> None:
    """With what is in it."""
    assert f"`{file}`" in read("docs/concepts/account-life.md")
