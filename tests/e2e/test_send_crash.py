"""Every 202 is delivered, whatever dies: the short run of the benchmark."""

import re
import subprocess
import sys
from pathlib import Path

from serving import environment

ROOT = Path(__file__).parents[2]


def test_every_acknowledged_send_arrives() -> None:
    """API, worker and database are killed while mails are sent; what had a 202 comes, and once, or says so."""
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.outbound_crash", "--sends=200", "--kills=3"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found = re.search(r"killed: (.*); 0 lost; (\d+) duplicates, at the most (\d+) of one mail", run.stdout)
    assert found, run.stdout
    assert all(victim in found[1] for victim in ("worker", "api", "postgres"))
    kills = sum(map(int, re.findall(r"\d+", found[1])))
    assert int(found[3]) <= kills  # of one mail, no more than one for each kill
