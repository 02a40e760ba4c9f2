"""What `daimon … --help` shows, and what is said to somebody who typed it nearly right."""

import argparse
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daimon import cli
from daimon.cli import registry
from daimon.cli.program import parser_of


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield parser
    for group in groups:
        for name, below in group.choices.items():
            if not name.startswith("_"):
                yield from _commands(below)


COMMANDS = {parser.prog: parser for parser in _commands(parser_of())}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_says_what_each_flag_is_for_and_shows_an_example(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example can be called as it stands."""
    parser = COMMANDS[command]
    assert not [action.dest for action in parser._actions if action.option_strings and not action.help]
    shown = re.search(rf"^example:\n  {re.escape(command)}(.*)$", parser.format_help(), re.MULTILINE)
    assert shown
    monkeypatch.chdir(tmp_path)
    for name in ("letter.txt", "leaked.txt", "invoice.pdf", "customers.json"):
        (tmp_path / name).write_text("x")
    words = shlex.split(re.split(" [<>] ", shown[1])[0])
    assert parser_of(command.split()[1:]).parse_args([*command.split()[1:], *words]).run


def test_help_names_every_word(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing that is not for people."""
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in registry.ENTRIES)
    assert "_role" not in shown


@pytest.mark.parametrize("words", [["help", "messages", "wait"], ["messages", "wait", "-h"]])
def test_help_is_asked_for_in_two_ways(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As other programs have it."""
    assert cli.main(words) == 0
    assert capsys.readouterr().out.startswith("usage: daimon messages wait INBOX_ID [flags]\n")


@pytest.mark.parametrize("words", [[], ["messages"], ["admin", "account"]])
def test_a_word_alone_shows_what_may_follow(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was done, and nothing stands on standard output."""
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert (out, " ".join(["usage: daimon", *words, "COMMAND [flags]"]) in err) == ("", True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("inboxs list", "there is no command 'inboxs'; did you mean inboxes or inbound?"),
        ("inboxes lsit", "there is no command 'lsit'; did you mean list? (see `daimon inboxes --help`)"),
        ("inboxes list --limt 3", "there is no flag --limt; did you mean --limit?"),
        ("inboxes list --limt=3", "there is no flag --limt; did you mean --limit?"),
        ("inboxes list --status activ", "'activ' is none of active, suspended; did you mean active?"),
        ("inboxes get", "the following arguments are required: INBOX_ID (see `daimon inboxes get --help`)"),
        ("inboxes get a b", "'b' is one word too many"),
        ("inboxes list --limit many", "'many' is not a whole number"),
        ("--json inboxes list", "flags stand behind a command, such as `daimon inboxes list --json`"),
        ("admin account set-tier acc_1 huge", "'huge' is none of free, developer, growth, enterprise"),
        ("serve --http-prt 1", "there is no flag --http-prt; did you mean --http-port"),
    ],
)
def test_what_is_nearly_right_is_told(words: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In a line on standard error."""
    assert cli.main(words.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    [line] = err.splitlines()
    assert says in (json.loads(line)["message"] if "--json" in words else line.removeprefix("daimon: "))


def test_help_waits_for_nothing_that_it_does_not_need() -> None:
    """A module of the server, of HTTP or of asyncio would make it several times slower."""
    program = "import sys; from daimon import cli; cli.main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    slow = {"asyncio", "dataclasses", "http.client", "ssl", "msgspec", "tempfile", "json", "daimon.config", "inspect"}
    assert not slow & set(done.stderr.split())


def test_settings_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its value and where it came from; a secret is masked."""
    secrets = ["--stripe-secret-key", "sk_test_4eC39HqLyjWDarjtT1zdp7dc", "--stripe-webhook-secret", "whsec_4eC39"]
    assert cli.main(["config", "--http-port", "9000", *secrets, "--json"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out)["http_port"] == {"value": "9000", "origin": "--http-port"}
    assert "4eC39" not in out
