"""The TypeScript client: installed, built and tested as its README says, against a whole server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.serving import FREE_PORTS, Serving

PACKAGE = Path(__file__).parents[2] / "sdk" / "typescript"


def npm(*arguments: str, **variables: str) -> None:
    """Run a command of npm's; what it said is shown if it fails."""
    done = subprocess.run(
        ["npm", *arguments],
        cwd=PACKAGE,
        env=os.environ | {"npm_config_update_notifier": "false"} | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("typescript_client")
def test_it_is_built_and_passes_its_tests(tmp_path: Path) -> None:
    """`npm ci` and `npm run build`, then `npm test`; its server is its own, as its samples take names of their own."""
    served = Serving(tmp_path / "data", *FREE_PORTS, DAIMON_FREE_CREATES_PER_HOUR="0")
    try:
        served.ready()
        npm(
            "test",
            TEST_DAIMON=str(Path(sys.executable).with_name("daimon")),
            TEST_DAIMON_API=served.api,
            TEST_DAIMON_SMTP=str(served.smtp_port),
            TEST_DAIMON_DATA=str(served.data_dir),
        )
    finally:
        served.process.terminate()
        served.finish()
