"""Ctrl-C while a command is still being loaded."""

import os
import signal
import subprocess
import sys

import pytest

from daimon.cli import EndedAtOnce

PROGRAM = """
import os, signal
from daimon.cli import EndedAtOnce
with EndedAtOnce():
    os.kill(os.getpid(), signal.SIGINT)
"""


def test_nothing_is_said_of_half_a_module() -> None:
    """The process ends by the signal; a shell makes 130 of that."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_afterwards_a_command_is_interrupted_as_ever() -> None:
    """By KeyboardInterrupt."""
    with EndedAtOnce():
        pass
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_who_handles_it_otherwise_goes_on_to() -> None:
    """Such as a program that runs a command within itself."""
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        with EndedAtOnce():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]
