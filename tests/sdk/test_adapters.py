"""The pytest plugin, in runs of its own against a whole server."""

import subprocess
import sys
from pathlib import Path

from daimon_email import DaimonClient
from e2e.serving import Serving, environment

from .conftest import Account
from .test_sending import paying

OTHERS = ("asyncio", "cacheprovider", "langsmith_plugin", "schemathesis")  # plugins that a user may not have
RECEIVE = """
import os, smtplib
from pathlib import Path

def receive(address, subject, body="Hello."):
    with smtplib.SMTP("127.0.0.1", int(os.environ["SMTP_PORT"]), local_hostname="example.com", timeout=30) as smtp:
        mail = f"From: login@example.com\\r\\nTo: {address}\\r\\nSubject: {subject}\\r\\n\\r\\n{body}\\r\\n"
        smtp.sendmail("login@example.com", [address], mail)
"""


def run(served: Serving, directory: Path, tests: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run tests as a user of the plugin does, with warnings as errors."""
    (directory / "test_mail.py").write_text(RECEIVE + tests)
    (directory / "pytest.ini").write_text(f"[pytest]\naddopts = {' '.join(f'-p no:{name}' for name in OTHERS)}\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-c", "pytest.ini", "test_mail.py"],
        cwd=directory,
        env=environment(DAIMON_BASE_URL=served.api, SMTP_PORT=str(served.smtp_port), **variables),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_without_a_key_a_run_opens_an_account_and_deletes_it(served: Serving, tmp_path: Path) -> None:
    """Each test has an inbox of its own in it; a wait returns each mail once."""
    done = run(
        served,
        tmp_path,
        """
seen = []

def test_a_code_comes(inbox):
    receive(inbox.email, "Log in", "Your code is 123456.")
    assert inbox.wait(has_code=True).codes[0].code == "123456"
    seen.append(inbox)

def test_mails_come_one_by_one(inbox, daimon_client):
    assert inbox.email != seen[0].email
    assert [each.email for each in daimon_client.inboxes.list()] == [inbox.email]
    receive(inbox.email, "one"), receive(inbox.email, "two")
    assert {inbox.wait().subject, inbox.wait().subject} == {"one", "two"}
    Path("key").write_text(daimon_client._config.headers["Authorization"].split()[1])
""",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with DaimonClient((tmp_path / "key").read_text(), served.api) as client:
        assert client.account.get().deleted_at


def test_a_wait_in_vain_fails_the_test_and_names_what_came(served: Serving, tmp_path: Path) -> None:
    """The inbox is deleted all the same; a test may have deleted it, too."""
    with DaimonClient(base_url=served.api) as nobody:
        first = nobody.inboxes.create()
    done = run(
        served,
        tmp_path,
        """
def test_another_mail_comes(inbox):
    receive(inbox.email, "Welcome")
    assert inbox.wait(subject="Welcome").from_address == "login@example.com"
    inbox.wait(subject="Log in", timeout=0)

def test_it_deletes_its_inbox(inbox):
    inbox.client.inboxes.delete(inbox.id)
""",
        DAIMON_API_KEY=str(first.account_api_key),
    )
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "no unread mail with {'subject': 'Log in'} came to" in done.stdout
    assert "login@example.com: 'Welcome' (read)" in done.stdout
    with DaimonClient(first.account_api_key, served.api) as client:
        assert [inbox.id for inbox in client.inboxes.list()] == [first.id]


def test_an_inbox_sends(served: Serving, tmp_path: Path) -> None:
    """By an account that may."""
    with DaimonClient(base_url=served.api) as nobody:
        first = nobody.inboxes.create()
    with DaimonClient(first.account_api_key, served.api) as client:
        paying(Account(client, first, served))
    done = run(
        served,
        tmp_path,
        """
def test_it_writes_to_itself(inbox):
    inbox.send(inbox.email, "Note", "To myself.", labels=["noted"])
    assert inbox.wait(subject="Note").body_text.strip() == "To myself."
""",
        DAIMON_API_KEY=str(first.account_api_key),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_run_that_asks_for_no_mail_pays_nothing_and_keeps_its_fixtures(served: Serving, tmp_path: Path) -> None:
    """Neither the HTTP library nor the models are imported."""
    done = run(
        served,
        tmp_path,
        """
import sys, pytest

@pytest.fixture
def inbox():
    return "mine"

def test_it(inbox):
    assert inbox == "mine"
    assert "daimon_email.pytest_plugin" in sys.modules
    assert {"httpx", "daimon_email.models", "daimon_email.client"}.isdisjoint(sys.modules)
""",
    )
    assert done.returncode == 0, done.stdout + done.stderr
