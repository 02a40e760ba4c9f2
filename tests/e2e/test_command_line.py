"""The commands that call the API, against a running server."""

import json
import os
import re
import smtplib
import stat
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

import peer_tools
from daimon.api import commands
from daimon.api.catalog import OPERATIONS
from daimon.cli.api import table
from serving import Serving

DAIMON = str(Path(sys.executable).with_name("daimon"))
SECRET = re.compile(r"dm_\w+_\w{20,}")


class Shell:
    """A person's shell: an environment, and a home of his own."""

    def __init__(self, server: Serving, home: Path) -> None:
        self.server = server
        self.profiles = home / "daimon" / "profiles.json"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DAIMON_")}
        self.variables = kept | {"XDG_CONFIG_HOME": str(home), "DAIMON_BASE_URL": server.api}

    def run(self, *words: str, given: str = "", **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a command."""
        return subprocess.run(
            [DAIMON, *words], input=given, env=self.variables | variables, capture_output=True, text=True, timeout=120
        )

    def result(self, *words: str, **variables: str) -> Any:
        """Return the result that a command prints as JSON."""
        done = self.run(*words, "--json", **variables)
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)["result"]


@pytest.fixture
def shell(generous: Serving, tmp_path: Path) -> Shell:
    """A shell without a key."""
    return Shell(generous, tmp_path)


def deliver(server: Serving, to: str, subject: str = "Your code", text: str = "Your code is 615243.") -> None:
    """Bring a mail from outside."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "shop@example.com", to, subject
    mail.set_content(text)
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=30) as smtp:
        smtp.send_message(mail)


def test_from_nothing_to_a_code(shell: Shell) -> None:
    """The first inbox opens an account whose key is kept, by nobody else to be read, and shown nowhere."""
    made = shell.run("inboxes", "create")
    assert made.returncode == 0, made.stderr
    assert not SECRET.search(made.stdout + made.stderr)
    assert stat.S_IMODE(shell.profiles.stat().st_mode) == 0o600
    [row] = shell.result("inboxes", "list")["inboxes"]
    deliver(shell.server, row["email"])
    waited = shell.run("messages", "wait", row["email"], "--has-code", "--timeout", "20")
    assert waited.returncode == 0, waited.stderr
    assert "615243" in waited.stdout
    listed = shell.run("messages", "list", row["id"])
    assert "shop@example.com" in listed.stdout
    assert "Its thread: daimon threads get " in waited.stderr


def test_nothing_came_in_time(shell: Shell) -> None:
    """Which is no failure, and no mail."""
    inbox = shell.result("inboxes", "create")["id"]
    assert shell.run("messages", "wait", inbox, "--timeout", "0").returncode == 10


def test_a_table_and_a_page_are_octets(shell: Shell, tmp_path: Path) -> None:
    """On standard output or in a file; the same call's JSON is shown as all others are."""
    assert shell.run("inboxes", "create").returncode == 0
    table = shell.run("billing", "get-split-report", "--format", "csv", "--total-cents", "1000")
    assert re.match(r"\w+(,\w+)+\n", table.stdout), table.stderr
    page = tmp_path / "statement.html"
    assert shell.run("billing", "get-split-statement", "--issuer", "Ada", "--output", str(page)).returncode == 0
    assert page.read_text().startswith("<!doctype html>")
    assert shell.result("billing", "get-split-report", "--total-cents", "1000")["lines"]


def test_secrets_are_shown_when_asked_for(shell: Shell) -> None:
    """And in no other way, as JSON neither."""
    hidden = shell.run("inboxes", "create", "--json", "--save", "other")
    assert not SECRET.search(hidden.stdout)
    shown = shell.run("keys", "create", "--scope", "account", "--name", "one", "--show-secret", "--profile", "other")
    assert shown.returncode == 0, shown.stderr
    assert SECRET.search(shown.stdout)
    assert SECRET.search(json.loads(shell.profiles.read_text())["other"]["api_key"])


