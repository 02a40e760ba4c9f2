"""What type checkers know of the client, in their strict modes: mypy, and pyright from npm."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """\
from daimon_email import (
    AsyncDaimonClient, CreatedInbox, DaimonClient, Event, Inbox, InboxLimitReached, Message, UsageTotals,
)


def blocking(client: DaimonClient) -> Message | None:
    made: CreatedInbox = client.inboxes.create(username="a", metadata={"a": 1})
    names: list[Inbox] = list(client.inboxes.list(limit=2, status="active"))
    totals: UsageTotals = client.usage.get(by="pod").totals
    first: Event = next(client.events.stream(after=0))
    client.teams.set_grants("team_1", [{"role": "viewer", "pod_id": None}])
    print(made.inbox_api_key or "", names, totals.sent, first.sequence)
    client.inboxes.create(user="a")  # wrong: no such parameter
    client.inboxes.list(status="asleep")  # wrong: no such status
    client.pods.create()  # wrong: a pod needs a name
    client.messages.claim(made.id).message  # wrong: it may be None
    return client.messages.wait(made.id, timeout=None)


async def asynchronous(client: AsyncDaimonClient) -> str | None:
    page = await client.inboxes.list()
    inboxes: list[Inbox] = [inbox async for inbox in client.inboxes.list()]
    raw: bytes = await client.messages.raw(page.result[0].id, inboxes[0].id)
    wrong: int = await client.messages.raw(inboxes[0].id, inboxes[0].id)  # wrong: octets
    try:
        await client.account.get()
    except InboxLimitReached as error:
        return error.code + str(raw) + str(wrong)
    return None
"""
WRONG = [number for number, line in enumerate(PROGRAM.splitlines(), 1) if "# wrong" in line]


def test_mypy_knows_the_calls(tmp_path: Path) -> None:
    """What is right passes, each mistake is found."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", f"--cache-dir={tmp_path}", program],
        capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path,
    )  # fmt: skip
    found = {line.partition(": ")[0].rpartition(":")[2] for line in done.stdout.splitlines() if " error: " in line}
    assert sorted(map(int, found)) == WRONG, done.stdout + done.stderr


def test_pyright_knows_the_calls(tmp_path: Path) -> None:
    """The same, by the other checker; it comes from npm, with nothing else."""
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "reportUnusedExpression": false}')
    (tmp_path / "package.json").write_text('{"private": true}')
    install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "pyright@1.1.414"]
    subprocess.run(install, cwd=tmp_path, check=True, capture_output=True, timeout=100)
    done = subprocess.run(
        ["npx", "--no-install", "pyright", "--outputjson", "--pythonpath", sys.executable, "program.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    told = json.loads(done.stdout)["generalDiagnostics"]
    found = {each["range"]["start"]["line"] + 1 for each in told if each["severity"] == "error"}
    assert sorted(found) == WRONG, told
