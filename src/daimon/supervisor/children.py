"""A role as a child process, started again whenever it dies."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from daimon.config import PREFIX
from daimon.kit.metrics import SharedBoard
from daimon.kit.process import die_with_parent

_LONGEST_PAUSE = 30.0
_STEADY = 60.0  # a child that lived so long starts again with no pause


class Pauses:
    """How long to wait before each restart: none, then 0.5 s, doubled up to 30 s; none again after a steady minute."""

    def __init__(self) -> None:
        self._failures = 0
        self._started = 0.0
        self.due = 0.0

    def started(self) -> None:
        """Note that a start was tried."""
        self._started = time.monotonic()

    def failed(self) -> float:
        """Note that it ended; return the seconds until the next start is due."""
        now = time.monotonic()
        self._failures = 1 if now - self._started > _STEADY else self._failures + 1
        pause = 0.0 if self._failures == 1 else min(_LONGEST_PAUSE, 0.25 * 2.0 ** (self._failures - 1))
        self.due = now + pause
        return pause


@dataclass(frozen=True, slots=True)
class Death:
    """A child that ended by itself."""

    name: str
    pid: int
    status: int

    def __str__(self) -> str:
        how = f"exit code {self.status}" if self.status >= 0 else f"killed by {signal.Signals(-self.status).name}"
        return f"the {self.name} process {self.pid} ended ({how})"


class RoleProcess:
    """One process of one role, over the listening sockets that the role has.

    It takes a while to load, so it is started early and waits for its settings, which come by its standard input: there
    nobody sees the secrets among them. That input stays open, and its end tells the process that the supervisor died.
    """

    def __init__(self, role: str, listeners: Sequence[socket.socket]) -> None:
        self.role = role
        self.pauses = Pauses()
        self.board = SharedBoard()  # what it counts; outlives the process
        self._listeners = listeners
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process; it loads and then waits for `begin`."""
        listening = [each.fileno() for each in self._listeners]
        # -P: the directory that the server was started in is no place to import from.
        command = [sys.executable, "-P", "-m", "daimon", "_role", self.role]
        command += [f"--counts={self.board.fd}", *(f"--fd={fd}" for fd in listening)]
        self.pauses.started()
        self._process = subprocess.Popen(  # noqa: S603 -- our own command line
            command,
            env={name: value for name, value in os.environ.items() if not name.startswith(PREFIX)},
            stdin=subprocess.PIPE,
            pass_fds=(self.board.fd, *listening),
            start_new_session=True,  # Ctrl-C at a terminal reaches the supervisor alone
            preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 -- the thread of the metrics holds no lock that it takes
        )

    def begin(self, settings: bytes) -> None:
        """Hand the process its settings, one line."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it died already, which `death` tells
                self._process.stdin.write(settings)
                self._process.stdin.flush()

    def death(self) -> Death | None:
        """Return how the process ended, once."""
        if self._process is None or (status := self._process.poll()) is None:
            return None
        found = Death(self.role, self._process.pid, status)
        self._forget()
        return found

    def ask_to_stop(self) -> None:
        """Ask the process to finish what it does and end."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """End the process at once and wait for that."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._forget()

    def _forget(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process = None
        self.board.drop_gauges()
