"""Commands as a person has them: on a terminal, interrupted, cut off, in another encoding."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
from pathlib import Path

import pytest
from test_command_line import DAIMON, SECRET, Shell, deliver

from serving import Serving

HOSTILE = "\x1b]0;title\x07\x1b[2J \u202egnp.exe \x9b31m 日本 🎉"


@pytest.fixture
def shell(generous: Serving, tmp_path: Path) -> Shell:
    """A shell without a key."""
    return Shell(generous, tmp_path)


class Terminal:
    """A command on a terminal of some width; `said` is all that it wrote there."""

    def __init__(self, shell: Shell, *words: str, columns: int = 80, **variables: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        kept = {name: value for name, value in shell.variables.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [DAIMON, *words], env=kept | {"TERM": "xterm"} | variables,
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self._octets = b""
        self._moved = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                got = os.read(self._ours, 65536)
            except OSError:  # the other end is closed
                got = b""
            with self._moved:
                self._octets += got
                self._moved.notify_all()
            if not got:
                return

    @property
    def said(self) -> str:
        return self._octets.decode().replace("\r\n", "\n")

    def await_text(self, text: str) -> None:
        """Return once it was written."""
        with self._moved:
            assert self._moved.wait_for(lambda: text in self.said, timeout=60), self.said

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._ours, text.encode())

    def end(self) -> int:
        """Return the exit code."""
        code = self.process.wait(timeout=60)
        self._reader.join(timeout=60)
        os.close(self._ours)
        return code


def obeyed(said: str) -> str:
    """Return what a terminal would have obeyed."""
    return "".join(each for each in said if not each.isprintable() and each != "\n")


def test_no_mail_writes_to_the_terminal(shell: Shell) -> None:
    """In a table, a message, JSON, an event and octets; a narrow terminal has narrow tables."""
    inbox = shell.result("inboxes", "create")
    deliver(shell.server, inbox["email"], subject="Hi", text=HOSTILE)
    message = shell.result("messages", "wait", inbox["id"], "--timeout", "30")
    for words in (
        ("messages", "list", inbox["id"]),
        ("messages", "list", inbox["id"], "--json"),
        ("messages", "get", inbox["id"], message["id"]),
        ("messages", "get", inbox["id"], message["id"], "--json"),
        ("messages", "raw", inbox["id"], message["id"]),
        ("events", "tail", "--after", "0", "--count", "2"),
        ("events", "tail", "--after", "0", "--count", "2", "--json"),
    ):
        terminal = Terminal(shell, *words)
        assert terminal.end() == 0, terminal.said
        assert not obeyed(terminal.said), words
        assert message["id"] in terminal.said or "Subject: Hi" in terminal.said or "shop@example.com" in terminal.said
    table = Terminal(shell, "messages", "list", inbox["id"], columns=64)
    assert table.end() == 0
    assert max(map(len, table.said.split("\nRead one whole")[0].splitlines())) <= 64
    piped = shell.run("messages", "raw", inbox["id"], message["id"])
    assert piped.stdout.startswith("From: shop@example.com")


def test_an_archive_is_not_for_a_terminal(shell: Shell) -> None:
    """It says what to do."""
    assert shell.run("inboxes", "create").returncode == 0
    terminal = Terminal(shell, "account", "export")
    assert terminal.end() == 2
    assert "add --output FILE" in terminal.said
    assert "PK" not in terminal.said


def test_who_deletes_is_asked(shell: Shell) -> None:
    """At a terminal, unless it was said before."""
    inbox = shell.result("inboxes", "create")
    for answer, more, code in (("n\n", (), 2), ("\n", (), 2), ("y\n", (), 0), ("", ("--yes",), 4)):
        terminal = Terminal(shell, "inboxes", "delete", inbox["id"], *more)
        if answer:
            terminal.await_text("[y/N]")
            terminal.type(answer)
        assert terminal.end() == code, terminal.said
    assert shell.run("inboxes", "get", inbox["id"]).returncode == 4


def test_a_key_is_typed_unseen(shell: Shell) -> None:
    """And kept."""
    terminal = Terminal(shell, "login", "--profile", "typed")
    terminal.await_text("API key: ")
    terminal.type("dm_free_0123456789abcdefghij\n")
    assert terminal.end() == 0
    assert "0123456789" not in terminal.said
    assert json.loads(shell.profiles.read_text())["typed"]["api_key"] == "dm_free_0123456789abcdefghij"


@pytest.mark.parametrize(
    ("words", "begun"),
    [
        (("messages", "wait", "{inbox}", "--timeout", "600"), "Wait for a message"),
        (("events", "tail"), "Listening from"),
        (("webhooks", "listen", "--forward", "http://127.0.0.1:9/"), "Listening from"),
        (("login", "--profile", "x"), "API key: "),
        (("inboxes", "delete", "{inbox}"), "[y/N]"),
    ],
)
def test_ctrl_c_ends_every_wait(shell: Shell, words: tuple[str, ...], begun: str) -> None:
    """With the code of that, and without a traceback."""
    inbox = shell.result("inboxes", "create")["id"]
    terminal = Terminal(shell, *(word.replace("{inbox}", inbox) for word in words))
    terminal.await_text(begun)
    os.killpg(terminal.process.pid, signal.SIGINT)
    assert terminal.end() == 130, terminal.said
    assert "Traceback" not in terminal.said


def test_progress_is_for_a_terminal_that_moves(shell: Shell) -> None:
    """Neither for `dumb` ones nor for files."""
    inbox = shell.result("inboxes", "create")["id"]
    words = ("messages", "wait", inbox, "--timeout", "2.5")
    moving, still = Terminal(shell, *words), Terminal(shell, *words, TERM="dumb")
    assert (moving.end(), still.end()) == (10, 10)
    assert "Wait for a message" in moving.said
    assert "\x1b" not in still.said
    assert "Wait for a message" not in shell.run("messages", "wait", inbox, "--timeout", "1.5").stderr


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LANG": "C"},
        {"NO_COLOR": "1", "TERM": "dumb", "PYTHONDEVMODE": "1", "PYTHONWARNINGS": "error"},
    ],
)
def test_whatever_is_written_is_written_somehow(shell: Shell, variables: dict[str, str]) -> None:
    """In every encoding, and with Python's warnings as errors."""
    inbox = shell.result("inboxes", "create")
    deliver(shell.server, inbox["email"], subject="Hi", text=HOSTILE)
    message = shell.result("messages", "wait", inbox["id"], "--timeout", "30")["id"]
    for words in (("messages", "get", inbox["id"], message), ("messages", "list", inbox["id"]), ("inboxes", "list")):
        for more in ((), ("--json",)):
            done = subprocess.run(
                [DAIMON, *words, *more], env=shell.variables | variables, capture_output=True, timeout=60, check=False
            )
            assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done
            assert inbox["id"].encode() in done.stdout or message.encode() in done.stdout
            assert not more or json.loads(done.stdout)


