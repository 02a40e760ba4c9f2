"""Every 202 is delivered, whatever dies: the short run of the benchmark."""

import re
import subprocess
import sys
from pathlib import Path

from serving import environment

ROOT = Path(__file__).parents[2]


def crash(*options: str) -> "re.Match[str]":
    """Return what a run says that lost nothing."""
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.outbound_crash", "--kills=3", *options],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    counts = r"(\d+) duplicates, at the most (\d+) of one mail, 0 untold"
    pattern = rf"(\d+) sends of (\d+) mails .*\nkilled: (.*); 0 lost; {counts}"
    found = re.search(pattern, run.stdout)
    assert found, run.stdout
    assert all(victim in found[3] for victim in ("worker", "api", "postgres"))
    return found


def test_every_acknowledged_send_arrives() -> None:
    """API, worker and database are killed while mails are sent; what had a 202 comes, and once, or says so."""
    found = crash("--sends=200")
    assert found[1] == found[2]
    kills = sum(map(int, re.findall(r"\d+", found[3])))
    assert int(found[5]) <= kills  # of one mail, no more than one for each kill


def test_what_is_cancelled_never_arrives_afterwards() -> None:
    """While the same are killed: nor had it arrived, unless the answer says that it may have."""
    found = crash("--sends=400", "--cancel")
    told = re.search(
        r"(\d+) cancelled, \d+ of them told as doubtful; 0 arrived afterwards, 0 had arrived", found.string
    )
    assert told, found.string
    assert int(told[1]) > 0


def test_a_thousand_sends_with_one_client_id_are_one_mail() -> None:
    """Side by side and repeated, while the same are killed."""
    found = crash("--sends=1000", "--same")
    assert int(found[1]) >= 1000
    assert found[2] == "1"
    kills = sum(map(int, re.findall(r"\d+", found[3])))
    assert int(found[4]) <= kills
