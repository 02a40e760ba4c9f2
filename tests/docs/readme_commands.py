"""Runs what README.md says, in a fresh clone of HEAD: `python tests/docs/readme_commands.py`.

A bash block under `<!-- ci: serve -->` starts the server; those under `<!-- ci: run -->` run after it, in one shell, in
their order. Between them the three lines that the server prints are run as they stand. Needs the ports of the README.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS, RUN_SECONDS, STOP_SECONDS = 240, 180, 60
_BLOCK = re.compile(r"^(?:<!-- ci: (\w+) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PASTED = re.compile(r"^Try it .*?\n\n(.*?)\n\nReady after", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: the word of its mark (or nothing), its language and its text."""

    mark: str
    language: str
    text: str


def blocks(markdown: str) -> list[Block]:
    """Return the fenced blocks of a page."""
    return [Block(*found.groups("")) for found in _BLOCK.finditer(markdown)]


def main() -> None:
    """Clone, serve, run, stop. Exits with a message if anything fails."""
    with tempfile.TemporaryDirectory(prefix="daimon-readme-") as directory:
        clone = Path(directory) / "daimon"
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, clone], check=True, timeout=60)
        readme = blocks((clone / "README.md").read_text("utf-8"))
        [serve] = [block.text for block in readme if block.mark == "serve"]
        with serving(serve, clone) as said:
            ran = bash(three_lines(said), clone)
            assert "verification code" in ran, f"the three lines did not show the mail:\n{ran}"
            ran = bash("".join(block.text for block in readme if block.mark == "run"), clone)
            for expected in ('"account_api_key"', "verification code", "Total inboxes: 2", "no mail yet"):
                assert expected in ran, f"no {expected!r} in what the README's commands printed:\n{ran}"
    print("README: its commands work")


def three_lines(said: str) -> str:
    """Return the lines to paste as a script. The last one lists mail, which is there moments after its 250."""
    found = _PASTED.search(said)
    assert found, f"the server printed no lines to paste:\n{said}"
    create, send, read = (line.strip() for line in found[1].splitlines())
    return f"{create}\n{send}\nfor _ in 1 2 3 4 5 6 7 8 9; do {read} | grep msg_ && break; sleep 0.2; done\n"


@contextmanager
def serving(command: str, where: Path) -> Iterator[str]:
    """Run the server until the block ends; yield what it has said when it was ready."""
    server = subprocess.Popen(
        ["bash", "-ec", command],
        cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield _until_ready(server)
    finally:
        said = stop(server)
    assert "stopping" in said, f"the server did not stop cleanly:\n{said}"


def _until_ready(server: "subprocess.Popen[str]") -> str:
    assert server.stdout is not None
    said = ""
    too_late = threading.Timer(START_SECONDS, os.killpg, (server.pid, signal.SIGTERM))
    too_late.start()
    try:
        for line in server.stdout:
            said += line
            if line.startswith("Ready after"):
                return said
    finally:
        too_late.cancel()
    raise AssertionError(f"the server did not start:\n{said}")


def stop(server: "subprocess.Popen[str]") -> str:
    """Press Ctrl-C, as at a terminal; return what was said since."""
    with suppress(ProcessLookupError):  # it ended by itself
        os.killpg(server.pid, signal.SIGINT)
    said, _ = server.communicate(timeout=STOP_SECONDS)
    return said


def bash(script: str, where: Path) -> str:
    """Run a script to its end and return what it printed; any command that fails ends it."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=where, capture_output=True, text=True, timeout=RUN_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"exit code {done.returncode} of\n{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, subprocess.SubprocessError) as error:
        sys.exit(f"README: {error}")