def test_profiles(shell: Shell) -> None:
    """A key that is read from standard input; one that is named goes before the environment."""
    shell.run("inboxes", "create", "--save", "first")
    key = json.loads(shell.profiles.read_text())["first"]["api_key"]
    kept = shell.run("login", "--profile", "mine", given=f"{key}\n")
    assert kept.returncode == 0, kept.stderr
    assert key not in kept.stdout + kept.stderr
    who = shell.result("whoami", "--profile", "mine")
    assert (
        who == shell.result("whoami", DAIMON_PROFILE="first") == shell.result("account", "whoami", DAIMON_API_KEY=key)
    )
    assert shell.result("whoami", "--profile", "mine", DAIMON_API_KEY="dm_live_wrong") == who
    listed = shell.run("profiles", "list")
    assert {"first", "mine"} <= set(listed.stdout.split())
    assert key not in listed.stdout
    assert shell.run("profiles", "remove", "mine").returncode == 0
    assert shell.run("whoami", "--profile", "mine").returncode == 2
    assert shell.run("login", "--profile", "mine", given="\n").returncode == 2


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("inboxes", "list"), 3, "AUTHENTICATION_REQUIRED"),
        (("inboxes", "get", "inbox_019cf63f0ac27d14a6c7d8e9f0a1b2c3", "--profile", "it"), 4, "INBOX_NOT_FOUND"),
        (("inboxes", "create", "--username", "!", "--profile", "it"), 6, "username"),
        (("send", "{inbox}", "--to", "a@example.com", "--profile", "it"), 7, "daimon admin account set-tier|Upgrade"),
        (("inboxes", "list", "--base-url", "http://127.0.0.1:9"), 9, "cannot be reached"),
        (("inboxes", "list", "--base-url", "ftp://x"), 2, "is not a URL"),
        (("inboxes", "list", "--limit", "many"), 2, "not a whole number"),
        (("messages", "delete", "{inbox}", "..", "--profile", "it"), 2, "is not an id"),
        (
            ("messages", "raw", "{inbox}", "msg_019cf63f0ac27d14a6c7d8e9f0a1b2c3", "--profile", "it"),
            4,
            "MESSAGE_NOT_FOUND",
        ),
        (("send", "{inbox}", "--to", "a@b.example", "--body", "@/no/such", "--profile", "it"), 2, "cannot be read"),
        (("send", "{inbox}", "--to", "a@b.example", "--attach", "/no/such", "--profile", "it"), 2, "cannot be read"),
    ],
)
def test_exit_codes_and_what_is_said(shell: Shell, words: tuple[str, ...], code: int, says: str) -> None:
    """By kind of error, on standard error."""
    inbox = shell.result("inboxes", "create", "--save", "it")["id"]
    if code == 3:
        shell.profiles.unlink()
    done = shell.run(*(word.replace("{inbox}", inbox) for word in words))
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert re.search(says, done.stderr), done.stderr


def test_a_mail_with_a_file_is_sent(shell: Shell, tmp_path: Path) -> None:
    """Its text from a file, its attachment as it is, in a tier that sends."""
    inbox = shell.result("inboxes", "create")
    account = shell.result("whoami")["account_id"]
    data = ("--data-dir", str(shell.server.data_dir))
    assert shell.run("admin", "account", "set-tier", account, "growth", *data).returncode == 0
    (tmp_path / "letter.txt").write_text("Dear Ada,\n")
    (tmp_path / "a.bin").write_bytes(bytes(range(256)))
    sent = shell.result(
        "send", inbox["id"], "--to", inbox["email"], "--to", "delivered@simulator.daimon.email", "--subject", "Hello",
        "--body", f"@{tmp_path}/letter.txt", "--attach", f"{tmp_path}/a.bin",
    )  # fmt: skip
    message = shell.result("messages", "get", inbox["id"], sent["id"])
    assert message["body_text"].startswith("Dear Ada")
    [file] = message["attachments"]
    got = shell.run(
        "messages", "get-attachment", inbox["id"], sent["id"], str(file["id"]), "--output", str(tmp_path / "got")
    )
    assert got.returncode == 0, got.stderr
    assert (tmp_path / "got").read_bytes() == bytes(range(256))


