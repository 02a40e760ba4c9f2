"""The samples of the pages that begin something run against a server, as they stand and in their order."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daimon_email import DaimonClient
from e2e.serving import FREE_PORTS, Serving, environment

from .pages import ROOT, read
from .readme_commands import blocks

# What each sample prints, in the order of the page; one that only sets variables prints nothing.
PRINTED = {
    "docs/quick-start.md": [
        [r"^\S+@daimon\.email$"],
        [r"'code': '\d{6}'"],
        [r"verification code \d{6}$"],
    ],
    "docs/how-to/have-a-person-approve.md": [
        [r"developer"],
        [],
        [r"^draft: draft$", r"^refused: .*messages:send"],
        [r"^Thank you, we are looking at it\.$"],
        [r"^draft\nqueued$"],
        [r"^sent: Thank you, we are looking at it\. Ada$"],
        [r"^An offer queued$"],
    ],
    "docs/how-to/migrate-from-agentmail.md": [
        [r"^new: \S+@\S+ ", r"^processed: .*verification code", r"^acme-support@daimon\.email draft$"]
    ],
}


# What is taken from the quick start before: its commands, not its Python.
AFTER_QUICK_START = {"docs/how-to/migrate-from-agentmail.md"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server for the pages of this file."""
    started = Serving(tmp_path_factory.mktemp("samples") / "data", *FREE_PORTS, DAIMON_FREE_CREATES_PER_HOUR="0")
    try:
        yield started.ready()
    finally:
        started.process.terminate()
        started.finish()


def script(page: str) -> list[str]:
    """Return a page's samples as commands of one shell: `sh` as it stands, `python` as the input of Python."""
    shown = [block for block in blocks(read(page)) if block.language in ("sh", "python")]
    return [each.text if each.language == "sh" else f"python3 - <<'END'\n{each.text}END\n" for each in shown]


@pytest.mark.parametrize("page", PRINTED)
def test_the_samples_of_a_page_run(page: str, served: Serving) -> None:
    """One shell runs all of them; each prints what it is there to show."""
    samples = script(page)
    assert len(samples) == len(PRINTED[page])
    before = [block.text for block in blocks(read("docs/quick-start.md")) if block.language == "sh"]
    prelude = "".join(before) if page in AFTER_QUICK_START else ""
    done = subprocess.run(
        [
            "bash",
            "-euo",
            "pipefail",
            "-c",
            f"{prelude}\necho '== begin'\n" + "\n".join(f"{each}echo; echo '== end'" for each in samples),
        ],
        cwd=ROOT,
        env=environment(
            PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            DAIMON_BASE_URL=served.api,
            DAIMON_SMTP_PORT=str(served.smtp_port),
            DAIMON_DATA_DIR=str(served.data_dir),
        ),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    for said, expected in zip(done.stdout.partition("== begin\n")[2].split("== end"), PRINTED[page], strict=False):
        for pattern in expected:
            assert re.search(pattern, said, re.MULTILINE), f"no {pattern!r} in\n{said}"


def test_the_calls_that_are_compared_exist() -> None:
    """In the columns of ours; the clients of both languages have the same names, each in its own writing."""
    rows = re.findall(r"^\|.*\| (.*) \| (.*) \|$", read("docs/how-to/migrate-from-agentmail.md"), re.MULTILINE)
    calls = [call for row in rows for cell in row for call in re.findall(r"client\.(\w+)\.(\w+)\(", cell)]
    assert len(calls) >= 40
    client = DaimonClient(api_key="dm_free_none", base_url="http://127.0.0.1:9")
    for resource, method in calls:
        snake = re.sub(r"([A-Z])", r"_\1", method).lower()
        assert callable(getattr(getattr(client, resource), snake)), (resource, method)
