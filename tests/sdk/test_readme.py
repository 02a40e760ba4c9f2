"""The samples of the Python client's README run as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from daimon_email import DaimonClient
from e2e.serving import Serving, environment

from .conftest import Account
from .test_sending import paying

README = Path(__file__).parents[2] / "sdk" / "python" / "README.md"
SAMPLES = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def test_there_are_samples() -> None:
    """So that none is lost with its fence."""
    assert len(SAMPLES) >= 8


@pytest.mark.parametrize("sample", SAMPLES, ids=range(len(SAMPLES)))
def test_a_sample_runs(sample: str, served: Serving, tmp_path: Path) -> None:
    """With an account that may send, and a mail in its inbox; it is typed, too."""
    with DaimonClient(base_url=served.api) as nobody:
        first = nobody.inboxes.create()
    with DaimonClient(first.account_api_key, served.api) as client:
        account = paying(Account(client, first, served))
        other = client.inboxes.create()
        account.receive()
        assert client.messages.wait(first.id, timeout=30)
    keys = {} if "no key yet" in sample else {"DAIMON_API_KEY": str(first.account_api_key)}
    variables = {"INBOX": first.email, "INBOX_KEY": str(first.inbox_api_key), "TO": other.email}
    (tmp_path / "test_sample.py").write_text(sample)
    program = ["-m", "pytest", "-q", tmp_path] if "def test_" in sample else ["-c", sample]
    done = subprocess.run(
        [sys.executable, *program],
        env=environment(DAIMON_BASE_URL=served.api, **keys) | variables | {"DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
