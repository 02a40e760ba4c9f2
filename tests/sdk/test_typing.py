"""What type checkers know of the client, in their strict modes: mypy, and pyright from npm."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from npm import PATIENCE

pytestmark = pytest.mark.timeout(PATIENCE)

PROGRAM = """\
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path

from daimon_email import (
    AsyncDaimonClient, Claimed, CreatedInbox, DaimonClient, DaimonError, Event, File, Inbox, InboxLimitReached, Message,
    NoAnswer, RateLimited, SentMessage, UsageTotals, UsernameTaken,
)


def blocking(client: DaimonClient) -> Message | None:
    made: CreatedInbox = client.inboxes.create(username="a", metadata={"a": 1})
    names: list[Inbox] = list(client.inboxes.list(limit=2, status="active"))
    totals: UsageTotals = client.usage.get(by="pod").totals
    first: Event = next(client.events.stream(after=0))
    behind: list[Event] = client.events.list(after=first.sequence).result
    client.teams.set_grants("team_1", [{"role": "viewer", "pod_id": None}])
    print(made.inbox_api_key or "", names, totals.sent, behind)
    client.inboxes.create(user="a")  # wrong: no such parameter
    client.inboxes.create(username=1)  # wrong: a name is text
    client.inboxes.list(status="asleep")  # wrong: no such status
    client.pods.create()  # wrong: a pod needs a name
    client.messages.claim(made.id).message  # wrong: it may be None
    client.messages.wait(made.id).subject  # wrong: there may be none in time
    print(made.adress)  # wrong: no such field
    print(made.created_at + 1)  # wrong: a time
    return client.messages.wait(made.id, timeout=None)


class Mine(DaimonClient):
    def mine(self) -> str:
        with self as same:
            return same.mine()


def verified(client: DaimonClient, body: bytes, headers: list[tuple[bytes, bytes]]) -> Event:
    client.webhooks.verify({}, headers, "whsec_")  # wrong: a body that was parsed
    return client.webhooks.verify(body, headers, "whsec_")


def pages(client: DaimonClient) -> Iterator[str]:
    page = client.inboxes.list(limit=2)
    more: bool = page.has_more
    total: int = page.total
    steps: list[str] = page.next_steps
    following = page.next_page()
    yield from (inbox.email for inbox in (following.result if following else page))
    for message in client.messages.list("inbox_1", unread=True):
        when: datetime = message.received_at
        yield f"{message.subject or ''} {when} {more} {total} {steps}"
    for number in client.inboxes.list():
        print(number + 1)  # wrong: an inbox
    page.next_page().result  # wrong: there may be none


def sending(client: DaimonClient, report: Path) -> SentMessage:
    client.messages.send("inbox_1", to="a@example.com", attachments=[1])  # wrong: no file
    client.messages.send("inbox_1", to=["a@example.com"], send_at=0)  # wrong: a time
    note = File("a.txt", b"a", "text/plain")
    return client.messages.send("inbox_1", to="a@example.com", subject="Hi", attachments=[report, note])


def caught(client: DaimonClient) -> list[str]:
    try:
        claimed: Claimed | None = client.messages.claim("inbox_1")
        return [claimed.message.id] if claimed else []
    except UsernameTaken as error:
        return error.suggestions
    except RateLimited as error:
        wait: float = error.retry_after  # wrong: not every answer says
        return [str(wait)]
    except NoAnswer as error:
        return error.steps  # wrong: next_steps
    except DaimonError as error:
        status: int | None = error.status
        print(error.upgrade_context["agent_script"])  # wrong: not every error has one
        return [*error.next_steps, error.code, error.request_id or "", str(status)]


async def asynchronous(client: AsyncDaimonClient) -> str | None:
    page = await client.inboxes.list()
    inboxes: list[Inbox] = [inbox async for inbox in client.inboxes.list()]
    raw: bytes = await client.messages.raw(page.result[0].id, inboxes[0].id)
    wrong: int = await client.messages.raw(inboxes[0].id, inboxes[0].id)  # wrong: octets
    for inbox in client.inboxes.list():  # wrong: to be awaited
        print("one")
    print(client.inboxes.get("inbox_1").email)  # wrong: to be awaited
    try:
        await client.account.get()
    except InboxLimitReached as error:
        return error.code + str(raw) + str(wrong)
    return None


async def following(key: str) -> AsyncIterator[Event]:
    async with AsyncDaimonClient(key) as client:
        async for event in client.events.stream(events=["message.received"]):
            sequence: int = event.sequence
            print(sequence, client.webhooks.verify(b"", {}, "whsec_").event_id)
            yield event
        client.events.stream(events=["mail.received"])  # wrong: no such event
"""
WRONG = [number for number, line in enumerate(PROGRAM.splitlines(), 1) if "# wrong" in line]


def test_mypy_knows_the_calls(tmp_path: Path) -> None:
    """What is right passes, each mistake is found."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", f"--cache-dir={tmp_path}", program],
        capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=tmp_path,
    )  # fmt: skip
    found = {line.partition(": ")[0].rpartition(":")[2] for line in done.stdout.splitlines() if " error: " in line}
    assert sorted(map(int, found)) == WRONG, done.stdout + done.stderr


def test_pyright_knows_the_calls(tmp_path: Path) -> None:
    """The same, by the other checker; it comes from npm, with nothing else."""
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "reportUnusedExpression": false}')
    (tmp_path / "package.json").write_text('{"private": true}')
    install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "pyright@1.1.414"]
    subprocess.run(install, cwd=tmp_path, check=True, capture_output=True, timeout=PATIENCE)
    done = subprocess.run(
        ["npx", "--no-install", "pyright", "--outputjson", "--pythonpath", sys.executable, "program.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    told = json.loads(done.stdout)["generalDiagnostics"]
    found = {each["range"]["start"]["line"] + 1 for each in told if each["severity"] == "error"}
    assert sorted(found) == WRONG, told