@pytest.mark.parametrize("where", ["closed", "full"])
def test_an_output_that_cannot_be_written(shell: Shell, where: str) -> None:
    """Closed, it is as if nobody reads; full, that is told."""
    assert shell.run("inboxes", "create").returncode == 0
    ending = ">&-" if where == "closed" else ">/dev/full"
    for words in ("inboxes list", "inboxes list --json", "--help", "profiles list", "account export"):
        done = subprocess.run(
            ["sh", "-c", f"{DAIMON} {words} {ending}"], env=shell.variables, capture_output=True, timeout=60, text=True
        )
        assert "Traceback" not in done.stderr, done
        assert "Exception ignored" not in done.stderr, done
        assert (done.returncode, "No space left" in done.stderr) == ((0, False) if where == "closed" else (1, True))


def test_nothing_is_read_on_after_head(shell: Shell) -> None:
    """Of a list, of octets, of help and of errors."""
    assert shell.run("inboxes", "create").returncode == 0
    for words in ("inboxes list --all --json", "account export", "--help", "completion bash", "nosuch 2>&1"):
        done = subprocess.run(
            ["bash", "-c", f"{DAIMON} {words} | true; echo ${{PIPESTATUS[0]}}"],
            env=shell.variables, capture_output=True, timeout=60, text=True, check=False,
        )  # fmt: skip
        assert done.stderr == "", done
        assert done.stdout.strip() in ("141", "0", "2"), done


def test_a_profiles_own_key_is_rotated_in_it(shell: Shell) -> None:
    """It works on, the key before does not; nothing is printed."""
    shell.result("inboxes", "create", "--save", "mine")
    before = json.loads(shell.profiles.read_text())["mine"]["api_key"]
    key = shell.result("whoami", "--profile", "mine")["key_id"]
    for words in (("keys", "rotate", key), ("keys", "rotate-account")):
        done = shell.run(*words, "--profile", "mine")
        assert done.returncode == 0, done.stderr
        assert not SECRET.search(done.stdout + done.stderr)
    assert shell.result("whoami", "--profile", "mine")["key_id"] == key
    assert shell.run("whoami", DAIMON_API_KEY=before).returncode == 3
    refused = shell.run(
        "keys", "rotate-account", DAIMON_API_KEY=json.loads(shell.profiles.read_text())["mine"]["api_key"]
    )
    assert (refused.returncode, "--show-secret" in refused.stderr) == (2, True)
    inbox = shell.result("inboxes", "create", "--profile", "mine", "--save", "agent")["id"]
    assert shell.result("whoami", "--profile", "agent")["inbox_id"] == inbox
    assert re.search(r"\*? +agent", shell.run("profiles", "list").stdout)


def test_errors_for_programs_are_on_standard_error(shell: Shell) -> None:
    """One object, whoever found the mistake; nothing on standard output."""
    shell.result("inboxes", "create")
    for words, code, error in (
        (("inboxes", "get", "nope"), 4, "INBOX_NOT_FOUND"),
        (("inboxes", "get"), 2, "BAD_USAGE"),
        (("inboxes", "list", "--profile", "nope"), 2, "BAD_USAGE"),
        (("inboxes", "list", "--base-url", "http://127.0.0.1:9"), 9, "UNREACHABLE"),
        (("events", "tail", "--after", "999999"), 6, "INVALID_CURSOR"),
        (("admin", "account", "show", "acc_nope", "--data-dir", str(shell.server.data_dir)), 1, "FAILED"),
        (("config", "--http-port", "x"), 2, "BAD_SETTING"),
    ):
        done = shell.run(*words, "--json")
        assert (done.returncode, done.stdout) == (code, ""), done
        body = json.loads(done.stderr)
        assert (body["error"], bool(body["message"])) == (error, True)
