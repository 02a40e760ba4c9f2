"""The TypeScript client: installed, built and tested as its README says, against a whole server."""

import sys
from pathlib import Path

import pytest

from e2e.serving import FREE_PORTS, Serving
from npm import PATIENCE, npm


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE)
@pytest.mark.usefixtures("typescript_client")
def test_it_passes_its_tests(tmp_path: Path) -> None:
    """`npm ci` and `npm run build`, then `npm test`, on a server of its own: its samples take names."""
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
