"""The Python samples of the page that started the project run as they stand there.

`seed_samples/` holds them word for word; the second goes on where the first ends.
"""

import re
import subprocess
import sys
from pathlib import Path

from e2e.serving import Serving, environment

SAMPLES = Path(__file__).parent / "seed_samples"


def test_the_seeds_samples_run_verbatim(served: Serving) -> None:
    """Only DAIMON_BASE_URL is set."""
    samples = [(SAMPLES / name).read_text() for name in ("create_first_inbox.txt", "list_inboxes.txt")]
    done = subprocess.run(
        [sys.executable, "-c", "".join(samples)],
        env=environment(DAIMON_BASE_URL=served.api),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    account, first, total, listed = done.stdout.splitlines()
    assert re.fullmatch(r"Account: acc_[0-9a-f]{32}", account)
    assert first == "First inbox: platform-admin@daimon.email"
    assert total == "Total inboxes: 1"
    assert re.fullmatch(r"- platform-admin@daimon\.email \(inbox_[0-9a-f]{32}\)", listed)
