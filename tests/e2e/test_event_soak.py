"""Nobody who follows an account misses an event or hears one twice, whatever dies: the short run of the benchmark."""

import re
import subprocess
import sys
from pathlib import Path

from serving import environment

ROOT = Path(__file__).parents[2]


def test_everybody_hears_every_event_once() -> None:
    """Two followers of each kind, hundreds of mails, each role killed at least once."""
    soak = subprocess.run(
        [sys.executable, "-m", "benchmarks.event_soak", "--events=600", "--subscribers=2", "--kills=1"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert soak.returncode == 0, soak.stdout + soak.stderr
    judged = re.findall(
        r"^(\w+): 2 subscribers, (\d+) events, .*: 0 lost, 0 doubled, 0 out of order", soak.stdout, re.MULTILINE
    )
    assert [kind for kind, _ in judged] == ["ServerSentEvents", "Socket", "LongPoll", "Pages", "Hook"]
    events = int(soak.stdout.split()[0])
    # Each waits at an inbox of its own; the others follow the account and hear both.
    assert [int(heard) for _, heard in judged] == [2 * events, 2 * events, events, 2 * events, 2 * events]
    killed = dict(re.findall(r"'(\w+)': (\d+)", soak.stdout.partition("killed: ")[2].partition("}")[0]))
    assert set(killed) == {"api", "worker", "smtp"}
    assert all(int(times) >= 1 for times in killed.values()), killed