def test_events_are_followed(shell: Shell) -> None:
    """From now on, until as many came as were asked for."""
    inbox = shell.result("inboxes", "create")
    tail = subprocess.Popen(
        [DAIMON, "events", "tail", "--count", "1", "--event", "message.received", "--json"],
        env=shell.variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert tail.stderr
    assert "Listening" in tail.stderr.readline()
    deliver(shell.server, inbox["email"])
    out, _ = tail.communicate(timeout=60)
    assert json.loads(out)["event"] == "message.received"
    assert tail.returncode == 0


def test_an_event_is_a_line(shell: Shell) -> None:
    """For people: its number, when, what, where, and of a mail who wrote it and about what."""
    inbox = shell.result("inboxes", "create")
    deliver(shell.server, inbox["email"])
    shell.result("messages", "wait", inbox["id"], "--timeout", "30")
    told = shell.run("events", "tail", "--after", "0", "--count", "2")
    assert told.returncode == 0, told.stderr
    created, received = told.stdout.splitlines()
    assert re.fullmatch(rf" +1  \S+Z  inbox\.created +{inbox['id']}", created)
    assert re.fullmatch(rf" +2  \S+Z  message\.received +{inbox['id']} \S+@\S+ .+", received)


def test_a_text_is_read_line_by_line(shell: Shell) -> None:
    """Set in, so that no line of a mail looks like a field."""
    inbox = shell.result("inboxes", "create")
    deliver(shell.server, inbox["email"], text="Dear all,\n\nstatus  sent\n")
    shown = shell.run("messages", "wait", inbox["id"], "--timeout", "30").stdout
    assert re.search(r"^body text( +)Dear all,\n\s*\n {9}\1status  sent$", shown, re.MULTILINE), shown


def test_who_reads_no_further_gets_no_complaint(shell: Shell) -> None:
    """`daimon … | head` ends as other programs do, by the code of SIGPIPE."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as output:
        done = subprocess.run(
            [DAIMON, "profiles", "list"], env=shell.variables,
            stdout=output, stderr=subprocess.PIPE, timeout=60, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (141, b"")


COMPLETED = {
    "daimon inb": ["inbound", "inboxes"],
    "daimon inboxes rot": ["rotate-key"],
    "daimon admin account set-t": ["set-tier"],
    "daimon account cap": ["capabilities"],
    "daimon messages wait x --has-c": ["--has-code"],
    "daimon account export --outp": ["--output"],
    "daimon send x --att": ["--attach"],
    "daimon inboxes list --status act": ["active"],
    "daimon keys create --name x --scope in": ["inbox"],
    "daimon whoami --profile wo": ["work"],
}


def completing(shell: Shell) -> dict[str, str]:
    """Return what a shell has in its environment while it completes; there is a profile."""
    assert shell.run("login", "--profile", "work", given="dm_free_0123456789\n").returncode == 0
    return shell.variables | {"PATH": f"{Path(DAIMON).parent}:{os.environ['PATH']}"}


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_is_a_script(shell: Shell, name: str) -> None:
    """That knows every group, command and flag."""
    script = shell.run("completion", name).stdout
    for word in ("inboxes", "rotate-key", "--has-code", "--no-unread", "admin", "set-tier", "--http-port", "--output"):
        assert word in script
    assert "_role" not in script


def test_bash_completes(shell: Shell) -> None:
    """Groups, commands below a group, flags, also behind other arguments, their values, and profiles."""
    variables = completing(shell)
    script = shell.run("completion", "bash").stdout
    for words, wanted in COMPLETED.items():
        typed = words.split(" ")
        asked = f'COMP_WORDS=({" ".join(typed)}) COMP_CWORD={len(typed) - 1}; _daimon; echo "${{COMPREPLY[@]}}"'
        done = subprocess.run(
            ["bash", "-c", f"{script}\n{asked}"], env=variables, capture_output=True, text=True, check=True
        )
        assert sorted(done.stdout.split()) == wanted, words


def test_fish_completes(shell: Shell, tmp_path: Path) -> None:
    """The same."""
    (tmp_path / "daimon.fish").write_text(shell.run("completion", "fish").stdout)
    asked = "; ".join(f"complete -C '{words}'" for words in COMPLETED)
    done = subprocess.run(
        [peer_tools.program("fish"), "--no-config", "-c", f"source {tmp_path}/daimon.fish; {asked}"],
        env=completing(shell), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found = [line.partition("\t")[0] for line in done.stdout.splitlines()]
    assert sorted(found) == sorted(word for words in COMPLETED.values() for word in words)


def test_zsh_completes(shell: Shell, tmp_path: Path) -> None:
    """In a shell that has loaded nothing yet, at the press of a key."""
    (tmp_path / "daimon.zsh").write_text(shell.run("completion", "zsh").stdout)
    typed = f"""
        zmodload zsh/zpty && zpty -b shell zsh -f -i
        zpty -w shell "source {tmp_path}/daimon.zsh; print re''ady"
        zpty -r shell said '*ready*'
        zpty -w -n shell $'daimon inboxes rot\\t' && zpty -r shell said '*rot*' && zpty -r shell said '*ate-key*'
        zpty -w -n shell $'x --sh\\t' && zpty -r shell said '*ow-secret*'
    """
    done = subprocess.run(
        [peer_tools.program("zsh"), "-f", "-c", typed], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_operation_has_a_command() -> None:
    """But for those that have a reason not to; and the committed table is that of this API."""
    assert table() == commands.table(OPERATIONS), "python -m daimon.api.commands > src/daimon/cli/api/commands.json"
    called = {call["operation"] for verbs in table().values() for call in verbs.values()}
    pages = {each.name for each in OPERATIONS if each.content_type == "text/html" and not each.path.startswith("/v1/")}
    about_itself = {each.name for each in OPERATIONS if each.tag == "server"}
    assert {each.name for each in OPERATIONS} - called == commands.LEFT_OUT | pages | about_itself
