"""`daimon serve` as an operator runs it: a process, its output, its signals."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from daimon.config import CLIENT_VARIABLES

_PATIENCE = 60.0  # seconds
FREE_PORTS = ("--http-port=0", "--smtp-port=0", "--submission-port=0", "--metrics-port=0")


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment with no settings but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAIMON_")}
    assert CLIENT_VARIABLES.isdisjoint(kept)
    return kept | variables


def daimon(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "daimon", *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )


def refusal(*arguments: str, **variables: str) -> str:
    """Run a command that must fail, and return the one line that says why."""
    done = daimon(*arguments, **variables)
    assert done.returncode not in (0, -signal.SIGKILL), done
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    return line.removeprefix("daimon: ")


class Serving:
    """A `daimon serve` that was started; `output` is what it has said so far, `welcome` its standard output alone."""

    def __init__(self, data_dir: Path, *arguments: str, **variables: str) -> None:
        self.data_dir = data_dir
        self.output = self.welcome = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "daimon", "serve", f"--data-dir={data_dir}", "--metrics-port=0", *arguments],
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # Read on by themselves, as a full pipe would hold the server up.
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (self.process.stdout, self.process.stderr)
        ]
        for reader in self._readers:
            reader.start()

    def await_line(self, pattern: str) -> "re.Match[str]":
        """Read on until a line matches."""
        for _ in self._readers:
            while (line := self._lines.get(timeout=_PATIENCE)) is not None:
                self.output += line
                if found := re.search(pattern, line):
                    return found
        raise AssertionError(f"the server ended without {pattern!r}:\n{self.output}")

    def ready(self) -> "Serving":
        """Read on until the server is ready, which it says last."""
        self.await_line("^Ready after")
        return self

    @property
    def api(self) -> str:
        """The API's URL."""
        return self._shown("API")

    @property
    def smtp_port(self) -> int:
        """The SMTP receiver's port."""
        return int(self._shown("SMTP").rpartition(":")[2])

    @property
    def submission_port(self) -> int:
        """The submission port."""
        return int(self._shown("submit").rpartition(":")[2])

    @property
    def metrics(self) -> str:
        """The metrics' URL."""
        return self._shown("metrics")

    def role(self, name: str) -> int:
        """Return the process of a role, once there is one: it may have died, and is then started again."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            with suppress(OSError):  # one of them ended meanwhile
                for pid in self._children():
                    if f"_role {name}" in command_of(pid):
                        return pid
            time.sleep(0.02)
        raise AssertionError(f"no {name} process")

    @property
    def postgres(self) -> int:
        """The database server's process."""
        return int((self.data_dir / "postgres/postmaster.pid").read_text().split()[0])

    def family(self) -> list[int]:
        """Return every process of this server."""
        return [self.process.pid, *self._children()]

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, read what remains, and return the exit code."""
        self.process.send_signal(how)
        return self.finish()

    def finish(self) -> int:
        """Read until every process has let go of the output, and return the exit code."""
        for reader in self._readers:
            reader.join(_PATIENCE)
        self.said()
        return self.process.wait(_PATIENCE)

    def said(self) -> str:
        """Return all that it has said by now."""
        while not self._lines.empty():
            self.output += self._lines.get() or ""
        return self.output

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                if stream is self.process.stdout:
                    self.welcome += line
                self._lines.put(line)
        self._lines.put(None)

    def _children(self) -> list[int]:
        return [
            int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ]

    def _shown(self, name: str) -> str:
        found = re.search(rf"^  {name}\s+(\S+)$", self.output, re.MULTILINE)
        assert found, self.output
        return found[1]


def command_of(pid: int) -> str:
    """Return the command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def is_running(pid: int) -> bool:
    """Whether a process is there and not only waits to be noticed as dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
